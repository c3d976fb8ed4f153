"""Time zones: the one of a name, and when its clock is put forward or back."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from fairque.core.wording import clipped, shown
from fairque.errors import ScheduleError

STRIDE: Final = 3 * 86_400
"""Seconds: two changes of one zone lie further apart, so that none is stepped over. The closest two of the tz database
2026b are 3.98 days apart (Africa/Freetown, 1939), since 1990 6.95 days."""

OVERLAP: Final = 2 * 86_400
"""Seconds for which a local time can be repeated, at most: a zone that crosses the date line repeats a whole day."""

_SECOND: Final = timedelta(seconds=1)
_SHAPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", re.ASCII)
_NOT_SHARED: Final = re.compile(r"(posix|right)/.*|localtime|posixrules")
"""Files beside the zones: copies, copies that count leap seconds, and whatever this machine is set to."""


def zone_named(name: object) -> ZoneInfo:
    """Return the time zone of an IANA name, such as `Europe/Berlin` or `UTC`.

    Raises:
        ScheduleError: it is not one; says the names that are near.
    """
    if not isinstance(name, str) or not name:
        raise ScheduleError(f"timezone: expected a name such as 'Europe/Berlin', got {shown(name)}")
    if len(name) <= 100 and _SHAPE.fullmatch(name) and not _NOT_SHARED.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, OSError, ValueError):  # nothing there; a directory, such as `Europe`; another file
            pass
    near = _near(name[:100])
    meant = f"did you mean {' or '.join(near)}?" if near else "names are like 'Europe/Berlin' or 'UTC'"
    raise ScheduleError(f"timezone: the tz database has no zone {clipped(name)!r}; {meant}")


def _near(name: str) -> list[str]:
    """Return up to three names of zones that are like this one, or end like it: `Berlin`, `europe/berlin`."""
    zones = sorted(zone for zone in available_timezones() if not _NOT_SHARED.fullmatch(zone))
    known = {zone.rpartition("/")[2].lower(): zone for zone in zones} | {zone.lower(): zone for zone in zones}
    wanted = name.lower()
    close = [wanted] if wanted in known else get_close_matches(wanted, known, n=3, cutoff=0.75)
    return list(dict.fromkeys(known[match] for match in close))


def offset(instant: int, zone: ZoneInfo) -> int:
    """Return by how many seconds the zone's clocks are ahead of UTC at an instant, in epoch seconds."""
    return (datetime.fromtimestamp(instant, zone).utcoffset() or timedelta()) // _SECOND


def next_change(zone: ZoneInfo, after: int, until: int) -> int | None:
    """Return the first instant in (after, until] from which on the zone's offset is another than before."""
    before, low = offset(after, zone), after
    while low < until:
        high = min(low + STRIDE, until)
        if offset(high, zone) != before:
            return low + 1 + bisect_left(range(low + 1, high), True, key=lambda at: offset(at, zone) != before)  # noqa: FBT003
        low = high
    return None


def furthest(instant: int, zone: ZoneInfo) -> int:
    """Return the latest local time, in seconds, that the zone's clocks have shown up to an instant.

    That is the local time at this instant, except while times are repeated because clocks were put back.
    """
    at = instant - OVERLAP
    latest = instant + offset(instant, zone)
    while (change := next_change(zone, at, instant)) is not None:
        latest = max(latest, change - 1 + offset(at, zone))
        at = change
    return latest
