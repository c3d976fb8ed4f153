"""Which instants a schedule names, worked out anew: by plain arithmetic, and by looking at each minute of a span.

Nothing of the code under test is used here. An expression is not parsed, either: it is made together with the values
that its fields stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)


class Rule(Protocol):
    """When a schedule fires."""

    def instants(self, added: int, until: int) -> Iterator[int]:
        """Yield its fires after it was added, until an instant, in order; all in epoch milliseconds."""
        ...


class Even(NamedTuple):
    """Fires at an even interval, in milliseconds, from `start` on (None: from when it is added)."""

    every: int
    start: int | None

    def instants(self, added: int, until: int) -> Iterator[int]:
        first = added + self.every if self.start is None else self.start
        if first <= added:
            first += ((added - first) // self.every + 1) * self.every
        yield from range(first, until + 1, self.every)


class Field(NamedTuple):
    """A field of an expression, and the values that it stands for."""

    text: str
    values: frozenset[int]


class Named(NamedTuple):
    """Fires at the local times that a cron expression names: in a zone, between `start` and `end`, in milliseconds."""

    second: Field
    minute: Field
    hour: Field
    day: Field
    weekday: Field
    zone: str
    start: int | None = None
    end: int | None = None

    @property
    def text(self) -> str:
        """The expression: of six fields where the second is not 0."""
        later = f"{self.minute.text} {self.hour.text} {self.day.text} * {self.weekday.text}"
        return later if self.second.text == "0" else f"{self.second.text} {later}"

    def instants(self, added: int, until: int) -> Iterator[int]:
        first = max(added + 1, self.start or 0)
        last = until if self.end is None else min(until, self.end)
        open_hours = self.hour.text.startswith("*") or len(self.hour.values) == 24
        for minute in minutes(self.zone, first // 60_000, last // 60_000 + 1):
            for second in self._fires(minute, open_hours=open_hours):
                at = (minute.number * 60 + second) * 1000
                if first <= at <= last:
                    yield at

    def _fires(self, minute: Minute, *, open_hours: bool) -> list[int]:
        """Return the seconds of a minute at which it fires."""
        named = self._names(minute.local) and (open_hours or not minute.repeated)
        seconds = set(self.second.values) if named else set()
        if any(self._names(local) for local in minute.skipped):
            seconds.add(0)
        return sorted(seconds)

    def _names(self, local: datetime) -> bool:
        is_day = local.day in self.day.values and (local.weekday() + 1) % 7 in self.weekday.values
        return is_day and local.hour in self.hour.values and local.minute in self.minute.values


class Minute(NamedTuple):
    """A minute of the world, as a zone's clocks show it, and the local minutes that they skipped just before it."""

    number: int
    """Since the epoch."""
    local: datetime
    repeated: bool
    skipped: list[datetime]


@lru_cache(maxsize=64)
def minutes(zone: str, first: int, end: int) -> list[Minute]:
    """Return the minutes from one to another, as a zone's clocks show them. All its changes are at full minutes."""
    clock, found = ZoneInfo(zone), list[Minute]()
    before = _local(first - 1, clock)
    for number in range(first, end):
        local, skipped, at = _local(number, clock), list[datetime](), before.replace(fold=0) + _MINUTE
        while at < local.replace(fold=0):
            skipped.append(at)
            at += _MINUTE
        found.append(Minute(number, local, local.fold == 1, skipped))
        before = local
    return found


def _local(minute: int, clock: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(minute * 60, clock).replace(tzinfo=None)
