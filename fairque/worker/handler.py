"""What a program may hang into its workers: middleware around every run, and how payload tasks are processed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairque.core.models import Task


class Middleware:
    """A layer around every run of a worker's tasks. Override what you need; all of it is called on the runner's thread,
    outside the task's timeout, with `current_task()` in place.

    `around` is part of the run: what it returns or raises is what the run returns or raises. The hooks are only told:
    one that raises is logged, and changes nothing for the task or the worker.
    """

    def around(self, task: Task[Any], call: Callable[[], Any]) -> Any:  # noqa: ARG002 - for those who override it
        """Run a task by `call()` and return its result. A coroutine has been awaited by then, and a child process has
        answered. What this raises makes the task fail: it is retried as its options say.
        """
        return call()

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


class TaskHandler(Middleware):
    """The layer next to the task, which also processes payload tasks. `process_task` may be an `async def`."""

    def process_task(self, task: Task[Any]) -> Any:
        """Do the work of a payload task (one made by `Task.create`) and return its result.

        Whatever it raises makes the task fail: it is retried as its options say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no process_task: it cannot run payload tasks")
