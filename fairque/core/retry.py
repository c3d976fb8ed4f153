"""When a failed task is tried again."""

from __future__ import annotations

import math

import msgspec

from fairque.core.outcome import Again, Bury, Failure
from fairque.errors import TaskValidationError


class Backoff(msgspec.Struct, frozen=True, array_like=True):
    """Exponential backoff with full jitter.

    The delay before retry n (1, 2, ...) is drawn evenly from 0 to `min(cap, base * factor ** (n - 1))` seconds, which
    spreads retries of tasks that failed together best (Brooker, "Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015). With `jitter=False` it is that bound itself.
    """

    base: float = 1.0
    factor: float = 2.0
    cap: float = 600.0
    jitter: bool = True

    def __post_init__(self) -> None:
        for name, least in (("base", 0.0), ("factor", 1.0), ("cap", 0.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TaskValidationError(f"retry_backoff.{name}: expected seconds as a number, got {value!r}")
            if not least <= value < math.inf:
                raise TaskValidationError(f"retry_backoff.{name}: must be finite and at least {least:g}, got {value!r}")

    def delay(self, failures: int, chance: float) -> float:
        """Return the delay in seconds after the given number of failures (>= 1); `chance` is drawn from [0, 1)."""
        # Past 1,000 doublings the bound is the cap for any base, and the power would overflow.
        bound = min(self.cap, self.base * self.factor ** min(failures - 1, 1000)) if self.base else 0.0
        return bound * chance if self.jitter else bound


DEFAULT_BACKOFF = Backoff()


class Retry(Exception):
    """Raise it inside a task to ask for another attempt; `delay` in seconds overrides the task's backoff.

    It spends a retry: when none is left the task has failed.
    """

    def __init__(self, message: str = "the task asked for another attempt", *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


def after_failure(
    error: BaseException,
    failure: Failure,
    *,
    failures: int,
    max_retries: int,
    backoff: Backoff | None,
    chance: float,
) -> Again | Bury:
    """Return what becomes of a task that has failed `failures` times, this time included."""
    if failures > max_retries:
        return Bury(failure)
    if isinstance(error, Retry) and error.delay is not None:
        return Again(max(0.0, error.delay), failure)
    return Again((backoff or DEFAULT_BACKOFF).delay(failures, chance), failure)
