"""Cron expressions: which instants they name, whatever the clocks of a time zone do.

croniter does the arithmetic, on local time that never jumps. What becomes of a local time that a zone skips or repeats,
and which expressions are refused, is decided here.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from fairque.core.cron_fields import fault
from fairque.core.wording import clipped, shown
from fairque.core.zones import furthest, next_change, offset
from fairque.errors import ScheduleError

LONGEST: Final = 500
"""Characters of an expression."""

NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_YEARS: Final = 50
"""In which an expression must fire: 29 February falls on a given weekday at least once in 40."""

_HOURS: Final = 1
"""Where croniter keeps the hours; all 24 of them are `*`, however they were written."""

_YEAR_9999: Final = 253_370_764_800
"""Its first second: from here on nothing fires, since datetime ends soon after."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression: five fields (minute, hour, day of the month, month, weekday) or six (a second before them).

    - Each local time that it names fires. A time that the clocks skip fires when they are put forward; all that one
      such jump skips, and the time that it ends at, are one fire.
    - A time that the clocks repeat fires the first time only. When the hours are open (the field begins with `*` or
      names all 24), it fires each time: `*/15 * * * *` goes on every 15 minutes.
    - A field is `*`, a value, a range, a step (`*/2`, `1-10/3`, `5/15` from 5 on), or a list of these. Months and
      weekdays have names (`JAN`, `MON`); Sunday is 0 and 7. `L` is the last day of a month, `15W` the weekday nearest
      to its 15th, `5#3` its third Friday, `L5` its last, `?` is `*`.
    - When day of the month and weekday are both restricted, either is enough.
    """

    text: str
    """As it was written, with single blanks."""
    _open: bool = field(repr=False, compare=False)
    _named: Any = field(repr=False, compare=False)
    """The croniter: not used itself, since it remembers where it is; each question goes to a copy of its own."""

    def after(self, instant: int, zone: ZoneInfo) -> int | None:
        """Return the first instant after this one (both in epoch seconds) at which it fires in a time zone.

        None: there are no more before the year 9999. Instants before the year 2 are not for this.
        """
        if instant >= _YEAR_9999:
            return None
        told = instant + offset(instant, zone) if self._open else furthest(instant, zone)
        local = self._named_after(told)
        while local is not None:
            ahead = offset(instant, zone)
            change = next_change(zone, instant, local - ahead)
            if change is None:
                return local - ahead
            instant, put_to = change, change + offset(change, zone)
            if local <= put_to:
                return change
            if self._open and put_to <= told:  # it may name some of what is repeated now
                told = put_to - 1
                local = self._named_after(told)
        return None

    def _named_after(self, local: int) -> int | None:
        """Return the first local time after this one that it names, both in seconds as if the clocks showed UTC."""
        try:
            found = int(copy(self._named).get_next(float, start_time=local))
        except (ValueError, OverflowError):  # none in the years it looks at, or beyond the last year of datetime
            return None
        return found if found < _YEAR_9999 else None


def parse_cron(expression: object) -> Cron:
    """Return the cron expression that a text writes, or a name such as `@daily`.

    Raises:
        ScheduleError: it is not one, is drawn by lot, or never fires; says what to write.
    """
    if not isinstance(expression, str):
        raise ScheduleError(f"cron: expected text such as '0 9 * * 1-5', got {shown(expression)}")
    if len(expression) > LONGEST:
        raise ScheduleError(f"cron: expected at most {LONGEST} characters, got {len(expression)}")
    if not expression.isascii():
        raise ScheduleError(f"cron: expected ASCII digits and letters only, got {shown(expression)}")
    return _parsed(" ".join(expression.split()))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Cron:
    fields = NAMED.get(text.lower(), text).split()
    wrong = _wrong_count(fields) or fault(fields)
    if wrong is None:
        named = _croniter(fields)
        cron = Cron(text, fields[-4].startswith("*") or "*" in named.expanded[_HOURS], named)
        if cron._named_after(0) is not None:
            return cron
        wrong = "never fires: there is no such day"
    raise ScheduleError(f"cron {clipped(text)!r}: {wrong}")


def _wrong_count(fields: list[str]) -> str | None:
    match fields:
        case ["@reboot"]:
            return "a schedule has no start of a machine: push the task when the program starts"
        case ["@every", *_]:
            return "write every= and a number of seconds instead of a cron expression"
        case [str(name), *_] if name.startswith("@"):
            return f"is not known; the names are {', '.join(NAMED)}"
        case _ if len(fields) == 7:
            return "has 7 fields, but years are not written here: start= and end= bound a schedule"
        case _ if len(fields) not in {5, 6}:
            return f"expected 5 fields (minute hour day month weekday), or 6 with seconds first, got {len(fields)}"
    return None


def _croniter(fields: list[str]) -> Any:
    from croniter import croniter  # noqa: PLC0415

    try:
        return croniter(" ".join(fields), 0.0, second_at_beginning=True, max_years_between_matches=_YEARS)
    except ValueError as error:
        raise ScheduleError(f"cron {clipped(' '.join(fields))!r}: {clipped(str(error), 200)}") from None
