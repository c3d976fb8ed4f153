"""What can be asked of a task, and what each option accepts: one table, used by `@task`, `with_` and `Task.create`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final

from fairque.core.ids import check_task_id, check_user_id
from fairque.core.retry import Backoff
from fairque.errors import TaskValidationError

MAX_RETRIES: Final = 1_000
MAX_SECONDS: Final = 10 * 365 * 86_400.0
"""Longest delay or retention, in seconds: ten years."""


class Priority(IntEnum):
    """A task's level among the tasks of its user. CRITICAL goes first; 1-5 rank by level and waiting time."""

    VERY_LOW = 1
    LOW = 2
    NORMAL = 3
    HIGH = 4
    VERY_HIGH = 5
    CRITICAL = 6


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as a Task holds them.

    Raises:
        TaskValidationError: an option is not known (the nearest known one is named) or its value is not accepted.
    """
    checked = {}
    for name, value in options.items():
        check = OPTIONS.get(name)
        if check is None:
            near = difflib.get_close_matches(name, OPTIONS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(OPTIONS)}"
            raise TaskValidationError(f"unknown task option {name!r}{hint}")
        checked[name] = check(value)
    if checked.get("delay") is not None and checked.get("execute_after") is not None:
        raise TaskValidationError("delay and execute_after: give one of them")
    return checked


def check_priority(value: object) -> Priority:
    """Return `value` as a Priority; it may be a Priority or an int from 1 to 6, but not a bool, a string or a float."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 6:
        raise TaskValidationError(f"priority: expected a Priority or an int from 1 to 6, got {_shown(value)}")
    return Priority(value)


def _check_retries(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_RETRIES:
        raise TaskValidationError(f"max_retries: expected an int from 0 to {MAX_RETRIES}, got {_shown(value)}")
    return value


def _check_backoff(value: object) -> Backoff | None:
    if value is None or isinstance(value, Backoff):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TaskValidationError(f"retry_backoff: expected a Backoff or its base in seconds, got {_shown(value)}")
    return Backoff(base=float(value))


def _seconds(name: str) -> Callable[[object], float | None]:
    def check(value: object) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TaskValidationError(f"{name}: expected seconds as a finite number, got {_shown(value)}")
        if not 0 <= value <= MAX_SECONDS:
            raise TaskValidationError(f"{name}: must be from 0 to {MAX_SECONDS:.0f} seconds, got {_shown(value)}")
        return float(value)

    return check


def _check_instant(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TaskValidationError(f"execute_after: expected a datetime, got {_shown(value)}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise TaskValidationError("execute_after: needs a time zone, as in datetime.now(UTC) + timedelta(hours=1)")
    return value.astimezone(UTC)


def _check_payload(value: object) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise TaskValidationError(f"payload: expected a dict, got {type(value).__name__}")
    return value


def _optional(check: Callable[[object], str]) -> Callable[[object], str | None]:
    return lambda value: None if value is None else check(value)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, int | float | bool | None) else type(value).__name__


OPTIONS: Final[dict[str, Callable[[object], Any]]] = {
    "task_id": _optional(check_task_id),
    "user_id": _optional(check_user_id),
    "priority": check_priority,
    "payload": _check_payload,
    "max_retries": _check_retries,
    "retry_backoff": _check_backoff,
    "delay": _seconds("delay"),
    "execute_after": _check_instant,
    "result_ttl": _seconds("result_ttl"),
}
"""Every option by name, with what turns a given value into the one a Task holds or refuses it."""
