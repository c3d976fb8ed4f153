"""What can be asked of a task, and what each option accepts: one table, used by `@task`, `with_` and `Task.create`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final, Literal

from fairque.core.graph import Wired, wired
from fairque.core.ids import check_printable, check_task_id, check_user_id
from fairque.core.quantity import check_number, check_seconds, check_whole
from fairque.core.retry import Backoff, ErrorNames, error_names
from fairque.core.wording import clipped, shown
from fairque.errors import TaskValidationError

MAX_RETRIES: Final = 1_000
MAX_OUTSIDE: Final = 300
"""Tasks that may be named in one `depends_on`: they are looked up in one call."""
MAX_PARENTS: Final = 10_000
"""Tasks that one task may wait for."""
POLICIES: Final = {"w": "wait", "r": "run", "c": "cancel"}
"""What `on_parent_failure` may be, by its letter."""
Executor = Literal["thread", "process"]


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
            raise TaskValidationError(f"unknown task option {clipped(name)!r}{hint}")
        checked[name] = check(value)
    if checked.get("delay") is not None and checked.get("execute_after") is not None:
        raise TaskValidationError("delay and execute_after: give one of them")
    return checked


def check_priority(value: object) -> Priority:
    """Return `value` as a Priority; it may be a Priority or an int from 1 to 6, but not a bool, a string or a float.

    Raises:
        TaskValidationError: it is something else.
    """
    return Priority(check_whole("priority", value, 1, 6))


def _check_backoff(value: object) -> Backoff | Callable[[int, BaseException], float]:
    if isinstance(value, Backoff) or callable(value):
        return value
    if isinstance(value, list | tuple):
        if not value:
            raise TaskValidationError("retry_backoff: a list of delays needs one at least")
        return Backoff(delays=tuple(value))
    return Backoff(base=check_seconds("retry_backoff", value))


def _check_executor(value: object) -> Executor:
    if value not in ("thread", "process"):
        raise TaskValidationError(f"executor: expected 'thread' or 'process', got {shown(value)}")
    return value


def _check_unique_key(value: object) -> str:
    return check_printable(value, "unique_key")


def _errors(name: str) -> Callable[[object], ErrorNames]:
    return lambda value: error_names(name, value)


def check_instant(name: str, value: object) -> datetime:
    """Return an aware datetime between 1970 and 9998, in UTC.

    Raises:
        TaskValidationError: it is not; the message begins with `name`.
    """
    if not isinstance(value, datetime):
        raise TaskValidationError(f"{name}: expected a datetime, got {type(value).__name__}")
    if value.utcoffset() is None:
        raise TaskValidationError(f"{name}: needs a time zone, as in datetime.now(UTC) + timedelta(hours=1)")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise TaskValidationError(f"{name}: is out of the range of UTC datetimes") from None
    if not 1970 <= instant.year < 9999:
        raise TaskValidationError(f"{name}: must lie between 1970 and 9998, got the year {instant.year}")
    return instant


def _check_payload(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TaskValidationError(f"payload: expected a dict, got {type(value).__name__}")
    return value


def _check_parents(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TaskValidationError(f"depends_on: expected a list of task ids or handles, got {shown(value)}")
    if len(value) > MAX_OUTSIDE:
        what = f"depends_on: {len(value):,} tasks; {MAX_OUTSIDE:,} may be named"
        raise TaskValidationError(f"{what}; enqueue them as one graph, or put a task between")
    return tuple(dict.fromkeys(_parent_id(one) for one in value))


def _parent_id(value: object) -> str:
    task_id = getattr(value, "task_id", value)
    if task_id is None:
        raise TaskValidationError("depends_on: a task that was not pushed has no id yet; write parent >> child")
    return check_printable(task_id, "depends_on")


def _check_policy(value: object) -> str:
    if value not in POLICIES.values():
        raise TaskValidationError(f"on_parent_failure: expected 'wait', 'run' or 'cancel', got {shown(value)}")
    return str(value)


def _follower(name: str) -> Callable[[object], Wired]:
    def check(value: object) -> Wired:
        try:
            return wired(value)
        except TaskValidationError as error:
            raise type(error)(f"{name}: {error}") from None

    return check


def _flag(name: str) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise TaskValidationError(f"{name}: expected True or False, got {shown(value)}")
        return value

    return check


def _seconds(name: str) -> Callable[[object], float]:
    return lambda value: check_seconds(name, value)


def _optional(check: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else check(value)


OPTIONS: Final[dict[str, Callable[[object], Any]]] = {
    "task_id": _optional(check_task_id),
    "user_id": _optional(check_user_id),
    "priority": check_priority,
    "payload": _optional(_check_payload),
    "max_retries": _optional(lambda value: check_whole("max_retries", value, 0, MAX_RETRIES)),
    "retry_backoff": _optional(_check_backoff),
    "retry_on": _optional(_errors("retry_on")),
    "no_retry_on": _optional(_errors("no_retry_on")),
    "timeout": _optional(lambda value: check_seconds("timeout", value, least=0.001)),
    "executor": _optional(_check_executor),
    "delay": _optional(_seconds("delay")),
    "execute_after": _optional(lambda value: check_instant("execute_after", value)),
    "expires_in": _optional(lambda value: check_seconds("expires_in", value, least=0.001)),
    "unique_key": _optional(_check_unique_key),
    "result_ttl": _optional(_seconds("result_ttl")),
    "cost": lambda value: check_number("cost", value, 0.001, 1_000_000),
    "depends_on": _check_parents,
    "on_parent_failure": _check_policy,
    "on_success": _optional(_follower("on_success")),
    "on_failure": _optional(_follower("on_failure")),
    "enable_xcom": _flag("enable_xcom"),
    "auto_xcom": _flag("auto_xcom"),
    "push_key": _optional(lambda value: check_printable(value, "push_key")),
}
"""Every option by name, with what turns a given value into the one a Task holds or refuses it."""
