"""How far the demo is, read from the queue a few times a second: sizes and sums, never task by task."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from fairque.core.service import wait_percentile
from fairque.monitoring.demo_files import Team
from fairque.queue.queue import TaskQueue

_PRESENT: Final = 1.5
"""Seconds over which the present share of service is taken."""
_EVERY: Final = 0.5
"""Seconds between two readings of the waits, which workers tell once a second."""


class Standing(msgspec.Struct, frozen=True):
    """How far a team is. `share` is its part of what was finished just now, 0 to 1; waits are in ms."""

    team: Team
    arrived: bool
    waiting: int = 0
    running: int = 0
    done: int = 0
    share: float = 0.0
    wait_p50_ms: float | None = None
    wait_p95_ms: float | None = None


class Frame(msgspec.Struct, frozen=True):
    """The demo at an age in seconds: its teams, and what has happened since the last frame."""

    seconds: float
    standings: tuple[Standing, ...]
    done: int
    total: int
    events: tuple[str, ...]


class Progress:
    """Looks at the queue and tells what is new."""

    def __init__(self, queue: TaskQueue, teams: Sequence[Team]) -> None:
        self._queue, self._teams = queue, teams
        self._started = time.monotonic()
        self._arrived: dict[str, float] = {}
        self._finished: set[str] = set()
        self._served: dict[str, dict[str, int]] = {}
        self._waits_read = 0.0
        self._history: deque[tuple[float, dict[str, int]]] = deque()
        self._events: list[str] = []

    def begin(self) -> None:
        """Count seconds from now on."""
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """Add an event to the next frame."""
        self._events.append(text)

    def arrive(self, team: Team) -> None:
        """Note that a team has submitted its tasks."""
        self._arrived[team.user_id] = time.monotonic()
        self.say(f"{team.user_id} submits {len(team.files):,} tasks: {team.source}")

    def look(self) -> Frame:
        """Read the queue once."""
        now = time.monotonic()
        if now - self._waits_read > _EVERY:
            self._waits_read, self._served = now, self._queue.served(2)
        sizes = self._queue.users()
        counts = {team.user_id: self._counts(team, sizes.get(team.user_id, {})) for team in self._teams}
        shares = self._shares(now, {user: done for user, (_, _, done) in counts.items()})
        standings = tuple(
            Standing(team, user in self._arrived, *counts[user], shares[user], *self._waits(now, user))
            for team in self._teams
            for user in (team.user_id,)
        )
        self._tell_finished(now, standings)
        events, self._events = tuple(self._events), []
        done, total = sum(one.done for one in standings), sum(len(team.files) for team in self._teams)
        return Frame(now - self._started, standings, done, total, events)

    def _counts(self, team: Team, sizes: Mapping[str, int]) -> tuple[int, int, int]:
        """Return how many of a team's tasks wait, run and are over."""
        if team.user_id not in self._arrived:
            return 0, 0, 0
        waiting = sum(sizes.get(state, 0) for state in ("queued", "scheduled", "deferred"))
        running = sizes.get("started", 0)
        return waiting, running, max(0, len(team.files) - waiting - running)

    def _shares(self, now: float, done: dict[str, int]) -> dict[str, float]:
        """Return each user's part of what was finished in the last moments."""
        self._history.append((now, done))
        while now - self._history[0][0] > _PRESENT and len(self._history) > 2:
            self._history.popleft()
        gained = {user: max(0, count - self._history[0][1][user]) for user, count in done.items()}
        total = sum(gained.values())
        return {user: count / total if total else 0.0 for user, count in gained.items()}

    def _waits(self, now: float, user: str) -> tuple[float | None, float | None]:
        """Return p50 and p95. Workers count in buckets, whose upper end may lie further back than the arrival."""
        age = now - self._arrived.get(user, now)
        waits = (wait_percentile(self._served.get(user, {}), part) for part in (0.5, 0.95))
        p50, p95 = (None if wait is None else round(min(wait, age) * 1000, 1) for wait in waits)
        return p50, p95

    def _tell_finished(self, now: float, standings: Sequence[Standing]) -> None:
        for one in standings:
            user, count = one.team.user_id, len(one.team.files)
            if one.arrived and one.done == count and user not in self._finished:
                self._finished.add(user)
                self.say(f"{user} has all {count:,} results, {now - self._arrived[user]:.1f} s after it submitted")
