"""What the fields of a cron expression may say, and in words what is wrong with one that says something else."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class Field(NamedTuple):
    """One field: its least and greatest value, names for these from the least on, and what else it may say."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    special: str = r"(?!)"

    def number(self, value: str) -> int | None:
        """Return the number that a value stands for; None: it is none of this field."""
        if value in self.names:
            return self.first + self.names.index(value)
        return int(value) if value.isdecimal() and self.first <= int(value) <= self.greatest else None

    @property
    def greatest(self) -> int:
        """The greatest number that may be written: Sunday is 0 and 7."""
        return 7 if self.names is WEEKDAYS else self.last


FIELDS: Final = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31, special=r"\?|L|W?([1-9]|[12]\d|3[01])|([1-9]|[12]\d|3[01])W"),
    Field("month", 1, 12, MONTHS),
    Field("weekday", 0, 6, WEEKDAYS, special=rf"\?|L[0-7]|([0-7]|{'|'.join(WEEKDAYS)})#[1-5]"),
)

_PART: Final = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
_RANDOM: Final = re.compile(r"[RH](\(.*\))?(/\d+)?")
_LAST_WEEKDAY: Final = re.compile(r"([0-7])L")


def fault(fields: list[str]) -> str | None:
    """Return what is wrong with five fields, or with six of which the first is the second; None: nothing is."""
    for field, text in zip(FIELDS[-len(fields) :], fields, strict=True):
        for part in text.upper().split(","):
            wrong = _fault_of(field, part)
            if wrong:
                return f"{field.name} {part!r} {wrong}"
    day, weekday = fields[-3].upper(), fields[-1].upper()
    if not {day, weekday} & {"*", "?"} and ("W" in day or re.search(r"#|L\d", weekday)):
        return f"day of the month {day!r} and weekday {weekday!r} do not go together: make it two schedules"
    return None


def _fault_of(field: Field, part: str) -> str | None:
    if re.fullmatch(field.special, part, re.ASCII):
        return None
    if _RANDOM.fullmatch(part):
        return "is drawn by lot: a schedule must mean the same in every process, write the number"
    if field.names is WEEKDAYS and _LAST_WEEKDAY.fullmatch(part):
        return f"is not known: for the last one of a month, write L{part[0]}"
    match = _PART.fullmatch(part)
    if match is None:
        return "is not known: write a value, a range (1-5), a step (*/2, 1-10/3), or several of them with commas"
    low, high, step = match.groups()
    if high == "L" and field.last == 31:
        high = "31"
    begin = field.number(low or str(field.first))
    end = field.number(high or (low if low and not step else str(field.last)))
    if begin is None or end is None:
        names = f", or from {field.names[0]} to {field.names[-1]}" if field.names else ""
        return f"is not from {field.first} to {field.greatest}{names}"
    return _fault_of_range(field, begin, end, ranged=high is not None, step=int(step) if step else None)


def _fault_of_range(field: Field, begin: int, end: int, *, ranged: bool, step: int | None) -> str | None:
    single = f"is one value: write {begin}"
    if ranged and begin == end:
        return single
    if field.names is WEEKDAYS:  # Sunday begins a range as 0 and ends one as 7
        begin, end = begin % 7, end or 7 * ranged
    if begin > end and ranged:
        return f"runs backwards: make it two ranges, such as {begin}-{field.last},{field.first}-{end}"
    if step is None:
        return None
    if step == 0:
        return "stands still: a step is at least 1"
    return single if begin + step > end else None
