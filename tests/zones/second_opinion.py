"""What cronsim says, which follows Debian's cron; and where its rules are others than ours, which of them speaks.

Debian takes an expression whose minute or hour begins with `*` for a wildcard. A wildcard follows the clock as it goes:
what is skipped does not fire, what is repeated fires again. All others are as here: fired late, and once.

cronsim goes from hour to hour in steps of sixty minutes, so that it misses a fire where clocks change by half an hour.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tests.zones.changes import HOUR, Change
from tests.zones.oracle import Expression, Minute

DROPPED = "a wildcard drops what is skipped"
AGAIN = "a wildcard minute fires again in fixed hours that are repeated"
MISSED = "cronsim misses a wildcard in the hour after a change by half an hour"


def opinion(text: str, zone: str, since: int, until: int) -> set[int]:
    """Return the instants from one to another (epoch seconds, both included) at which it fires by cronsim's rules."""
    fires = set()
    for fire in CronSim(text, datetime.fromtimestamp(since - 1, ZoneInfo(zone))):
        instant = int(fire.timestamp())
        if instant > until:
            break
        fires.add(instant)
    return fires


def explained(expression: Expression, change: Change, minute: Minute, *, ours: bool) -> str | None:
    """Return the rule by which only we (or only cronsim) fire in this minute; None: there is none."""
    by_minute, by_hour = (field.startswith("*") for field in expression.text.split()[:2])
    named = expression.names(minute.local)
    by_half = (change.after - change.before) % HOUR and 0 <= minute.utc * 60 - change.at < HOUR
    if ours and (by_minute or by_hour) and not named and any(map(expression.names, minute.skipped)):
        return DROPPED
    if not ours and by_minute and not by_hour and named and minute.repeated:
        return AGAIN
    if ours and (by_minute or by_hour) and named and by_half:
        return MISSED
    return None
