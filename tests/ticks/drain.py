"""Takes what schedulers push: claims each task, writes down which fire it is, and ends it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

from fairque.core.outcome import Done
from fairque.store.claims import MAX_WANT, Ended, end, settle
from fairque.store.driver import Driver

_LEASE: Final = 10.0**7
"""Simulated seconds: longer than an era."""


class Fired(NamedTuple):
    """A task that was pushed: the version of its schedule, and the instant, in epoch milliseconds."""

    version: int
    instant: int


class Drain:
    """Ends all tasks of a queue, 80 a call, and keeps what they were."""

    def __init__(self, driver: Driver, root: str, clock: Callable[[], int]) -> None:
        self.fired: defaultdict[str, list[Fired]] = defaultdict(list)
        """Schedule -> its tasks, in the order in which they were granted."""
        self.count = 0
        self.side_by_side: Counter[str] = Counter()
        """Schedule -> how many of its tasks were there while another was."""
        self._driver, self._root, self._clock = driver, root, clock
        self._ended: list[Ended] = []
        self._calls = 0

    def once(self) -> bool:
        """End what was claimed and claim more; return whether there was anything."""
        self._calls += 1
        call = settle(
            self._root,
            "drain",
            str(self._calls),
            want=MAX_WANT,
            lease=_LEASE,
            ended=self._ended,
            now=str(self._clock()),
        )
        settled = self._driver.run(call)
        assert not settled.stale, "nobody else ends tasks"
        self._ended, here = [], set[str]()
        for grant in settled.grants:
            schedule_id, version, instant = grant.task_id.split("/")
            self.fired[schedule_id].append(Fired(int(version), int(instant)))
            self.side_by_side[schedule_id] += schedule_id in here
            here.add(schedule_id)
            ended = end(grant.member, grant.token, Done(b"null"), ran=0.0, ending=None, keep=0, keep_failed=0)
            self._ended.append(ended)
        self.count += len(settled.grants)
        return bool(settled.grants)
