"""What a program holds of a task that it pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fairque.core.outcome import Progress
from fairque.core.state import TaskState
from fairque.queue.intake import Receipt

if TYPE_CHECKING:
    from fairque.queue.async_queue import AsyncTaskQueue
    from fairque.queue.explaining import Explanation
    from fairque.queue.queue import TaskQueue

R = TypeVar("R", covariant=True)


class _Held(Generic[R]):
    """What both colours of a handle say of their task."""

    __slots__ = ("__weakref__", "_queue", "_receipt")

    _receipt: Receipt[Any]

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._receipt.task_id

    @property
    def user_id(self) -> str:
        """Whose task it is."""
        return self._receipt.user_id

    @property
    def created(self) -> bool:
        """False where the id, or the unique key, was alive and nothing was pushed."""
        return self._receipt.created

    @property
    def incarnation(self) -> str:
        """Tells the task from an earlier or later one of the same chosen id; empty for generated ids."""
        return self._receipt.incarnation

    def __repr__(self) -> str:
        """Show which task it is."""
        return f"<{type(self).__name__} {self.task_id} of {self.user_id}>"


class TaskHandle(_Held[R]):
    """A pushed task: ask for its state, wait for its result."""

    __slots__ = ()

    def __init__(self, queue: TaskQueue, receipt: Receipt[Any]) -> None:
        self._queue, self._receipt = queue, receipt

    def state(self) -> TaskState:
        """Return the task's state.

        Raises:
            UnknownTask: it was deleted, or its record has expired.
            TaskReplaced: its id has been pushed again since.
        """
        return self._queue._state(self)

    def result(self, timeout: float | None = None) -> R:
        """Return what the task returned, waiting for it `timeout` seconds at most (None: as long as it takes).

        Raises:
            TaskFailed: it failed and its retries are used up.
            TaskCanceled: it was canceled.
            ResultTimeout: it has not ended in time.
            UnknownTask, TaskReplaced: as `state`.
        """
        result: R = self._queue._result(self, timeout)
        return result

    def explain(self) -> Explanation:
        """Say why the task has not started: its position, its user's share, and what bars it.

        Raises: as `state`.
        """
        return self._queue._explain(self)

    def cancel(self) -> bool:
        """Cancel the task and return whether it is canceled, or will be; see `TaskQueue.cancel`.

        Raises:
            TaskReplaced: its id has been pushed again since.
        """
        return self._queue._cancel(self)

    def retry(self) -> bool:
        """Queue the task again if it failed or was canceled, and return whether it did; see `TaskQueue.retry`.

        Raises:
            TaskConflict: another task has its unique key now.
            TaskReplaced: its id has been pushed again since.
        """
        return self._queue._retry(self)

    def progress(self) -> Progress | None:
        """Return how far the run has come, or had when it ended, as the task said last; None where it said nothing.

        Raises: as `state`.
        """
        return self._queue._task(self).progress


class AsyncTaskHandle(_Held[R]):
    """`TaskHandle` for coroutines."""

    __slots__ = ()

    def __init__(self, queue: AsyncTaskQueue, receipt: Receipt[Any]) -> None:
        self._queue, self._receipt = queue, receipt

    async def state(self) -> TaskState:
        """As `TaskHandle.state`."""
        return await self._queue._state(self)

    async def result(self, timeout: float | None = None) -> R:
        """As `TaskHandle.result`."""
        result: R = await self._queue._result(self, timeout)
        return result

    async def explain(self) -> Explanation:
        """As `TaskHandle.explain`."""
        return await self._queue._explain(self)

    async def cancel(self) -> bool:
        """As `TaskHandle.cancel`."""
        return await self._queue._cancel(self)

    async def retry(self) -> bool:
        """As `TaskHandle.retry`."""
        return await self._queue._retry(self)

    async def progress(self) -> Progress | None:
        """As `TaskHandle.progress`."""
        return (await self._queue._task(self)).progress
