"""What the tests of the doctor stand on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import redis

from fairque import FairQueueConfig, Task, TaskQueue, task
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from fairque.monitoring.doctor import Doctor
from fairque.monitoring.doctor_report import Report
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.tasks import root_of


@task(name="doctor:nothing", max_retries=1)
def nothing() -> None: ...


class Ward:
    """A queue, the doctor for it, and workers that only say that they are there."""

    def __init__(self, url: str, prefix: str) -> None:
        self.config = FairQueueConfig(
            redis=RedisSettings(url=url),
            queue=QueueSettings(prefix=prefix),
            workers=(WorkerSettings(id="w1", assigned_users=("*",), max_concurrent_tasks=4),),
        )
        self.root = root_of(prefix, "default")
        self.queue = TaskQueue(self.config)
        self.driver = Driver(self.config.redis)
        self.client = redis.Redis.from_url(url)
        self._numbers = itertools.count()

    def key(self, name: str) -> str:
        return f"{self.root}:queue:{name}"

    def pop(self) -> Task[Any]:
        """Take the next task."""
        popped = self.queue.pop()
        assert popped is not None
        return popped

    def examine(self, **options: Any) -> Report:
        doctor = Doctor(self.config, **options)
        try:
            return doctor.examine()
        finally:
            doctor.close()

    def codes(self) -> set[str]:
        """Return what is found, but for what this machine's server is like."""
        return {one.code for one in self.examine().findings} - {"server.volatile"}

    def beat(self, worker: str = "w9", **said: Any) -> None:
        """Say that a worker is there; it has a free slot and knows the tasks here unless it says otherwise."""
        known = {"lists": ["*"], "running": 0, "slots": 1, "tasks": ["doctor:nothing"], "tasks_total": 1, "pid": 1}
        text = msgspec.json.encode(known | said)
        name = str(next(self._numbers))
        self.driver.run(claims.beat(self.root, worker, name, text, lists=claims.SERVES_ALL, served={}))

    @contextmanager
    def beating(self, *said: dict[str, Any]) -> Iterator[None]:
        """Let these be said in turn, for as long as the block takes."""
        over = threading.Event()

        def beat() -> None:
            for words in itertools.cycle(said):
                self.beat(**words)
                if over.wait(0.25):
                    return

        thread = threading.Thread(target=beat)
        self.beat(**said[0])
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        for one in (self.queue, self.driver, self.client):
            one.close()
