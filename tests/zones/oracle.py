"""Says when an expression fires by looking at a clock minute by minute; nothing of the code under test is in it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.zones.changes import offset

EXPRESSIONS = (
    "0 0 * * *",
    "30 2 * * *",
    "5 0-4 * * *",
    "*/15 * * * *",
    "0 * * * *",
    "15 * * * *",
    "*/30 1-3 * * *",
    "0 */2 * * *",
    "0 12 * * 5",
    "59 23 28-31 * *",
    "5 2 29 * *",
    "*/20 * 25-31 3,10 0",
)
_EPOCH = date(1970, 1, 1).toordinal()


class Minute(NamedTuple):
    """A minute (epoch) as somebody sees it who looks at a clock: what it reads, in minutes since 1970 by that clock."""

    utc: int
    local: int
    skipped: range
    """Readings that the clock jumped over to come here."""
    repeated: bool
    """Whether it has read this before."""


def read_clock(name: str, since: int, until: int) -> list[Minute]:
    """Look at the clock of a zone each minute from one instant to another (epoch seconds, both included)."""
    zone, seen, read = ZoneInfo(name), set[int](), list[Minute]()
    for utc in range(since // 60, until // 60 + 1):
        local = utc + offset(zone, utc * 60) // 60
        last = read[-1].local if read else local - 1
        skipped = range(last + 1, local)
        read.append(Minute(utc, local, skipped, local in seen))
        seen.add(local)
    return read


class Expression:
    """A cron expression of five fields with `*`, values, ranges, steps and lists."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.split()
        self.text = text
        self.open = hour.startswith("*")
        self.minutes, self.hours = _values(minute, 0, 59), _values(hour, 0, 23)
        self.days, self.months, self.weekdays = _values(day, 1, 31), _values(month, 1, 12), _values(weekday, 0, 6)
        self.either = day != "*" and weekday != "*"

    def names(self, local: int) -> bool:
        """Whether it names what a clock reads."""
        if local % 60 not in self.minutes or local // 60 % 24 not in self.hours:
            return False
        month, day, weekday = _day(local // 1440)
        by_day, by_weekday = day in self.days, weekday in self.weekdays
        return month in self.months and (by_day or by_weekday if self.either else by_day and by_weekday)

    def fires(self, clock: list[Minute]) -> list[int]:
        """Return the instants at which it fires, in epoch seconds."""
        return [minute.utc * 60 for minute in clock if self._fires_at(minute)]

    def _fires_at(self, minute: Minute) -> bool:
        if any(map(self.names, minute.skipped)):
            return True
        return self.names(minute.local) and (self.open or not minute.repeated)


@lru_cache(maxsize=64)
def _day(days: int) -> tuple[int, int, int]:
    there = date.fromordinal(_EPOCH + days)
    return there.month, there.day, there.isoweekday() % 7


def _values(text: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return frozenset(found)
