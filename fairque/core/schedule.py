"""What people hold of a schedule: the schedule itself as it stands, and what came of its fires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Final, Literal

import msgspec

from fairque.core.ids import check_printable
from fairque.core.models import Task
from fairque.core.timing import Timing
from fairque.core.wording import shown
from fairque.errors import ScheduleError

State = Literal["active", "paused", "ended"]
Overlap = Literal["skip", "allow"]
Origin = Literal["code", "yaml", "cli"]
Outcome = Literal["fired", "by hand", "skipped", "refused", "missed", "failed"]

MAX_ID_BYTES: Final = 200
"""Longest id of a schedule, in bytes of UTF-8: the ids of its tasks have its version and their instant behind it."""
LEAST_EVERY: Final = 0.1
"""Shortest interval between fires, in seconds."""
MOST_CAUGHT_UP: Final = 1000
_CATCHUP: Final = re.compile(r"none|one|all(?:\(([0-9]{1,4})\))?")
_ALL: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class ScheduledTask(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as it stood when it was read."""

    schedule_id: str
    task: Task[Any]
    """What it pushes, without an id; arguments are rebuilt where this process knows the function."""
    timing: Timing
    catchup: str
    """`none`, `one`, or `all(N)`: see `TaskScheduler.add_schedule`."""
    overlap: Overlap
    state: State
    """`ended`: its `end` has passed, and it fires no more."""
    version: int
    """Rises with every change."""
    next_fire: datetime | None
    origin: Origin
    """Where it was added last."""
    changed: datetime

    @property
    def user_id(self) -> str:
        """Whose tasks it pushes."""
        return self.task.user_id or ""

    @property
    def task_name(self) -> str:
        """The name of the function that it calls; empty for a payload task."""
        return self.task.name

    @property
    def cron_expr(self) -> str | None:
        """Its cron expression, unless it has an interval."""
        return self.timing.cron

    @property
    def every(self) -> float | None:
        """Seconds between its fires, unless it has a cron expression."""
        return None if self.timing.every_ms is None else self.timing.every_ms / 1000

    @property
    def timezone(self) -> str:
        """The zone whose local time its expression means."""
        return self.timing.zone

    @property
    def start(self) -> datetime | None:
        """It fires then at the earliest."""
        return utc(self.timing.start_ms)

    @property
    def end(self) -> datetime | None:
        """It fires then at the latest."""
        return utc(self.timing.end_ms)

    def fires(self, count: int, after: datetime | None = None) -> list[datetime]:
        """Return its next `count` fires, in UTC: from the one that is due next on, or those later than `after`."""
        if after is not None:
            return [*islice(fires_after(self.timing, after), count)]
        if self.next_fire is None:
            return []
        return [*islice(chain([self.next_fire], fires_after(self.timing, self.next_fire)), count)]


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one fire of a schedule."""

    instant: datetime
    """When it was due."""
    at: datetime
    """When it was dealt with, by Redis's clock."""
    outcome: Outcome
    task_id: str | None = None
    """The task that was pushed, or that stood in its way."""
    detail: str = ""
    """Why nothing was pushed."""
    since: datetime | None = None
    """Of `missed`: the first instant that was passed over; `instant` is the last."""

    @property
    def lag(self) -> float:
        """Seconds from when it was due to when it was dealt with."""
        return (self.at - self.instant).total_seconds()


def fires_after(timing: Timing, after: datetime) -> Iterator[datetime]:
    """Yield the fires that come after an instant, in UTC."""
    at = timing.after(ms(after))
    while at is not None:
        yield at_ms(at)
        at = timing.after(at)


def utc(instant: int | None) -> datetime | None:
    """Return epoch milliseconds, if there are any, as an instant in UTC."""
    return None if instant is None else at_ms(instant)


def ms(instant: datetime) -> int:
    """Return an aware instant in epoch milliseconds."""
    return (instant - _EPOCH) // _MILLISECOND


def at_ms(instant: int) -> datetime:
    """Return epoch milliseconds as an instant in UTC."""
    return _EPOCH + instant * _MILLISECOND


def check_schedule_id(value: object) -> str:
    """Return `value` if it may name a schedule: by the rule of task ids, but 200 bytes at most.

    Raises:
        ScheduleError: with what is wrong.
    """
    found = check_printable(value, "schedule_id")
    if len(found.encode()) > MAX_ID_BYTES:
        raise ScheduleError(f"schedule_id: longer than {MAX_ID_BYTES} bytes")
    return found


def caught_up(value: object) -> int:
    """Return how many missed fires a `catchup` stands for: 0 none, 1 one, N all(N).

    Raises:
        ScheduleError: it is not one.
    """
    found = _CATCHUP.fullmatch(value) if isinstance(value, str) else None
    most = found and int(found[1] or _ALL)
    if not found or not most or most > MOST_CAUGHT_UP:
        raise ScheduleError(f"catchup: expected none, one, all or all(N) with N from 1 to 1000, not {shown(value)}")
    return {"none": 0, "one": 1}.get(found[0], most)


def catchup_of(most: int) -> str:
    """Return what `caught_up` made a number of."""
    return {0: "none", 1: "one"}.get(most, f"all({most})")
