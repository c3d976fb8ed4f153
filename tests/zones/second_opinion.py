"""What cronsim says, which follows Debian's cron; and where its rules are others than ours, which of them speaks.

Debian takes an expression whose minute or hour begins with `*` for a wildcard. A wildcard follows the clock as it goes:
what is skipped does not fire, what is repeated fires again. All others are as here: fired late, and once.

cronsim 2.7 loses its way with wildcards where clocks change within an hour, not from one full hour to another: it steps
over fires (Lord Howe's half hour), or goes round for ever (St John's 00:01). So it is not asked about these.
"""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tests.zones.changes import HOUR, Change
from tests.zones.oracle import Expression, Minute

DROPPED = "a wildcard drops what is skipped"
AGAIN = "a wildcard minute fires again in fixed hours that are repeated"
UNASKED = "not asked about wildcards where clocks change within an hour (expressions)"


def opinion(text: str, change: Change) -> set[int] | None:
    """Return the instants around a change at which it fires by cronsim's rules; None: it is not asked."""
    since, until = change.window
    if any(_wildcards(text)) and ((change.at + change.before) % HOUR or (change.at + change.after) % HOUR):
        return None
    fires = map(datetime.timestamp, CronSim(text, datetime.fromtimestamp(since - 1, ZoneInfo(change.zone))))
    return set(map(int, takewhile(lambda fire: fire <= until, fires)))


def explained(expression: Expression, minute: Minute, *, ours: bool) -> str | None:
    """Return the rule by which only we (or only cronsim) fire in this minute; None: there is none."""
    by_minute, by_hour = _wildcards(expression.text)
    named = expression.names(minute.local)
    if ours and (by_minute or by_hour) and not named and any(map(expression.names, minute.skipped)):
        return DROPPED
    if not ours and by_minute and not by_hour and named and minute.repeated:
        return AGAIN
    return None


def _wildcards(text: str) -> tuple[bool, bool]:
    minute, hour, *_ = text.split()
    return minute.startswith("*"), hour.startswith("*")
