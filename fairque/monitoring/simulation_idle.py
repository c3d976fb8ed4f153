"""Capacity that was lost: slots that stood free while a task waited that could have run there.

It is found from the trace and the run alone, caps and token buckets reckoned anew, so that a wake-up which the scripts
forgot shows as lost time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fairque.core.ids import EVERYONE
from fairque.core.limits import UserSettings
from fairque.monitoring.trace import Trace

_EARLY = 1e-6
"""Tokens: what two ways of reckoning may differ by."""


class Free(NamedTuple):
    """So many free slots, and whom their worker serves."""

    slots: int
    serves: frozenset[str]


class _Standing:
    """What of one user waits and runs, and its token bucket."""

    def __init__(self, settings: UserSettings) -> None:
        self.waiting = self.running = 0
        self._most = 0 if settings.paused else settings.max_concurrency
        self._per_ms = None if settings.per_second is None else settings.per_second / 1000
        self._burst = settings.bucket or 0
        self._tokens, self._at = float(self._burst), 0

    def start(self, at: int) -> None:
        self.waiting -= 1
        self.running += 1
        if self._per_ms is not None:
            self._tokens, self._at = self._held(at) - 1, at

    def startable(self, at: int) -> int:
        """How many more could start at an instant."""
        room = self.waiting if self._most is None else min(self.waiting, self._most - self.running)
        return room if self._per_ms is None else min(room, math.floor(self._held(at) + _EARLY))

    def opens(self, at: int) -> int:
        """When the bucket holds a token, this instant at the earliest."""
        return at if self._per_ms is None else at + max(0, math.ceil((1 - _EARLY - self._held(at)) / self._per_ms))

    def _held(self, at: int) -> float:
        return min(self._burst, self._tokens + (at - self._at) * (self._per_ms or 0.0))


class Idle:
    """Watches a run. `lost_ms` is slots times milliseconds."""

    def __init__(self, trace: Trace) -> None:
        self._users = {user: _Standing(trace.settings_of(user)) for user in trace.user_ids}
        self._waiting = 0
        self.lost_ms = 0

    def arrive(self, user_id: str) -> None:
        """Note that a task came."""
        self._waiting += 1
        self._users[user_id].waiting += 1

    def start(self, user_id: str, at: int) -> None:
        """Note that a task started."""
        self._waiting -= 1
        self._users[user_id].start(at)

    def end(self, user_id: str) -> None:
        """Note that a task ended."""
        self._users[user_id].running -= 1

    def pass_by(self, at: int, until: int, free: Sequence[Free]) -> None:
        """Let time pass from one instant to the next, with these free slots."""
        if self._waiting and free:
            openings = {opening for one in self._users.values() if at < (opening := one.opens(at)) < until}
            for begin, end in itertools.pairwise([at, *sorted(openings), until]):
                self.lost_ms += self._lost(begin, free) * (end - begin)

    def _lost(self, at: int, free: Iterable[Free]) -> int:
        """How many of the free slots something could have started in."""
        startable = {user: n for user, one in self._users.items() if one.waiting and (n := one.startable(at)) > 0}
        if not startable:
            return 0
        used = 0
        for slots, serves in free:
            mine = sum(n for user, n in startable.items() if user in serves or EVERYONE in serves)
            used += min(slots, mine)
        return min(used, sum(startable.values()))
