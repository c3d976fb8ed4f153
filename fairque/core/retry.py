"""When a failed task is tried again."""

from __future__ import annotations

import msgspec

from fairque.core.outcome import Again, Bury, Failure
from fairque.core.quantity import check_seconds
from fairque.core.wording import shown
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
        check_seconds("retry_backoff.base", self.base)
        check_seconds("retry_backoff.factor", self.factor, least=1.0, most=1_000_000.0)
        check_seconds("retry_backoff.cap", self.cap)
        if not isinstance(self.jitter, bool):
            raise TaskValidationError(f"retry_backoff.jitter: expected True or False, got {shown(self.jitter)}")

    def delay(self, failures: int, chance: float) -> float:
        """Return the delay in seconds after the given number of failures (>= 1); `chance` is drawn from [0, 1)."""
        try:
            bound = min(self.cap, self.base * self.factor ** (failures - 1))
        except OverflowError:  # beyond what a float holds, and so beyond any cap
            bound = self.cap if self.base else 0.0
        return bound * chance if self.jitter else bound


DEFAULT_BACKOFF = Backoff()


class Retry(Exception):
    """Raise it inside a task to ask for another attempt; `delay` in seconds overrides the task's backoff.

    It spends a retry: when none is left the task has failed.
    """

    def __init__(self, message: str = "the task asked for another attempt", *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = None if delay is None else check_seconds("delay", delay)


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
        return Again(error.delay, failure)
    return Again((backoff or DEFAULT_BACKOFF).delay(failures, chance), failure)
