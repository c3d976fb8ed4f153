"""One look at a queue: totals, each user with what it may take, waits, runs and was served; workers; schedules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from fairque.core.ids import EVERYONE
from fairque.core.service import START, wait_percentile
from fairque.monitoring.schedules import ScheduleLine, line_json, schedule_lines
from fairque.queue.queue import TaskQueue
from fairque.queue.shares import AllLimits
from fairque.scheduler.scheduler import TaskScheduler
from fairque.store.readings import Sizes, Stats

Source = Literal["own", "others", "default"]
"""Where a user's settings come from: they are its own, those of `*` for all others, or nobody has set any."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One user: what it has, and the settings in force for it."""

    user_id: str
    queued: int = 0
    critical: int = 0
    started: int = 0
    deferred: int = 0
    scheduled: int = 0
    failed: int = 0
    weight: float = 1
    max_concurrency: int | None = None
    rate: str | None = None
    burst: int | None = None
    max_backlog: int | None = None
    paused: bool = False
    source: Source = "default"
    bars: tuple[str, ...] = ()
    """What keeps it from more: paused, max_concurrency or rate (nothing starts), max_backlog (nothing is pushed)."""

    @property
    def at_hand(self) -> int:
        """Tasks that are ready or running."""
        return self.queued + self.started

    @property
    def waiting(self) -> int:
        """Tasks that count for its backlog."""
        return self.queued + self.scheduled + self.deferred


class UserLine(Standing, frozen=True, kw_only=True):
    """One user with its service: `served`, `share` and the waits are about runs that ended in the last hour or so."""

    served: int = 0
    share: float = 0.0
    """Its part of all runs, 0 to 1."""
    wait_p50_ms: float | None = None
    """None: nothing of it ran."""
    wait_p95_ms: float | None = None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A queue at one moment. Users come with the longest backlog first."""

    queue: str
    stats: Stats
    users: tuple[UserLine, ...]
    workers: tuple[dict[str, Any], ...]
    paused: tuple[str, ...] = ()
    """What is paused beside users: `the queue`, `task NAME`."""
    schedulers: tuple[dict[str, Any], ...] = ()
    schedules: tuple[ScheduleLine, ...] = ()
    """By their next fire."""
    more_schedules: int = 0
    """How many there are beside these."""

    def to_json(self) -> dict[str, Any]:
        """Return queue, stats, users, workers, schedulers and schedules as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(replace(self, schedules=()))
        del plain["paused"], plain["more_schedules"]
        return plain | {"schedules": [line_json(line) for line in self.schedules]}


def look(
    queue: TaskQueue, scheduler: TaskScheduler, user_id: str | None = None, schedules: int | None = None
) -> Overview:
    """Read a queue, or of its users only one; of its schedules only so many."""
    sizes = queue.users() if user_id is None else {user_id: queue.get_queue_sizes(user_id)}
    limits = queue.all_limits()
    lines = user_lines(sizes, queue.served(), limits)
    if user_id is not None:
        lines = tuple(line for line in lines if line.user_id == user_id)
    paused = ["the queue"] if limits.queue.paused else []
    paused += [f"task {name}" for name, caps in sorted(limits.tasks.items()) if caps.paused]
    workers, known = sorted(queue.workers(), key=_by_number), scheduler.list(user_id=user_id)
    return Overview(
        queue=queue.name,
        stats=queue.get_stats(),
        users=lines,
        workers=tuple(workers),
        paused=tuple(paused),
        schedulers=tuple(scheduler.schedulers()),
        schedules=schedule_lines(scheduler, known[:schedules], workers, datetime.now(UTC)),
        more_schedules=len(known) - len(known[:schedules]),
    )


def user_lines(
    sizes: Mapping[str, Mapping[str, int]], served: Mapping[str, Mapping[str, int]], limits: AllLimits
) -> tuple[UserLine, ...]:
    """Join what users have now with what they may take and what they got."""
    total = sum(measures.get(START, 0) for measures in served.values())
    lines = [_line(user, sizes.get(user, {}), served.get(user, {}), total, limits) for user in {*sizes, *served}]
    return tuple(sorted(lines, key=lambda line: (-line.at_hand, -line.failed, -line.served, line.user_id)))


def standings(queue: TaskQueue) -> tuple[Standing, ...]:
    """Return every user that has tasks or settings; `*`, all others, first, then the longest backlog."""
    sizes, limits = queue.users(), queue.all_limits()
    lines = [standing_of(user, sizes.get(user, {}), limits) for user in {EVERYONE, *sizes, *limits.users}]
    return tuple(sorted(lines, key=lambda line: (line.user_id != EVERYONE, -line.at_hand, -line.waiting, line.user_id)))


def standing_of(user_id: str, sizes: Mapping[str, int], limits: AllLimits) -> Standing:
    """Return one user's line; `sizes` may leave out what is nothing."""
    return Standing(**_standing(user_id, sizes, limits))


def _by_number(worker: Mapping[str, Any]) -> list[str | int]:
    """Sort `worker-001.10` behind `worker-001.9`: a supervisor's children stand in their order."""
    return [int(part) if n % 2 else part for n, part in enumerate(re.split(r"(\d+)", worker["id"]))]


def _line(
    user_id: str, sizes: Mapping[str, int], measures: Mapping[str, int], total: int, limits: AllLimits
) -> UserLine:
    served = measures.get(START, 0)
    return UserLine(
        **_standing(user_id, sizes, limits),
        served=served,
        share=round(served / total, 4) if total else 0.0,
        wait_p50_ms=_ms(wait_percentile(measures, 0.5)),
        wait_p95_ms=_ms(wait_percentile(measures, 0.95)),
    )


def _standing(user_id: str, sizes: Mapping[str, int], limits: AllLimits) -> dict[str, Any]:
    now = Sizes(**sizes)
    settings = limits.of_user(user_id)
    source: Source = "own" if user_id in limits.users else "others" if EVERYONE in limits.users else "default"
    barred = {
        "paused": settings.paused,
        "max_concurrency": settings.max_concurrency is not None and now.started >= settings.max_concurrency,
        "rate": limits.held.get(user_id) == "rate",
        "max_backlog": settings.max_backlog is not None
        and now.queued + now.scheduled + now.deferred >= settings.max_backlog,
    }
    return {
        "user_id": user_id,
        **now._asdict(),
        **msgspec.structs.asdict(settings),
        "source": source,
        "bars": tuple(bar for bar, shut in barred.items() if shut),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
