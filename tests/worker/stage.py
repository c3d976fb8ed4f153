"""What the tests of the worker share: its configuration, and tasks that tell the test what they do."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from fairque import FairQueueConfig, TaskQueue, Worker, current_task, task
from fairque.core.settings import FairnessSettings, QueueSettings, RedisSettings, WorkerSettings
from tests.waiting import wait_until

PATIENCE = 20.0
"""Seconds after which a task at a gate gives up: longer than any test waits."""


def config_of(url: str, prefix: str, **worker: Any) -> FairQueueConfig:
    """Return the configuration of one worker, whatever the environment says."""
    worker = {"id": "w1", "assigned_users": ("*",), **worker}
    return FairQueueConfig(
        redis=RedisSettings(url=url),
        queue=QueueSettings(prefix=prefix),
        fairness=FairnessSettings(),
        workers=(WorkerSettings(**worker),),
    )


class Gate:
    """Where tasks wait for a word from the test, which sees who came."""

    def __init__(self) -> None:
        self.came: list[Any] = []
        self._opened = threading.Event()

    def open(self) -> None:
        """Let everyone pass, now and later."""
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether everyone may pass."""
        return self._opened.is_set()

    def wait_for(self, count: int) -> None:
        """Wait until so many have come."""
        wait_until(lambda: len(self.came) >= count, description=f"{count} tasks have come to the gate: {self.came}")

    def enter(self, who: Any) -> None:
        self.came.append(who)
        if not self._opened.wait(PATIENCE):
            raise TimeoutError("nobody opened the gate")


gates: defaultdict[str, Gate] = defaultdict(Gate)
"""By name; a test takes its prefix for one."""


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def stand_at(gate: str, who: str = "") -> str:
    """Wait until the gate is opened."""
    gates[gate].enter(who)
    return who


@task
def note(gate: str, who: str = "") -> str:
    """Only be seen."""
    gates[gate].came.append(who)
    return who


@task
def until_unwanted(gate: str, *, linger: bool = False) -> str:
    """Run until the worker says that it is no longer wanted; with `linger` until the gate is opened, too."""
    gates[gate].came.append("begun")
    context = current_task()
    wait_until(lambda: context.should_stop, description="the run is unwanted", timeout=PATIENCE)
    if linger:
        gates[gate].enter("unwanted")
    return "stopped"


class House:
    """One queue of a test, and its workers."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.name = prefix
        self.gate = gates[prefix]
        self.config = config_of(url, prefix)
        self.queue = TaskQueue(self.config)
        self._workers: list[Worker] = []

    def worker(self, id: str = "w1", **settings: Any) -> Worker:
        """Return a worker that is not started yet; the test's end stops it."""
        handler, middleware = settings.pop("handler", None), settings.pop("middleware", ())
        self._workers.append(Worker(config_of(self.url, self.name, id=id, **settings), handler, middleware=middleware))
        return self._workers[-1]

    def started(self, id: str = "w1", **settings: Any) -> Worker:
        """Return a worker that serves."""
        worker = self.worker(id, **settings)
        worker.start()
        return worker

    def key(self, name: str) -> str:
        """Return the name of a key of the queue."""
        return f"{{{self.name}:default}}:queue:{name}"

    def close(self) -> None:
        self.gate.open()
        for worker in self._workers:
            worker.stop(5)
        self.queue.close()
