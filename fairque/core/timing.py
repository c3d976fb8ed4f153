"""When a schedule fires: by a cron expression or at an even interval, in its time zone, between its start and its end.

Instants are epoch milliseconds. Nothing here asks what time it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Final, NamedTuple

import msgspec

from fairque.core.cron import parse_cron
from fairque.core.zones import zone_named

_WALK: Final = 400
"""Fires beyond those wanted that are walked through before they are searched for from the other end."""


@lru_cache(maxsize=4096)
def _second_after(cron: str | None, zone: str, second: int) -> int | None:
    """Return the first fire of an expression after a second: a tenth of a millisecond's work, which many schedules ask
    for at once, since people like full hours.
    """
    return parse_cron(cron).after(second, zone_named(zone))


class Fires(NamedTuple):
    """The last fires of a span, in order; the one before them that was left out, if any was; and the first one after
    the span.
    """

    kept: list[int]
    passed: int | None
    following: int | None


class Timing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The instants at which a schedule fires. Exactly one of `cron` and `every_ms` is set.

    An interval counts from `anchor_ms`, which is its start, or when it was added: it neither drifts with late fires nor
    follows any clock change.
    """

    cron: str | None = None
    every_ms: Annotated[int, msgspec.Meta(ge=100)] | None = None
    zone: str = "UTC"
    anchor_ms: int = 0
    start_ms: int | None = None
    """It fires at this instant at the earliest."""
    end_ms: int | None = None
    """It fires at this instant at the latest."""

    def after(self, instant: int) -> int | None:
        """Return the first fire that is strictly later, or None if there is none."""
        since = instant if self.start_ms is None else max(instant, self.start_ms - 1)
        fire: int | None
        if self.every_ms is not None:
            since = max(since, self.anchor_ms if self.start_ms is None else self.anchor_ms - 1)
            fire = self.anchor_ms + ((since - self.anchor_ms) // self.every_ms + 1) * self.every_ms
        else:
            second = _second_after(self.cron, self.zone, since // 1000)
            fire = None if second is None else second * 1000
        return None if fire is None or (self.end_ms is not None and fire > self.end_ms) else fire

    def latest(self, first: int, until: int, most: int) -> Fires:
        """Return the last `most` fires from `first`, which is one, to `until`.

        However many there are, it takes time for about as many as are asked for.
        """
        found: list[int] = []
        fire: int | None = first
        while fire is not None and fire <= until and len(found) <= most + _WALK:
            found.append(fire)
            fire = self.after(fire)
        if fire is not None and fire <= until:
            found, fire = [until + 1], self.after(until)
            while len(found) <= most + 1 and found[0] > first:
                found.insert(0, self._last(first, found[0] - 1))
            found.pop()
        return Fires(found[-most:], found[-most - 1] if len(found) > most else None, fire)

    def _last(self, first: int, until: int) -> int:
        """Return the last fire from `first`, which is one, to `until`: by looking back in ever greater steps, then by
        halves.
        """
        low, high, step = first, until, 1000
        while until - step > first:
            fire = self.after(until - step)
            if fire is not None and fire <= until:
                low = fire
                break
            high, step = until - step, step * 4
        while (fire := self.after(low)) is not None and fire <= high:
            middle = (fire + high) // 2
            later = self.after(middle)
            if later is not None and later <= high:
                low = later
            else:
                low, high = fire, middle
        return low
