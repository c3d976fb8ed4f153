"""Scheduler processes on the real clock: how late a fire is when the one that has the lock is killed or stopped.

`python -m tests.ticks lock` is the long form.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import redis

from fairque import FairQueueConfig, Task, TaskQueue, TaskScheduler
from fairque.core.schedule import ms
from fairque.core.settings import QueueSettings, RedisSettings
from tests.server import delete_keys
from tests.waiting import wait_until
from tests.worker.programs import ROOT, WorkerProcess

EVERY: Final = 0.1
"""Seconds between fires: the least there is, so that one is due wherever a blow falls."""
LATEST: Final = 2.0
"""Seconds by which a fire may be late when who has the lock is killed or stopped."""
STILL: Final = 2.5
"""Seconds for which a scheduler stands still: longer than it has the lock."""

_PROGRAM: Final = """
import logging, sys
from fairque import FairQueueConfig, TaskScheduler

logging.basicConfig(level="INFO", stream=sys.stderr)
TaskScheduler(FairQueueConfig.create_default(), id=sys.argv[1]).run()
print("ended in order")
"""


class Blow(NamedTuple):
    """What came of one kill or stop: the lag of the latest fire, in seconds."""

    kind: str
    lag: float


class Troupe:
    """Schedulers as processes of their own, and one schedule that fires ten times a second."""

    def __init__(self, url: str, prefix: str, place: Path) -> None:
        self.config = FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix=prefix))
        self._place = place
        (place / "worker.py").write_text(_PROGRAM, encoding="utf-8")
        self._environment = {name: text for name, text in os.environ.items() if not name.startswith("FAIRQUE_")}
        self._environment |= {"FAIRQUE_REDIS__URL": url, "FAIRQUE_QUEUE__PREFIX": prefix, "PYTHONPATH": str(ROOT)}
        self._processes: list[WorkerProcess] = []
        self._numbers = itertools.count(1)
        self.verbs = TaskScheduler(self.config)
        self.queue = TaskQueue(self.config)
        self.schedule = self.verbs.add_schedule(
            task=Task.create(user_id="u"), every=EVERY, catchup="all(1000)", overlap="allow"
        )

    def start(self, scheduler_id: str | None = None) -> WorkerProcess:
        """Start a scheduler; it may not be one yet when this returns."""
        number = next(self._numbers)
        place = self._place / str(number)
        place.mkdir()
        (place / "worker.py").symlink_to(self._place / "worker.py")
        self._processes.append(WorkerProcess(place, scheduler_id or f"s{number}", self._environment, []))
        return self._processes[-1]

    def listed(self) -> int:
        """Return how many schedulers have ticked of late and are alive."""
        alive = {process.pid for process in self._processes if process.process.poll() is None}
        return sum(one["pid"] in alive for one in self.verbs.schedulers())

    def leader(self) -> WorkerProcess:
        """Wait until one that is alive has the lock, and return it."""
        found: list[WorkerProcess] = []

        def leads() -> bool:
            pids = {one["pid"] for one in self.verbs.schedulers() if one["leads"]}
            found[:] = [each for each in self._processes if each.pid in pids and each.process.poll() is None]
            return bool(found)

        wait_until(leads, description="a scheduler has the lock")
        return found[0]

    def await_fire(self, since: datetime) -> None:
        """Wait until a fire has happened that was due after an instant."""
        wait_until(
            lambda: any(fire.instant > since for fire in self.verbs.history(self.schedule, 1)),
            description="the schedule fires",
        )

    def kill(self) -> Blow:
        """Kill the one that has the lock, and start another."""
        victim, struck = self._victim()
        victim.signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        self.start()
        return self._told("kill", struck)

    def stop(self) -> Blow:
        """Stop the one that has the lock, let another take over, and let the first go on."""
        victim, struck = self._victim()
        victim.signal(signal.SIGSTOP)
        told = self._told("stop", struck)
        time.sleep(max(0.0, STILL - (datetime.now(UTC) - struck).total_seconds()))
        assert self.leader().pid != victim.pid
        victim.signal(signal.SIGCONT)
        self.await_fire(datetime.now(UTC))
        return told

    def check(self) -> None:
        """Let no more fire, and see that each instant has fired once, from the first to the last."""
        timing = self.verbs.pause(self.schedule).timing
        instants = [ms(fire.instant) for fire in reversed(self.verbs.history(self.schedule))]
        steps = {later - earlier for earlier, later in itertools.pairwise(instants)}
        assert steps == {timing.every_ms}, f"missed or doubled: {instants}"
        assert timing.every_ms
        assert self.queue.get_stats()["queued"] == (instants[-1] - timing.anchor_ms) // timing.every_ms

    def close(self) -> None:
        for process in self._processes:
            process.close()
        self.verbs.close()
        self.queue.close()

    def _victim(self) -> tuple[WorkerProcess, datetime]:
        """Wait until no fire is late; return who has the lock, and what time it is."""
        self.await_fire(datetime.now(UTC))
        return self.leader(), datetime.now(UTC)

    def _told(self, kind: str, struck: datetime) -> Blow:
        """Wait until the schedule is up to date again, and return the lag of the latest fire since the blow."""
        self.await_fire(struck + timedelta(seconds=2 * EVERY))
        return Blow(kind, max(fire.lag for fire in self.verbs.history(self.schedule) if fire.at > struck))


def strike(url: str, prefix: str, place: Path, count: int) -> Iterator[Blow]:
    """Kill and stop who has the lock, so often each, and judge what came of it in the end."""
    with redis.Redis.from_url(url) as client, troupe(url, prefix, place) as made:
        for _ in range(count):
            yield made.kill()
            yield made.stop()
        made.check()
        delete_keys(client, prefix)


@contextmanager
def troupe(url: str, prefix: str, place: Path, count: int = 3) -> Iterator[Troupe]:
    """Give so many schedulers for the block."""
    with ExitStack() as stack:
        made = stack.enter_context(closing(Troupe(url, prefix, place)))
        for _ in range(count):
            made.start()
        wait_until(lambda: made.listed() == count, description="all schedulers are there", timeout=30)
        yield made
