"""What a line of the log may say of a task beside its text: the `extra=` of a call, and fields of a structured log.

Never arguments, payloads or results.
"""

from __future__ import annotations

from typing import Any, Final

from fairque.core.models import Task

FIELDS: Final = ("worker", "task_id", "user_id", "attempt", "task")
"""`worker` is the id of one, `task` the task's name."""


def about(task: Task[Any]) -> dict[str, object]:
    """Return what there is to say of a task, for `extra=`."""
    return {"task_id": task.task_id, "user_id": task.user_id, "attempt": task.attempt, "task": task.name or None}
