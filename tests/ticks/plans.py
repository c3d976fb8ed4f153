"""The schedules of an era: a span of simulated time in which the clocks of many zones are put forward or back."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from tests.ticks.oracle import Even, Field, Named, Rule

SECOND: Final = 1000
USERS: Final = ("ann", "bob", "org:7", "zoë", "dave|2", "eve", "{frank}")
PACE: Final = 5.0
"""Fires for each simulated second, about."""

_EUROPE: Final = ("Europe/Berlin", "Europe/London", "Europe/Lisbon", "Atlantic/Azores", "Europe/Chisinau")
_AMERICA: Final = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Halifax")
_SOUTH: Final = ("Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Australia/Adelaide")
CHANGES: Final = (
    (datetime(2031, 3, 30, 1, tzinfo=UTC), _EUROPE),
    (datetime(2031, 4, 5, 15, tzinfo=UTC), _SOUTH),
    (datetime(2031, 10, 26, 1, tzinfo=UTC), _EUROPE),
    (datetime(2031, 11, 2, 8, tzinfo=UTC), _AMERICA),
    (datetime(2031, 10, 4, 15, tzinfo=UTC), _SOUTH),
    (datetime(2032, 3, 14, 8, tzinfo=UTC), _AMERICA),
)
"""When clocks are put forward or back, and where. Later than any clock of today's: see `Era`."""


def _all(size: int) -> Field:
    return Field("*", frozenset(range(size)))


_WEEKDAYS: Final = (_all(7), _all(7), Field("0,6", frozenset({0, 6})), Field("MON-SAT", frozenset(range(1, 7))))


class Planned(NamedTuple):
    """A schedule, and by which rules its fires are judged.

    kind: `strict` none may be missed; `skip` neither, but its tasks must not overlap; `one` the last must have fired;
    `none` any may be missed; `turned` it is paused and resumed; `updated` it gets another of its `rules`, while it
    fires.
    """

    id: str
    user: str
    kind: str
    rules: tuple[Rule, ...]

    @property
    def how(self) -> dict[str, str]:
        """What becomes of its missed fires, and of fires beside a living task."""
        catchup = self.kind if self.kind in {"one", "none"} else "all(1000)"
        return {"catchup": catchup, "overlap": "skip" if self.kind == "skip" else "allow"}


class Era(NamedTuple):
    """Schedules from one simulated instant to another, in epoch milliseconds. Both are years ahead: a queue's clock
    never runs backwards, so scripts that are not told the time take the simulated one, too.
    """

    number: int
    begin: int
    end: int
    plans: tuple[Planned, ...]


def era_of(seed: int, number: int, fires: int) -> Era:
    """Return an era of about so many fires."""
    chance = random.Random(f"{seed} era {number}")
    change, zones = CHANGES[number % len(CHANGES)]
    half = int(fires / PACE * SECOND / 2)
    begin = int(change.timestamp()) * SECOND - half
    makers = Makers(chance, (*zones, "UTC", "Asia/Kolkata"), begin, begin + 2 * half)
    plans = [
        Planned(f"{kind}-{place}", chance.choice(USERS), kind, rules)
        for kind, count in (("strict", 200), ("skip", 12), ("one", 12), ("none", 12), ("turned", 10), ("updated", 10))
        for place, rules in zip(range(count), makers.rules(kind), strict=False)
    ]
    return Era(number, begin, begin + 2 * half, tuple(plans))


def when(rule: Rule) -> dict[str, Any]:
    """Return a rule as a schedule is told it."""
    told: dict[str, Any] = {"cron_expr": None, "every": None, "timezone": None, "start": None, "end": None}
    if isinstance(rule, Even):
        return told | {"every": rule.every / SECOND, "start": _instant(rule.start)}
    assert isinstance(rule, Named)
    return told | {
        "cron_expr": rule.text,
        "timezone": rule.zone,
        "start": _instant(rule.start),
        "end": _instant(rule.end),
    }


def _instant(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at / SECOND, UTC)


class Makers:
    """Draws rules by lot."""

    def __init__(self, chance: random.Random, zones: tuple[str, ...], begin: int, end: int) -> None:
        self._chance, self._zones, self._begin, self._end = chance, zones, begin, end

    def rules(self, kind: str) -> Iterator[tuple[Rule, ...]]:
        """Yield the rules of schedules of a kind."""
        if kind == "strict":
            yield (Even(SECOND, None),)
            yield from ((self._even(2, 10),) for _ in range(6))
            yield from ((self._even(11, 60),) for _ in range(40))
            yield from ((self._even(61, 3600),) for _ in range(40))
            yield from ((self._seconds(),) for _ in range(15))
        while True:
            if kind == "updated":
                yield self._minutes(), self._minutes()
            elif kind == "strict":
                yield (self._bounded() if self._chance.random() < 0.2 else self._minutes(),)
            else:
                yield (self._even(10, 90, 1.0) if self._chance.random() < 0.5 else self._minutes(),)

    def _even(self, least: float, most: float, anchored: float = 0.7) -> Even:
        every = int(math.exp(self._chance.uniform(math.log(least), math.log(most))) * 10) * 100
        since = self._begin + self._chance.randint(-3_600_000, (self._end - self._begin) // 3)
        return Even(every, since if self._chance.random() < anchored else None)

    def _seconds(self) -> Named:
        step = self._chance.choice((5, 10, 12, 20, 30))
        second = Field(f"*/{step}", frozenset(range(0, 60, step)))
        return self._minutes()._replace(second=second, minute=_all(60))

    def _bounded(self) -> Named:
        """Return a rule with a start in the first quarter of the era and an end in its last, that fires between."""
        quarter = (self._end - self._begin) // 4
        start, end = self._begin + self._chance.randint(0, quarter), self._end - self._chance.randint(0, quarter)
        while True:
            rule = self._minutes()._replace(start=start, end=end)
            if any(rule.instants(self._begin + 2 * quarter, end)):  # else nobody would take it
                return rule

    def _minutes(self) -> Named:
        return Named(
            Field("0", frozenset({0})),
            self._field(60, most=3),
            self._field(24, most=5) if self._chance.random() < 0.6 else _all(24),
            _all(32),
            self._chance.choice(_WEEKDAYS),
            self._chance.choice(self._zones),
        )

    def _field(self, size: int, most: int) -> Field:
        """Return a field; of hours, which are 24, those about which clocks change are named the most."""
        highest = 5 if size == 24 else size
        match self._chance.randrange(4):
            case 0:
                step = self._chance.choice((1, 2, 3) if size == 24 else (1, 2, 5, 15))
                return Field(f"*/{step}", frozenset(range(0, size, step)))
            case 1:
                low = self._chance.randrange(highest - 1)
                high = min(size - 1, low + self._chance.randint(1, 20))
                return Field(f"{low}-{high}", frozenset(range(low, high + 1)))
            case _:
                values = sorted(self._chance.sample(range(highest), self._chance.randint(1, most)))
                return Field(",".join(map(str, values)), frozenset(values))
