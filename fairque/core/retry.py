"""When a failed task is tried again."""

from __future__ import annotations

from typing import Any

import msgspec

from fairque.core.naming import name_of
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
    delays: tuple[float, ...] = ()
    """Instead of all that: the delay before each retry, of which the last stands for all that follow."""

    def __post_init__(self) -> None:
        check_seconds("retry_backoff.base", self.base)
        check_seconds("retry_backoff.factor", self.factor, least=1.0, most=1_000_000.0)
        check_seconds("retry_backoff.cap", self.cap)
        if not isinstance(self.jitter, bool):
            raise TaskValidationError(f"retry_backoff.jitter: expected True or False, got {shown(self.jitter)}")
        if not isinstance(self.delays, list | tuple):
            raise TaskValidationError(f"retry_backoff: expected a list of delays, got {shown(self.delays)}")
        for place, delay in enumerate(self.delays):
            check_seconds(f"retry_backoff[{place}]", delay)

    @classmethod
    def fixed(cls, seconds: float) -> Backoff:
        """Return the backoff that always waits so many seconds."""
        return cls(delays=(seconds,))

    def delay(self, failures: int, chance: float) -> float:
        """Return the delay in seconds after the given number of failures (>= 1); `chance` is drawn from [0, 1)."""
        if self.delays:
            return self.delays[min(failures, len(self.delays)) - 1]
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


ErrorNames = tuple[str, ...]
"""Exception classes by `module.qualname`: so they travel, and nothing is imported to compare them."""


def error_names(option: str, value: object) -> ErrorNames:
    """Return the names of an exception class, or of several in a tuple or list.

    Raises:
        TaskValidationError: it is something else.
    """
    kinds: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TaskValidationError(f"{option}: expected exception classes, got {shown(kind)}")
    return tuple(name_of(kind, ".") for kind in kinds)


def is_one_of(error: BaseException, names: ErrorNames) -> bool:
    """Whether an error is of one of these classes, or of a subclass."""
    return any(name_of(kind, ".") in names for kind in type(error).__mro__)


def after_failure(
    error: BaseException,
    failure: Failure,
    *,
    failures: int,
    max_retries: int,
    backoff: Backoff | None,
    chance: float,
    retry_on: ErrorNames | None = None,
    no_retry_on: ErrorNames | None = None,
) -> Again | Bury:
    """Return what becomes of a task that has failed `failures` times, this time included.

    `chance` is drawn from [0, 1). `Retry` is what the task itself asks for: no list of errors is above it.
    """
    asked = isinstance(error, Retry)
    spared = no_retry_on is not None and is_one_of(error, no_retry_on)
    worth_it = asked or (not spared and (retry_on is None or is_one_of(error, retry_on)))
    if failures > max_retries or not worth_it:
        return Bury(failure)
    if isinstance(error, Retry) and error.delay is not None:
        return Again(error.delay, failure)
    return Again((backoff or DEFAULT_BACKOFF).delay(failures, chance), failure)
