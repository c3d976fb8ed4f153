"""Every time that a zone's clocks were put forward or back, looked for without the code under test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOUR = 3600
MARGIN = 26 * HOUR
"""Seconds that are looked at before and after a change."""

_SINCE = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp())
_UNTIL = int(datetime(2038, 1, 1, tzinfo=UTC).timestamp())
_STEPS = (12 * HOUR, HOUR, 60)


class Change(NamedTuple):
    """The first instant of another offset, and both offsets; all in seconds."""

    at: int
    before: int
    after: int
    zone: str

    @property
    def window(self) -> tuple[int, int]:
        return self.at - MARGIN, self.at + MARGIN

    def __str__(self) -> str:
        there = datetime.fromtimestamp(self.at - 60, ZoneInfo(self.zone)).isoformat(" ", "minutes")
        return f"{self.zone}, {(self.after - self.before) / HOUR:+g} h after {there}"


def offset(zone: ZoneInfo, at: int) -> int:
    there = datetime.fromtimestamp(at, zone).utcoffset()
    assert there is not None
    return int(there.total_seconds())


def changes_of(name: str) -> Iterator[Change]:
    """Yield the changes of a zone, 1990 to 2037."""
    zone = ZoneInfo(name)
    at, before = _SINCE, offset(ZoneInfo(name), _SINCE)
    while True:
        for step in _STEPS:
            while at < _UNTIL and offset(zone, at + step) == before:
                at += step
        if at >= _UNTIL:
            return
        assert offset(zone, at + 59) == before, f"{name} changes in the middle of a minute"
        at += 60
        after = offset(zone, at)
        yield Change(at, before, after, name)
        before = after


def distinct(changes: Iterable[Change]) -> list[Change]:
    """Return one of those that are the same instant with the same two offsets: there all zones' clocks read alike."""
    return list({change[:3]: change for change in sorted(changes, reverse=True)}.values())[::-1]


def closest(changes: Iterable[Change]) -> int:
    """Return the least time between two changes of one zone."""
    ordered = sorted(changes, key=lambda change: (change.zone, change.at))
    return min(b.at - a.at for a, b in pairwise(ordered) if a.zone == b.zone)
