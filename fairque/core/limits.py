"""How much one user, the tasks of one name or the whole queue may take: a weight and caps, all optional.

They act when tasks are claimed, so a change is effective at once on all that waits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Final, TypeVar

from msgspec import Meta

from fairque.core.checking import Problem, Rule, Section, fields_of, parse
from fairque.core.wording import shown
from fairque.errors import LimitsError

_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/(s|m|h|d)\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MOST: Final = 1_000_000_000

Weight = Annotated[float, Meta(ge=0.001, le=1_000)]
Count = Annotated[int, Meta(ge=0, le=_MOST)]
Burst = Annotated[int, Meta(ge=1, le=_MOST)]


def _rate_faults(rate: str | None) -> Iterable[Problem]:
    found = _RATE.match("1/s" if rate is None else rate)
    if found is None or not float(found[1]):
        yield Problem("", f"must be a number over s, m, h or d, such as 100/s or 10/m, not {shown(rate)}")


class Caps(Section, frozen=True, kw_only=True):
    """What a task name or the whole queue may take at most. None: no bound.

    Raises: ConfigError, however it is made, with all that is wrong.
    """

    max_concurrency: Count | None = None
    """Tasks running at once, counted from leases; 0: none may run."""
    rate: str | None = None
    """Starts over time by a token bucket: `100/s`, `10/m`, `5/h` or `1000/d`."""
    burst: Burst | None = None
    """Starts that may come at once after a quiet time; None: what the rate allows in a second, 1 at least."""
    max_backlog: Count | None = None
    """Tasks waiting (queued, scheduled or deferred) beyond which pushes are refused; retries pass."""
    paused: bool = False
    """Nothing starts; pushes are accepted, and what runs goes on."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule(("rate",), _rate_faults),)

    @property
    def per_second(self) -> float | None:
        """The rate in starts a second."""
        found = self.rate and _RATE.match(self.rate)
        return float(found[1]) / _SECONDS[found[2]] if found else None

    @property
    def bucket(self) -> int | None:
        """How many starts may come at once: the burst in force."""
        per_second = self.per_second
        return None if per_second is None else self.burst or max(1, math.ceil(per_second))


class UserSettings(Caps, frozen=True, kw_only=True):
    """What one user is given: its weight among the users, and its caps."""

    weight: Weight = 1.0
    """Its share of service against the other users' weights."""


S = TypeVar("S", bound=Section)


def checked(kind: type[S], changes: Mapping[str, Any], where: str) -> S:
    """Return `changes` as a section of `kind`; None, in any field, stands for its default.

    Raises:
        LimitsError: a field is unknown or its value is not accepted; each line of the message begins with `where`.
    """
    known = fields_of(kind)
    plain = {name: value for name, value in changes.items() if value is not None or name not in known}
    section, problems = parse(kind, plain)
    if section is None:
        raise LimitsError("\n".join(f"{where}: {problem}" for problem in problems))
    return section
