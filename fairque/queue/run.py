"""What a program holds of a graph that it enqueued: a sequence of its tasks' handles, and the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from fairque.core.flow import FlowGraph, FlowSummary
from fairque.core.outcome import Progress
from fairque.core.state import TaskState
from fairque.queue.flows import FlowName
from fairque.queue.handle import AsyncTaskHandle, TaskHandle

if TYPE_CHECKING:
    from fairque.queue.async_queue import AsyncTaskQueue
    from fairque.queue.queue import TaskQueue

H = TypeVar("H", TaskHandle[Any], AsyncTaskHandle[Any])


class _Handles(Sequence[H], Generic[H]):
    """The handles of a run's tasks in the order in which they were written, without those that follow up on others
    (`on_success`, `on_failure`). `run_id` and `user_id` name the run.
    """

    def __init__(self, name: FlowName, handles: Sequence[H]) -> None:
        self.name = name
        self.run_id = name.run_id
        self.user_id = name.user_id
        self._handles: tuple[H, ...] = tuple(handles)

    @overload
    def __getitem__(self, index: int) -> H: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[H]: ...
    def __getitem__(self, index: int | slice) -> H | Sequence[H]:
        """Return the handle of the task that was written at this place."""
        return self._handles[index]

    def __len__(self) -> int:
        """Return how many tasks were written."""
        return len(self._handles)

    def __repr__(self) -> str:
        """Show which run it is."""
        return f"<{type(self).__name__} {self.run_id} of {self.user_id}: {len(self)} tasks>"

    @property
    def _ids(self) -> list[str]:
        return [handle.task_id for handle in self._handles]


class Run(_Handles[TaskHandle[Any]]):
    """A graph that was enqueued: ask how far it is, wait for its results, cancel it as a whole."""

    def __init__(self, queue: TaskQueue, name: FlowName, handles: Sequence[TaskHandle[Any]]) -> None:
        super().__init__(name, handles)
        self._queue = queue

    def state(self) -> TaskState:
        """Return the state of the whole: finished when all of it is; failed or canceled when nothing of it can go on
        because a task is; started, queued or deferred before.

        Raises:
            UnknownTask: nothing is kept of it any more.
        """
        return self.summary().state

    def states(self) -> list[TaskState | None]:
        """Return the state of each task in order; None for one of which nothing is kept any more."""
        return self._queue._converse(self._queue._verbs.flows.states(self.name, self._ids))

    def summary(self) -> FlowSummary:
        """Return in numbers how far it is. Raises as `state`."""
        return self._queue._converse(self._queue._verbs.flows.summary(self.name))

    def progress(self) -> Progress:
        """Return how much of it has ended, as a percentage and in words. Raises as `state`."""
        return self._queue._converse(self._queue._verbs.flows.progress(self.name))

    def wait(self, timeout: float | None = None) -> TaskState:
        """Wait `timeout` seconds at most (None: as long as it takes) until all of it has ended or nothing of it can go
        on, and return its state.

        Raises:
            ResultTimeout: it takes longer.
            UnknownTask: as `state`.
        """
        return self._queue._converse(self._queue._verbs.flows.wait(self.name, timeout)).state

    def results(self, timeout: float | None = None, *, return_exceptions: bool = False) -> list[Any]:
        """Wait as `wait` does, and return what the tasks returned, in the order in which they were written.

        `return_exceptions`: where a task has no result, the error that says why stands in its place, as in
        `asyncio.gather`.

        Raises:
            TaskFailed, TaskCanceled: the first task of these that has no result failed, or was canceled.
            ResultTimeout, UnknownTask: as `wait`.
        """
        verbs = self._queue._verbs.flows
        return self._queue._converse(verbs.results(self.name, self._ids, timeout, return_exceptions=return_exceptions))

    def graph(self) -> FlowGraph:
        """Return all its tasks as they stand, with what each waits for. Raises as `state`."""
        return self._queue._converse(self._queue._verbs.flows.graph(self.name))

    def cancel(self) -> int:
        """Cancel all its tasks that have not ended, children before their parents; return how many are canceled, or
        will be. Raises as `state`.
        """
        return self._queue._converse(self._queue._verbs.cancel_flow(self.name))


class AsyncRun(_Handles[AsyncTaskHandle[Any]]):
    """`Run` for coroutines."""

    def __init__(self, queue: AsyncTaskQueue, name: FlowName, handles: Sequence[AsyncTaskHandle[Any]]) -> None:
        super().__init__(name, handles)
        self._queue = queue

    async def state(self) -> TaskState:
        """As `Run.state`."""
        return (await self.summary()).state

    async def states(self) -> list[TaskState | None]:
        """As `Run.states`."""
        return await self._queue._converse(self._queue._verbs.flows.states(self.name, self._ids))

    async def summary(self) -> FlowSummary:
        """As `Run.summary`."""
        return await self._queue._converse(self._queue._verbs.flows.summary(self.name))

    async def progress(self) -> Progress:
        """As `Run.progress`."""
        return await self._queue._converse(self._queue._verbs.flows.progress(self.name))

    async def wait(self, timeout: float | None = None) -> TaskState:
        """As `Run.wait`."""
        return (await self._queue._converse(self._queue._verbs.flows.wait(self.name, timeout))).state

    async def results(self, timeout: float | None = None, *, return_exceptions: bool = False) -> list[Any]:
        """As `Run.results`."""
        verbs = self._queue._verbs.flows
        return await self._queue._converse(
            verbs.results(self.name, self._ids, timeout, return_exceptions=return_exceptions)
        )

    async def graph(self) -> FlowGraph:
        """As `Run.graph`."""
        return await self._queue._converse(self._queue._verbs.flows.graph(self.name))

    async def cancel(self) -> int:
        """As `Run.cancel`."""
        return await self._queue._converse(self._queue._verbs.cancel_flow(self.name))
