"""Failed tasks, a line each. Never their arguments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from fairque.core.models import Task
from fairque.monitoring.tables import cut_off, plain_table, quantity, span
from fairque.monitoring.task_page import one_line, plain


def failed_json(tasks: Iterable[Task[Any]]) -> list[dict[str, Any]]:
    """Return failed tasks as plain values, without the errors' tracebacks; `fairque task show` has these."""
    lines = [plain(task) for task in tasks]
    for line in lines:
        line["failure"].pop("traceback", None)
    return lines


def failed_table(tasks: Iterable[Task[Any]], *, now: datetime, pretty: bool) -> RenderableType:
    """Return a line for each failed task. `pretty` is for terminals."""
    table = plain_table(pretty=pretty)
    for name in ("task", "user", "name", "attempts", "failed", "error"):
        numeric = name in {"attempts", "failed"}
        table.add_column(name, justify="right" if numeric else "left", no_wrap=numeric or name == "task")
    for task in tasks:
        table.add_row(
            Text(task.task_id or "", "bold"),
            cut_off(task.user_id or ""),
            cut_off(task.name or "-"),
            quantity(task.attempt),
            Text("-" if task.ended_at is None else f"{span((now - task.ended_at).total_seconds())} ago"),
            cut_off(_error(task), "red"),
        )
    return table


def _error(task: Task[Any]) -> str:
    """Return the last error on one line."""
    if task.failure is None:
        return ""
    return one_line(f"{task.failure.type}: {task.failure.message}")
