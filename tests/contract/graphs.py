"""What tests do by hand with graphs: build them of named tasks, and serve what is ready."""

from __future__ import annotations

from typing import Any

import pytest

from fairque import Task, TaskHandle, TaskQueue, TaskState
from fairque.errors import TaskCanceled
from tests.contract.jobs import echo
from tests.waiting import wait_until

Q, D, F, X, C = (TaskState(name) for name in ("queued", "deferred", "finished", "failed", "canceled"))
R = TaskState.STARTED
"""By their letters in records; R: it runs."""


def named(*ids: str, **options: Any) -> list[Task[Any]]:
    """Return tasks with these ids that are not tried again."""
    return [echo(task_id).with_(task_id=task_id, max_retries=0, **options) for task_id in ids]


def serve(queue: TaskQueue, *failing: str, most: int = 10_000) -> list[Any]:
    """Serve what is ready, and what becomes ready by that: those named here (ids as written) fail, all others finish,
    with their argument as the result. Return the arguments in the order in which they were granted.
    """
    served: list[Any] = []
    while len(served) < most and (popped := queue.pop_many(min(200, most - len(served)))):
        for task in popped:
            served.append(task.args[0])
            if task.args[0] in failing:
                queue.fail(task, "no")
            else:
                queue.finish(task, task.args[0])
    return served


def child_of(queue: TaskQueue, *parents: Any, policy: str = "wait", **options: Any) -> TaskHandle[Any]:
    child = echo("child").with_(depends_on=list(parents), on_parent_failure=policy, max_retries=0, **options)
    return queue.push(child, user_id="u")


def canceled(queue: TaskQueue, handle: TaskHandle[Any]) -> str:
    """Return why a task was canceled; it may take a call that follows."""
    assert queue.pop() is None
    wait_until(lambda: handle.state() is C, description="it is canceled")
    with pytest.raises(TaskCanceled) as caught:
        handle.result(timeout=0)
    return str(getattr(caught.value.failure, "type", ""))
