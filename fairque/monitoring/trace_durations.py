"""How long a trace's tasks run: a number of seconds, or a distribution by name. Drawn by inversion from uniform
numbers, which Python promises to be the same in every version for one seed; its other generators it may change.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta

from fairque.core.checking import Problem, Rule, Section, nearest, parse
from fairque.core.wording import expected, shown

Uniform01 = Callable[[], float]
"""A source of uniform numbers, 0 <= u < 1."""
Length = Annotated[float, Meta(ge=0.001, le=86_400)]
"""A run's seconds: the scripts' clock has milliseconds."""
Odds = Annotated[float, Meta(ge=0, le=1_000_000_000)]


def _not_above(low: float, high: float) -> Iterator[Problem]:
    if low > high:
        yield Problem("", f"is above high: {low:g} and {high:g}")


def _odds_faults(odds: Sequence[float] | None, of: Sequence[float]) -> Iterator[Problem]:
    if odds is not None and (len(odds) != len(of) or not sum(odds)):
        yield Problem("", f"must be {len(of)} numbers, one for each of `of`, not all of them 0")


def _none_given(of: Sequence[float]) -> Iterator[Problem]:
    if not of:
        yield Problem("", "is empty: give the lengths to choose from")


class Constant(Section, frozen=True, kw_only=True):
    """Always the same."""

    seconds: Length

    def draw(self, uniform: Uniform01) -> float:  # noqa: ARG002  # each of them has this shape
        """Return the length of one run, in seconds; so do the others."""
        return self.seconds


class Uniform(Section, frozen=True, kw_only=True):
    """Any length between two, all as likely."""

    low: Length
    high: Length

    rules: ClassVar[tuple[Rule, ...]] = (Rule(("low", "high"), _not_above),)

    def draw(self, uniform: Uniform01) -> float:
        """Return the length of one run."""
        return self.low + (self.high - self.low) * uniform()


class Exponential(Section, frozen=True, kw_only=True):
    """Memoryless, with this mean."""

    mean: Length

    def draw(self, uniform: Uniform01) -> float:
        """Return the length of one run."""
        return -self.mean * math.log1p(-uniform())


class Lognormal(Section, frozen=True, kw_only=True):
    """Half of the runs are shorter than the median; `sigma` is the standard deviation of the natural logarithm."""

    median: Length
    sigma: Annotated[float, Meta(ge=0, le=5)]

    def draw(self, uniform: Uniform01) -> float:
        """Return the length of one run: the normal variate is Box and Muller's (1958)."""
        radius = math.sqrt(-2 * math.log1p(-uniform()))
        return self.median * math.exp(self.sigma * radius * math.cos(math.tau * uniform()))


class Choice(Section, frozen=True, kw_only=True):
    """One of these lengths, with these odds (without them: all as likely)."""

    of: tuple[Length, ...]
    odds: tuple[Odds, ...] | None = None

    rules: ClassVar[tuple[Rule, ...]] = (Rule(("of",), _none_given), Rule(("odds", "of"), _odds_faults))

    def draw(self, uniform: Uniform01) -> float:
        """Return the length of one run."""
        heaps = list(itertools.accumulate(self.odds or [1.0] * len(self.of)))
        return self.of[min(bisect.bisect_right(heaps, uniform() * heaps[-1]), len(self.of) - 1)]


Distribution = Constant | Uniform | Exponential | Lognormal | Choice

KINDS: Final[Mapping[str, type[Distribution]]] = {
    "constant": Constant,
    "uniform": Uniform,
    "exponential": Exponential,
    "lognormal": Lognormal,
    "choice": Choice,
}
"""Every distribution by the name that a trace gives as `kind`."""


def duration_faults(raw: Any) -> Iterable[Problem]:
    """Return what is wrong with a duration as it stands in a trace."""
    return _read(raw)[1]


def distribution_of(raw: Any) -> Distribution:
    """Return the distribution that a duration, one without faults, stands for."""
    found = _read(raw)[0]
    if found is None:
        raise ValueError(f"not a duration: {shown(raw)}")
    return found


def _read(raw: Any) -> tuple[Distribution | None, list[Problem]]:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        found, problems = parse(Constant, {"seconds": raw})
        return found, [Problem("", problem.text) for problem in problems]
    if not isinstance(raw, Mapping):
        return None, [Problem("", f"{expected(Length, raw, secret=False)}; or a mapping with a `kind`")]
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        meant = nearest(kind, KINDS)
        hint = f"; did you mean {meant}?" if meant else ""
        what = "is missing" if kind is None else f"must be one of {', '.join(KINDS)}, not {shown(kind)}{hint}"
        return None, [Problem("kind", what)]
    return parse(KINDS[kind], {name: value for name, value in raw.items() if name != "kind"})
