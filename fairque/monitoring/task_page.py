"""One task for people: what is known of it, and why it has not started. Never its arguments, never its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.core.flow import EDGES, is_mark
from fairque.core.ids import user_print_of
from fairque.core.models import Task
from fairque.core.state import TaskState
from fairque.monitoring.tables import span, state_style
from fairque.queue.explaining import Explanation

_MOST_NAMES: Final = 3


def plain(task: Task[Any]) -> dict[str, Any]:
    """Return what the queue keeps of a task as plain values, without its arguments and its result."""
    return {
        "task_id": task.task_id,
        "user_id": task.user_id,
        "name": task.name,
        "state": str(task.state),
        "priority": int(task.priority),
        "attempts": task.attempt,
        "failures": task.failures,
        "lost": task.lost,
        "max_retries": task.max_retries,
        "timeout": task.timeout,
        "executor": task.executor,
        "unique_key": task.unique_key,
        "worker": task.worker,
        "progress": None
        if task.progress is None
        else {
            "percent": task.progress.percent,
            "message": task.progress.message,
        },
        "failure": None if task.failure is None else msgspec.to_builtins(task.failure),
        "ended_at": None if task.ended_at is None else task.ended_at.isoformat(),
    }


def task_json(task: Task[Any], told: Explanation) -> dict[str, Any]:
    """Return a task as plain values; instants are ISO 8601 in UTC."""
    instants = {name: None if at is None else at.isoformat() for name, at in _instants(task, told).items()}
    ties: dict[str, Any] = {"flow": _flow(task), "parents": [*task.parents], "edge": EDGES[task.policy]}
    return plain(task) | ties | {"waits_for": _waits_for(told)} | instants


def explanation_json(told: Explanation) -> dict[str, Any]:
    """Return an explanation as plain values; instants are ISO 8601 in UTC."""
    plain: dict[str, Any] = msgspec.to_builtins(told)
    plain["reasons"] = [{"code": code, "text": text} for code, text in told.reasons]
    plain["waits_for"] = _waits_for(told)
    for name in ("due_at", "started_at"):
        at = getattr(told, name)
        plain[name] = None if at is None else at.isoformat()
    return plain


def _waits_for(told: Explanation) -> list[dict[str, Any]]:
    return [{"task_id": parent.task_id, "state": msgspec.to_builtins(parent.state)} for parent in told.waits_for]


def task_page(task: Task[Any], told: Explanation, *, now: datetime) -> RenderableType:
    """Return what is known of a task."""
    page = _page()
    page.add_row("task", Text(task.task_id or "", "bold"))
    page.add_row("name", Text(task.name or "none: a payload task"))
    page.add_row("user", Text(task.user_id or ""))
    state = str(task.state)
    page.add_row("state", Text(f"{state} on {task.worker}" if task.worker else state, state_style(state)))
    if task.state is TaskState.DEFERRED:
        _add_reasons(page, told)
    page.add_row("priority", task.priority.name)
    page.add_row("attempts", _attempts(task))
    for name, text in _terms(task).items():
        page.add_row(name, Text(text))
    for name, at in _instants(task, told).items():
        if at is not None:
            page.add_row(name.removesuffix("_at"), _when(at, now))
    if task.progress is not None:
        page.add_row("progress", Text(printable(f"{task.progress.percent:g}%  {task.progress.message}".rstrip())))
    if task.failure is None:
        return page
    if task.state is TaskState.CANCELED:
        page.add_row("because", Text(printable(task.failure.message), "yellow"))
        return page
    page.add_row("failure", Text(printable(f"{task.failure.type}: {task.failure.message}"), "red"))
    trace = Text(printable(task.failure.traceback.rstrip()), "dim")
    return Group(page, Text(), trace) if task.failure.traceback else page


def explanation_page(told: Explanation) -> RenderableType:
    """Return why a task has not started: its place, its share, and what bars it, a line each."""
    page = _page()
    page.add_row("task", Text.assemble((told.task_id, "bold"), f"  {told.name}".rstrip()))
    page.add_row("user", Text(told.user_id))
    page.add_row("state", Text(str(told.state), state_style(str(told.state))))
    if told.position is not None:
        page.add_row("position", f"{_many(told.position, 'task')} of this user before it")
    if told.users_before is not None and told.state is TaskState.QUEUED:
        page.add_row("turn", f"{told.users_before:,} of {_many(told.ready_users, 'ready user')} before this one")
    if not told.state.ended:
        page.add_row("share", f"{told.share:.1%} of the service while the same users are busy (weight {told.weight:g})")
    _add_reasons(page, told)
    return page


def _add_reasons(page: Table, told: Explanation) -> None:
    for place, reason in enumerate(told.reasons):
        page.add_row("" if place else "because", Text(reason.text))


def printable(text: str) -> str:
    """Return the text of an error as it may be shown: what would steer the terminal is escaped."""
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


def one_line(text: str) -> str:
    """Return the same on one line."""
    return printable(" ".join(text.split()))


def listed(names: Iterable[str]) -> str:
    """Return the first few of these names; one that comes several times stands once, with its number."""
    count = Counter(names)
    words = [name if many == 1 else f"{name} × {many:,}" for name, many in count.items()]
    more = sum([*count.values()][_MOST_NAMES:])
    return ", ".join(words[:_MOST_NAMES]) + (f" and {more:,} more" if more else "")


def _page() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _attempts(task: Task[Any]) -> str:
    words = [f"{task.attempt:,}"]
    words += [f"{task.failures:,} failed"] if task.failures else []
    words += [f"{task.lost:,} lost with their worker"] if task.lost else []
    return ", ".join(words)


def _terms(task: Task[Any]) -> dict[str, str]:
    """Return what of a task was not left to the queue's defaults: its options, and what it waits for."""
    terms = {
        "retries": None if task.max_retries is None else f"{task.max_retries:,} at most",
        "timeout": None if task.timeout is None else f"{span(task.timeout)} for an attempt",
        "executor": task.executor,
        "unique key": task.unique_key,
        "flow": _flow(task),
        "parents": listed(task.parents) + (f" ({EDGES[task.policy]})" if task.policy != "w" else "") or None,
    }
    return {name: text for name, text in terms.items() if text is not None}


def _flow(task: Task[Any]) -> str | None:
    """Return the mark of the flow that a task was enqueued with, by which `fairque flow show` finds it."""
    return task.incarnation if is_mark(task.incarnation) else None


def _instants(task: Task[Any], told: Explanation) -> dict[str, datetime | None]:
    return {
        "pushed_at": _pushed_at(task),
        "due_at": told.due_at,
        "started_at": told.started_at,
        "ended_at": task.ended_at,
    }


def _pushed_at(task: Task[Any]) -> datetime | None:
    """Return when a task was pushed, if its id was generated: that is a UUIDv7, which begins with the time in ms."""
    chosen = task.incarnation and not _flow(task)
    if task.task_id is None or chosen or user_print_of(task.task_id) is None:
        return None
    return datetime.fromtimestamp(int(task.task_id[:8] + task.task_id[9:13], 16) / 1000, UTC)


def _when(at: datetime, now: datetime) -> str:
    passed = (now - at).total_seconds()
    far = f"{span(passed)} ago" if passed >= 0 else f"in {span(-passed)}"
    return f"{at.isoformat(sep=' ', timespec='milliseconds')} ({far})"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
