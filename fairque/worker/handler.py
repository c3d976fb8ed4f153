"""What a program may hang into its workers: how payload tasks are processed, and hooks around every run."""

from __future__ import annotations

from typing import Any

from fairque.core.models import Task


class TaskHandler:
    """Override what you need. `process_task` may be an `async def`. Hooks are plain methods, called on the runner's
    thread, outside the task's timeout. A hook that raises is logged; it changes nothing for the task or the worker.
    """

    def process_task(self, task: Task[Any]) -> Any:
        """Do the work of a payload task (one made by `Task.create`) and return its result.

        Whatever it raises makes the task fail: it is retried as its options say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no process_task: it cannot run payload tasks")

    def on_task_start(self, task: Task[Any]) -> None:
        """Take note that a run begins."""

    def on_task_success(self, task: Task[Any], result: Any) -> None:
        """Take note that a task is done."""

    def on_task_retry(self, task: Task[Any], error: BaseException) -> None:
        """Take note that a run failed and the task will be tried again."""

    def on_task_timeout(self, task: Task[Any]) -> None:
        """Take note that a run was ended because it took longer than its timeout. `on_task_retry` or `on_task_failure`
        follows.
        """

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:
        """Take note that a task has failed for good."""
