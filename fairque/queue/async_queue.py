"""`AsyncTaskQueue`: a queue as a coroutine holds it. A verb is a line: `verbs` says it, the driver carries it."""

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
from fairque.queue.async_control import AsyncControl
from fairque.queue.async_endings import AsyncEndings
from fairque.queue.async_graphs import AsyncGraphs
from fairque.queue.explaining import Explanation
from fairque.queue.handle import AsyncTaskHandle
from fairque.queue.registry import TaskFunction, called
from fairque.queue.verbs import Verbs
from fairque.store.call import Call, Conversation
from fairque.store.driver import AsyncDriver
from fairque.store.readings import Stats

R = TypeVar("R")
T = TypeVar("T")


class AsyncTaskQueue(AsyncControl, AsyncEndings, AsyncGraphs):
    """The verbs of `TaskQueue` with `await`; for any number of coroutines of one event loop.

    What each verb does, and what it raises, stands in `TaskQueue`.
    """

    def __init__(self, config: Settings, *, name: str | None = None) -> None:
        self._verbs = Verbs(config, name)
        self._driver = AsyncDriver(config.redis)
        self._met = False

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._verbs.name

    async def push(self, task: Task[R], *, user_id: str | None = None) -> AsyncTaskHandle[R]:
        """As `TaskQueue.push`."""
        return AsyncTaskHandle(self, await self._converse(self._verbs.push(task, user_id)))

    async def push_batch(self, tasks: Iterable[Task[R]], *, user_id: str | None = None) -> list[AsyncTaskHandle[R]]:
        """As `TaskQueue.push_batch`."""
        batch = self._verbs.push_batch(tasks, user_id, partial(AsyncTaskHandle, self))
        handles: list[list[AsyncTaskHandle[R]]] = []
        await self._meet()
        try:
            await self._driver.run_all(batch.calls(), handles)
        except RedisUnavailable as lost:
            raise batch.interrupted(list(chain.from_iterable(handles)), lost) from lost
        return list(chain.from_iterable(handles))

    async def push_function_task(
        self,
        user_id: str,
        function: TaskFunction[..., Any],
        *,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """As `TaskQueue.push_function_task`."""
        handle = await self.push(called(function, args, kwargs).with_(**options), user_id=user_id)
        return handle.task_id

    async def get_task(self, task_id: str, *, user_id: str | None = None) -> Task[Any] | None:
        """As `TaskQueue.get_task`."""
        return await self._run(self._verbs.get_task(task_id, user_id))

    async def get_result(self, task_id: str, *, user_id: str | None = None, timeout: float | None = None) -> Any:
        """As `TaskQueue.get_result`."""
        return await self._converse(self._verbs.result(task_id, user_id, None, timeout))

    async def delete_task(self, task_id: str, *, user_id: str | None = None) -> bool:
        """As `TaskQueue.delete_task`."""
        return await self._converse(self._verbs.delete(task_id, user_id))

    async def get_stats(self) -> Stats:
        """As `TaskQueue.get_stats`."""
        return await self._run(self._verbs.stats())

    async def get_queue_sizes(self, user_id: str) -> dict[str, int]:
        """As `TaskQueue.get_queue_sizes`."""
        return await self._run(self._verbs.sizes(user_id))

    async def users(self) -> dict[str, dict[str, int]]:
        """As `TaskQueue.users`."""
        return await self._converse(self._verbs.users())

    async def workers(self) -> list[dict[str, Any]]:
        """As `TaskQueue.workers`."""
        return await self._converse(self._verbs.workers())

    async def served(self, windows: int = 7) -> dict[str, dict[str, int]]:
        """As `TaskQueue.served`."""
        return await self._converse(self._verbs.served(windows))

    async def pop(self, timeout: float = 0.0) -> Task[Any] | None:
        """As `TaskQueue.pop`."""
        popped = await self._converse(self._verbs.consuming.pop(1, timeout))
        return popped[0] if popped else None

    async def pop_many(self, count: int, timeout: float = 0.0) -> list[Task[Any]]:
        """As `TaskQueue.pop_many`."""
        popped: list[Task[Any]] = await self._converse(self._verbs.consuming.pop(count, timeout))
        return popped

    async def finish(self, task: Task[Any], result: object = None) -> None:
        """As `TaskQueue.finish`."""
        await self._run(self._verbs.consuming.finish(task, result))

    async def fail(self, task: Task[Any], error: BaseException | str) -> None:
        """As `TaskQueue.fail`."""
        await self._run(self._verbs.consuming.fail(task, error))

    async def release(self, task: Task[Any]) -> None:
        """As `TaskQueue.release`."""
        await self._run(self._verbs.consuming.release(task))

    async def heartbeat(self, task: Task[Any]) -> None:
        """As `TaskQueue.heartbeat`."""
        await self._run(self._verbs.consuming.heartbeat(task))

    async def close(self) -> None:
        """Close the connections. The queue opens new ones if it is used again."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        """Return the queue itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def _state(self, handle: AsyncTaskHandle[Any]) -> TaskState:
        return await self._run(self._verbs.state(handle.task_id, handle.user_id, handle.incarnation))

    async def _explain(self, handle: AsyncTaskHandle[Any]) -> Explanation:
        shares = self._verbs.shares
        return await self._converse(shares.explain(handle.task_id, handle.user_id, handle.incarnation))

    async def _task(self, handle: AsyncTaskHandle[Any]) -> Task[Any]:
        return await self._run(self._verbs.held_task(handle.task_id, handle.user_id, handle.incarnation))

    async def _cancel(self, handle: AsyncTaskHandle[Any]) -> bool:
        lifecycle = self._verbs.lifecycle
        return await self._converse(lifecycle.cancel(handle.task_id, handle.user_id, handle.incarnation))

    async def _retry(self, handle: AsyncTaskHandle[Any]) -> bool:
        lifecycle = self._verbs.lifecycle
        return await self._converse(lifecycle.retry(handle.task_id, handle.user_id, handle.incarnation))

    async def _result(self, handle: AsyncTaskHandle[Any], timeout: float | None) -> Any:
        return await self._converse(self._verbs.result(handle.task_id, handle.user_id, handle.incarnation, timeout))

    async def _meet(self) -> None:
        if not self._met:
            await self._driver.converse(self._verbs.meet())
            self._met = True

    async def _run(self, call: Call[T]) -> T:
        await self._meet()
        return await self._driver.run(call)

    async def _converse(self, steps: Conversation[T]) -> T:
        await self._meet()
        return await self._driver.converse(steps)
