"""`TaskQueue`: a queue as a program holds it. A verb is a line: `verbs` says it, the driver carries it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Any, Self, TypeVar

from fairque.core.models import Task
from fairque.core.settings import Settings
from fairque.core.state import TaskState
from fairque.errors import RedisUnavailable
from fairque.queue.control import Control
from fairque.queue.endings import Endings
from fairque.queue.explaining import Explanation
from fairque.queue.graphs import Graphs
from fairque.queue.handle import TaskHandle
from fairque.queue.registry import TaskFunction, called
from fairque.queue.verbs import Verbs
from fairque.store.call import Call, Conversation
from fairque.store.driver import Driver
from fairque.store.readings import Stats

R = TypeVar("R")
T = TypeVar("T")


class TaskQueue(Control, Endings, Graphs):
    """Many users' tasks under one name. For any number of threads, and usable after a fork.

    Connections are opened when they are needed; `close` (or the `with` block's end) closes them.
    """

    def __init__(self, config: Settings, *, name: str | None = None) -> None:
        self._verbs = Verbs(config, name)
        self._driver = Driver(config.redis)
        self._met = False

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._verbs.name

    def push(self, task: Task[R], *, user_id: str | None = None) -> TaskHandle[R]:
        """Push one task and return its handle. `user_id` overrides the task's own.

        Atomic. A chosen id that is alive already (not finished or failed) is not pushed again: the handle is that
        task's, with `created=False`.

        Raises:
            TaskValidationError: the task has no user, or an argument is refused (its path is named).
            UnknownTask: `depends_on` names a task that is not known.
            QueueFull: Redis is at its memory limit. Nothing was written.
            RedisUnavailable: Redis could not be reached.
        """
        return TaskHandle(self, self._converse(self._verbs.push(task, user_id)))

    def push_batch(self, tasks: Iterable[Task[R]], *, user_id: str | None = None) -> list[TaskHandle[R]]:
        """Push many tasks, in chunks that are atomic each, and return their handles in order.

        All tasks are checked before the first is sent.

        Raises:
            TaskValidationError: one of them is refused. Nothing was written.
            PartialPush: Redis went away in between: it has the handles that were accepted, and the tasks that remain.
            QueueFull: Redis is at its memory limit; chunks before this one were accepted.
        """
        batch = self._verbs.push_batch(tasks, user_id, partial(TaskHandle, self))
        handles: list[list[TaskHandle[R]]] = []
        self._meet()
        try:
            self._driver.run_all(batch.calls(), handles)
        except RedisUnavailable as lost:
            raise batch.interrupted(list(chain.from_iterable(handles)), lost) from lost
        return list(chain.from_iterable(handles))

    def push_function_task(
        self,
        user_id: str,
        function: TaskFunction[..., Any],
        *,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """Push a call of a `@task` function for a user and return the task's id. `options` are those of `@task`.

        Raises: as `push`.
        """
        handle = self.push(called(function, args, kwargs).with_(**options), user_id=user_id)
        return handle.task_id

    def get_task(self, task_id: str, *, user_id: str | None = None) -> Task[Any] | None:
        """Return a task as it stands, or None. A generated id is found by itself; a chosen one needs its `user_id`."""
        return self._run(self._verbs.get_task(task_id, user_id))

    def get_result(self, task_id: str, *, user_id: str | None = None, timeout: float | None = None) -> Any:
        """Return what a task returned, waiting `timeout` seconds at most (None: as long as it takes).

        Raises:
            TaskFailed: it failed and its retries are used up.
            ResultTimeout: it has not ended in time.
            UnknownTask: there is no such task, or its result has expired.
        """
        return self._converse(self._verbs.result(task_id, user_id, None, timeout))

    def delete_task(self, task_id: str, *, user_id: str | None = None) -> bool:
        """Remove a task and all that is kept of it; return whether there was one.

        Raises:
            TaskRunning: it is running.
        """
        return self._converse(self._verbs.delete(task_id, user_id))

    def get_stats(self) -> Stats:
        """Return the queue's totals."""
        return self._run(self._verbs.stats())

    def get_queue_sizes(self, user_id: str) -> dict[str, int]:
        """Return how many of a user's tasks are `queued` (of these `critical`), `started`, `deferred`, `scheduled` and
        `failed`.
        """
        return self._run(self._verbs.sizes(user_id))

    def users(self) -> dict[str, dict[str, int]]:
        """Return the sizes of every user that has something waiting, running or failed. Read page by page."""
        return self._converse(self._verbs.users())

    def workers(self) -> list[dict[str, Any]]:
        """Return what each worker seen of late says of itself: `id, host, pid, running, last_seen, ...`."""
        return self._converse(self._verbs.workers())

    def served(self, windows: int = 7) -> dict[str, dict[str, int]]:
        """Return what each user's runs came to over the last windows of ten minutes (up to 7 are kept): user ->
        measure -> amount, as `fairque.core.service` names them. Workers add to it each second.
        """
        return self._converse(self._verbs.served(windows))

    def pop(self, timeout: float = 0.0) -> Task[Any] | None:
        """Claim one task by hand, waiting `timeout` seconds for it at most; None if there is none.

        It comes with a lease (`lease_seconds` of the config's worker, 15 without one) that `heartbeat` renews, and is
        settled by `finish`, `fail` or `release`. If the config has one worker, its lists say whom it serves.
        """
        popped = self._converse(self._verbs.consuming.pop(1, timeout))
        return popped[0] if popped else None

    def pop_many(self, count: int, timeout: float = 0.0) -> list[Task[Any]]:
        """Claim up to `count` (1-10,000) tasks at once, waiting for the first as `pop` does; each has its own lease."""
        popped: list[Task[Any]] = self._converse(self._verbs.consuming.pop(count, timeout))
        return popped

    def finish(self, task: Task[Any], result: object = None) -> None:
        """Say that a popped task is done, and store its result.

        Raises:
            StaleLease: its lease has lapsed; nothing was written.
        """
        self._run(self._verbs.consuming.finish(task, result))

    def fail(self, task: Task[Any], error: BaseException | str) -> None:
        """Say that a popped task has failed: it is retried, or has failed for good when its retries are used up.

        Raises: as `finish`.
        """
        self._run(self._verbs.consuming.fail(task, error))

    def release(self, task: Task[Any]) -> None:
        """Give a popped task back in its own place; no retry is spent. Raises as `finish`."""
        self._run(self._verbs.consuming.release(task))

    def heartbeat(self, task: Task[Any]) -> None:
        """Renew a popped task's lease. Raises as `finish`."""
        self._run(self._verbs.consuming.heartbeat(task))

    def close(self) -> None:
        """Close the connections. The queue opens new ones if it is used again."""
        self._driver.close()

    def __enter__(self) -> Self:
        """Return the queue itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def _state(self, handle: TaskHandle[Any]) -> TaskState:
        return self._run(self._verbs.state(handle.task_id, handle.user_id, handle.incarnation))

    def _explain(self, handle: TaskHandle[Any]) -> Explanation:
        shares = self._verbs.shares
        return self._converse(shares.explain(handle.task_id, handle.user_id, handle.incarnation))

    def _task(self, handle: TaskHandle[Any]) -> Task[Any]:
        return self._run(self._verbs.held_task(handle.task_id, handle.user_id, handle.incarnation))

    def _cancel(self, handle: TaskHandle[Any]) -> bool:
        lifecycle = self._verbs.lifecycle
        return self._converse(lifecycle.cancel(handle.task_id, handle.user_id, handle.incarnation))

    def _retry(self, handle: TaskHandle[Any]) -> bool:
        lifecycle = self._verbs.lifecycle
        return self._converse(lifecycle.retry(handle.task_id, handle.user_id, handle.incarnation))

    def _result(self, handle: TaskHandle[Any], timeout: float | None) -> Any:
        return self._converse(self._verbs.result(handle.task_id, handle.user_id, handle.incarnation, timeout))

    def _meet(self) -> None:
        if not self._met:
            self._driver.converse(self._verbs.meet())
            self._met = True

    def _run(self, call: Call[T]) -> T:
        self._meet()
        return self._driver.run(call)

    def _converse(self, steps: Conversation[T]) -> T:
        self._meet()
        return self._driver.converse(steps)
