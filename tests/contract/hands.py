"""What tests do by hand with tasks: pop one, bring it to a state, wait for its result in another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from fairque import Task, TaskHandle, TaskQueue, TaskState
from tests.contract.jobs import echo

WAITING = ("queued", "scheduled", "retrying")
ENDED = ("finished", "failed", "canceled")


def pop(queue: TaskQueue, timeout: float = 0) -> Task[Any]:
    """Pop a task that is there, or comes in time."""
    task = queue.pop(timeout)
    assert task is not None
    return task


def settlings(queue: TaskQueue, task: Task[Any]) -> list[Callable[[], None]]:
    """Return every way to settle or renew a popped task."""
    return [
        lambda: queue.finish(task, "late"),
        lambda: queue.fail(task, "no"),
        lambda: queue.release(task),
        lambda: queue.heartbeat(task),
    ]


def bury(queue: TaskQueue, tasks: Sequence[Task[Any]], error: BaseException | str = "no", user_id: str = "u") -> None:
    """Push tasks into an idle queue and let all of them fail for good."""
    queue.push_batch([task.with_(max_retries=0) for task in tasks], user_id=user_id)
    while popped := queue.pop_many(200):
        for task in popped:
            queue.fail(task, error)


def brought_to(queue: TaskQueue, state: str, *, user_id: str = "u", **options: Any) -> TaskHandle[Any]:
    """Push a task into an idle queue and bring it to a state; `retrying` is scheduled for another attempt."""
    delay = 600 if state == "scheduled" else 0
    handle = queue.push(
        echo(1).with_(max_retries=int(state == "retrying"), retry_backoff=600, **options, delay=delay), user_id=user_id
    )
    if state in {"started", "finished", "failed", "retrying"}:
        task = pop(queue)
        assert task.task_id == handle.task_id
        if state == "finished":
            queue.finish(task, "done")
        elif state != "started":
            queue.fail(task, "no")
    elif state == "canceled":
        assert handle.cancel()
    assert handle.state() is TaskState("scheduled" if state == "retrying" else state)
    return handle


def counted(queue: TaskQueue, user_id: str = "u") -> tuple[int, int, int, int]:
    """Return how many tasks of a user are queued, run, are scheduled and had failed; all totals must say the same."""
    sizes, stats = queue.get_queue_sizes(user_id), queue.get_stats()
    found = (sizes["queued"], sizes["started"], sizes["scheduled"], sizes["failed"])
    assert found == (stats["queued"], stats["started"], stats["scheduled"], stats["failed"])
    return found


class Waiter:
    """A thread that waits for a result."""

    def __init__(self, queue: TaskQueue, task_id: str, timeout: float | None = 20) -> None:
        self.outcome: Any = None
        self._thread = threading.Thread(target=self._wait, args=(queue, task_id, timeout), daemon=True)
        self._thread.start()

    def _wait(self, queue: TaskQueue, task_id: str, timeout: float | None) -> None:
        try:
            self.outcome = queue.get_result(task_id, timeout=timeout)
        except Exception as error:
            self.outcome = error

    def join(self) -> float:
        """Return after how many seconds it had its answer."""
        began = time.monotonic()
        self._thread.join(10)
        assert not self._thread.is_alive()
        return time.monotonic() - began
