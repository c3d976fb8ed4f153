"""What each user is entitled to: the fluid model, generalised processor sharing.

In Parekh and Gallager's reference (1993) service is a fluid: at each instant all users with work unfinished are served
at once, each at a rate proportional to its weight; what one does not need, or may not have for its caps, goes to the
others by weight. No real server can do that, tasks being whole; how close it comes is what fairness means.

Two choices make "received against entitled" exact, so that a difference is the scheduler's and nobody else's:

- **The fluid is given what the run gave, at the same instants, and is told no more than its total.** Where cost is
  `count` or `declared` that is the cost of each start, where it is `time` the run seconds of all busy slots. (In just
  this sense the bounds of start-time fair queuing, Goyal et al. 1996, hold for a server of any varying speed.) So the
  sums of both are equal at any time, and neither the mean length of tasks nor an hour without any disturbs the
  comparison. Capacity that was lost while work waited is told apart, as idle time.
- **Each user's backlog is the fluid's own**: what has come minus what the fluid has served, in the unit of the cost.
  Whom the run chose never enters.

Caps bound a user's fluid as they bound its tasks: `max_concurrency` to so many run seconds a second (where starts are
counted: to as many tasks as so many slots could run one after the other), `rate` to its token bucket. What all bounds
together leave over is carried on.

Users that the run's workers do not serve alike (lists other than `*`) have no entitlement that a weight could state.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from fairque.core.fairshare import entitled
from fairque.core.limits import UserSettings

_DUST = 1e-9
"""Work less than this is rounding."""


class Work(NamedTuple):
    """A task as the fluid model sees it: its cost, and for how many seconds it holds a slot."""

    cost: float
    seconds: float


class Bound:
    """So much service a user may have: `fill` each second, and up to `depth` of what it did not use before."""

    def __init__(self, fill: float, depth: float) -> None:
        self._fill, self._depth = fill, depth
        self.room = depth

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.room = min(self.room, self._depth) + self._fill * seconds


class SlotBound(Bound):
    """So much service as `slots` slots can give that run these tasks in order, one that is done making room for one."""

    def __init__(self, slots: int, tasks: Iterable[Work]) -> None:
        self._slots, self._tasks = slots, iter(tasks)
        self._running = [task for task, _ in zip(self._tasks, range(slots), strict=False)]
        super().__init__(0.0, sum(task.cost for task in self._running))
        self._next, self._spare = next(self._tasks, None), 0.0

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        if self.room >= self._depth:
            return
        self._spare += self._slots * seconds
        while self._next is not None and self._spare >= self._next.seconds:
            self._spare -= self._next.seconds
            self.room += self._next.cost
            self._next = next(self._tasks, None)


class Fluid:
    """A queue whose tasks are a fluid. Service is in one unit for all, that of the cost."""

    def __init__(self, weights: Mapping[str, float], bounds: Mapping[str, tuple[Bound, ...]]) -> None:
        self._weights, self._bounds = weights, bounds
        self._backlog: dict[str, float] = {}
        self._carried = 0.0
        self.served = dict.fromkeys(weights, 0.0)
        """What each user got so far."""

    def arrive(self, user_id: str, work: float) -> None:
        """Add to a user's unfinished work."""
        self._backlog[user_id] = self._backlog.get(user_id, 0.0) + work

    def serve(self, total: float, seconds: float) -> None:
        """Serve so much in all, `seconds` having passed since the last time."""
        for bounds in self._bounds.values():
            for bound in bounds:
                bound.pass_by(seconds)
        total += self._carried
        if total <= _DUST:
            return
        demands = {user: min(work, self._room(user)) for user, work in self._backlog.items()}
        shares = entitled(total, self._weights, demands)
        for user, share in shares.items():
            self.served[user] += share
            self._backlog[user] -= share
            if self._backlog[user] <= _DUST:
                del self._backlog[user]
            for bound in self._bounds.get(user, ()):
                bound.room -= share
        self._carried = total - sum(shares.values())

    def _room(self, user_id: str) -> float:
        return min((max(0.0, bound.room) for bound in self._bounds.get(user_id, ())), default=math.inf)


def bounds_of(settings: UserSettings, tasks: Sequence[Work], *, by_time: bool) -> tuple[Bound, ...]:
    """Return what a user's caps make of its tasks; `by_time` says whether service is counted in run seconds."""
    if settings.paused or settings.max_concurrency == 0:
        return (Bound(0.0, 0.0),)
    bounds: list[Bound] = []
    if (most := settings.max_concurrency) is not None:
        bounds.append(Bound(most, 0.0) if by_time else SlotBound(most, tasks))
    if settings.per_second is not None and settings.bucket is not None and tasks:
        mean = fmean(task.cost for task in tasks)
        bounds.append(Bound(settings.per_second * mean, settings.bucket * mean))
    return tuple(bounds)
