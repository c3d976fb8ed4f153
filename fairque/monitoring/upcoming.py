"""The next fires of a schedule by the clocks of its time zone, with a mark where these are put forward or back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from fairque.core.cron import Cron, parse_cron
from fairque.core.timing import Timing
from fairque.core.zones import next_change, offset, zone_named

_UTC: Final = ZoneInfo("UTC")


class Upcoming(NamedTuple):
    """One fire that is to come, in UTC and by local time. `marks` say what is odd about the clocks then."""

    at: datetime
    local: datetime
    marks: tuple[str, ...]


def upcoming(timing: Timing, fires: Iterable[datetime], since: datetime) -> list[Upcoming]:
    """Return these fires of a schedule with their marks; the clocks are first compared with those at `since`."""
    zone = zone_named(timing.zone)
    cron = None if timing.cron is None else parse_cron(timing.cron)
    found: list[Upcoming] = []
    before = since.astimezone(zone)
    for at in fires:
        local = at.astimezone(zone)
        marks = [*_moved(before, local), *(_odd(cron, zone, local) if cron is not None else ())]
        found.append(Upcoming(at.astimezone(UTC), local, tuple(marks)))
        before = local
    return found


def upcoming_json(fires: Iterable[Upcoming]) -> list[dict[str, Any]]:
    """Return fires that are to come as plain values: `at` in UTC, `local` with the offset of the zone's clocks then."""
    return [
        {"at": at.isoformat(), "local": local.isoformat(), "zone": local.tzname(), "marks": [*marks]}
        for at, local, marks in fires
    ]


def _moved(before: datetime, local: datetime) -> Iterator[str]:
    """Say by how much the clocks were moved since the fire before."""
    change = (local.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
    if change:
        yield f"clock {'forward' if change > timedelta() else 'back'} {_hours(abs(change))}"


def _odd(cron: Cron, zone: ZoneInfo, local: datetime) -> Iterator[str]:
    """Say whether a fire stands for a local time that there is not, or is at one that there is twice."""
    at = int(local.timestamp())
    if next_change(zone, at - 1, at) is not None:
        skipped, put_to = at + offset(at - 1, zone), at + offset(at, zone)
        named = cron.after(skipped - 1, _UTC)  # local times without any clock change: as UTC has them
        if named is not None and named < put_to:
            yield f"{_time(datetime.fromtimestamp(named, UTC), local)} does not exist"
    if local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
        yield f"{_time(local, local)} comes twice: the {'second' if local.fold else 'first'} time"


def _time(local: datetime, beside: datetime) -> str:
    """Return a local time, with its date where it is of another day, with seconds where it has any."""
    day = "" if local.date() == beside.date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M:%S}" if local.second else f"{day}{local:%H:%M}"


def _hours(change: timedelta) -> str:
    """Return a change of clocks as people say it: `1 h`, `30 min`, `1 h 30 min`."""
    minutes, seconds = divmod(int(change.total_seconds()), 60)
    amounts = ((minutes // 60, "h"), (minutes % 60, "min"), (seconds, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in amounts if amount)
