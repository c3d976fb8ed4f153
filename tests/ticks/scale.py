"""Ten thousand schedules: how late they fire when many are due at once, and what a tick costs that finds nothing due.

`python -m tests.ticks scale` tells the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import redis

from fairque import FairQueueConfig, Task, TaskScheduler
from fairque.core.settings import QueueSettings, RedisSettings
from fairque.queue.verbs import Verbs
from fairque.scheduler.entries import Draft
from fairque.scheduler.rounds import round_of
from fairque.scheduler.verbs import ScheduleVerbs
from fairque.store import schedules
from fairque.store.driver import Driver
from fairque.store.schedules import Schedule
from tests.server import delete_keys
from tests.waiting import wait_until

USERS: Final = 1000
YEAR: Final = 31_536_000_000
"""Milliseconds."""


class Lags(NamedTuple):
    """How late fires were, in seconds."""

    half: float
    most: float
    latest: float

    @staticmethod
    def of(found: list[float]) -> Lags:
        """Return the median, the 99th percentile and the maximum."""
        found = sorted(found)
        return Lags(found[len(found) // 2], found[len(found) * 99 // 100], found[-1])


class Cost(NamedTuple):
    """What a tick costs, in microseconds: all of it, and Redis's part."""

    whole: float
    redis: float


class Timetable:
    """Many schedules in a queue, written at once."""

    def __init__(self, url: str, prefix: str) -> None:
        self.config = FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix=prefix))
        verbs = Verbs(self.config, None)
        self._root, self._driver = verbs.root, Driver(self.config.redis)
        self._client, self._prefix = redis.Redis.from_url(url), prefix
        self._driver.converse(verbs.meet())
        self._ids: list[str] = []

    def now(self) -> int:
        """Return what time it is there, in epoch milliseconds."""
        return self._driver.run(schedules.read(self._root, None)).now_ms

    def fill(self, count: int, due: Callable[[int], int], **when: Any) -> None:
        """Write so many schedules, one of which is due next when `due` says."""
        when = {"cron_expr": None, "every": None, "timezone": None, "start": None, "end": None, **when}
        verbs = ScheduleVerbs(self._root, "UTC")
        made: Draft = verbs.draft("s", Task.create(user_id="u"), None, when, {"catchup": "all", "overlap": "allow"})

        def numbered(n: int) -> Schedule:
            user = f"user:{n % USERS}"
            return Schedule(f"s{n}", 0, "A", due(n), user, made.definition, made.body)

        found = [numbered(n) for n in range(count)]
        self._driver.run_all((schedules.write(self._root, one, None) for one in found), [])
        self._ids = [one.schedule_id for one in found]

    def fired(self) -> int:
        """Return how many tasks have been pushed."""
        return int(self._client.hget(f"{self._root}:queue:stats", "seq") or 0)

    def lags(self) -> list[float]:
        """Return how late the last fires were, in seconds: as many of each schedule as there are."""
        readings: list[schedules.Reading] = []
        self._driver.run_all((schedules.read(self._root, name, schedules.FIRES) for name in self._ids), readings)
        return [(line.at_ms - line.instant_ms) / 1000 for reading in readings for line in reading.fires]

    def cost(self, ticks: int) -> Cost:
        """Return what each of so many ticks costs, one after another."""
        link = self._driver.link()
        link.converse(round_of(self._root, "token", "s|h|1"))
        self._client.config_resetstat()
        began = time.perf_counter()
        for _ in range(ticks):
            link.converse(round_of(self._root, "token", "s|h|1"))
        whole = time.perf_counter() - began
        link.close()
        stats: Any = self._client.info("commandstats")
        return Cost(whole / ticks * 1e6, stats["cmdstat_evalsha"]["usec"] / ticks)

    def close(self) -> None:
        delete_keys(self._client, self._prefix)
        self._client.close()
        self._driver.close()


@contextmanager
def timetable(url: str, prefix: str) -> Iterator[Timetable]:
    """Give an empty one for the block."""
    made = Timetable(url, prefix)
    try:
        yield made
    finally:
        made.close()


def at_once(url: str, prefix: str, count: int, **when: Any) -> Lags:
    """Return how late schedules fire that are all due at the same second."""
    return _lags(url, prefix, count, lambda _, first: first, count, **when)


def spread(url: str, prefix: str, count: int, a_second: int, seconds: int) -> Lags:
    """Return how late schedules fire of which a few are due each second."""
    every = count / a_second
    return _lags(url, prefix, count, lambda n, first: first + n * 1000 // a_second, a_second * seconds, every=every)


def _lags(url: str, prefix: str, count: int, due: Callable[[int, int], int], fires: int, **when: Any) -> Lags:
    """Let schedules fire so many times. `due` says when one is due, by its number and when the first is."""
    lead = 2000 + count // 5
    while True:
        with timetable(url, prefix) as table:
            first = ((table.now() + lead) // 1000 + 1) * 1000
            table.fill(count, lambda n, first=first: due(n, first), **when)  # type: ignore[misc]
            with TaskScheduler(table.config):
                if table.now() < first:  # else it took longer to write them than was thought, and they are late by that
                    wait_until(lambda: table.fired() >= fires, description="they have fired", timeout=60)
                    return Lags.of(table.lags())
        lead *= 2


def idle(url: str, prefix: str, count: int, ticks: int = 1000) -> Cost:
    """Return what a tick costs beside so many schedules none of which is due."""
    with timetable(url, prefix) as table:
        later = table.now() + YEAR
        table.fill(count, lambda n: later + n, every=3600.0)
        return table.cost(ticks)
