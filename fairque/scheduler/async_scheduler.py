"""`AsyncTaskScheduler`: `TaskScheduler` for programs that have an event loop."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from fairque.core.models import Task
from fairque.core.schedule import Fire, Origin, ScheduledTask
from fairque.core.settings import Settings
from fairque.errors import FairqueError
from fairque.queue.async_queue import AsyncTaskQueue
from fairque.queue.handle import AsyncTaskHandle
from fairque.scheduler.clockwork import Clockwork
from fairque.scheduler.plan import SchedulePlan
from fairque.signals import HEARING, on_signals
from fairque.store.driver import Driver


class AsyncTaskScheduler:
    """The verbs of `TaskScheduler` with `await`; what each does, and what it raises, stands there.

    What fires is a thread: no coroutine that keeps the loop busy makes a fire late.
    """

    def __init__(self, config: Settings, *, id: str | None = None, queue: str | None = None) -> None:
        self._queue = AsyncTaskQueue(config, name=queue)
        self._driver = Driver(config.redis)
        self._plan = SchedulePlan(config, self._queue._verbs, id)
        self._clockwork: Clockwork | None = None
        self._stopped = asyncio.Event()

    @property
    def id(self) -> str:
        """What this scheduler is called."""
        return self._plan.id

    async def add_schedule(
        self,
        cron_expr: str | None = None,
        task: Task[Any] | None = None,
        *,
        every: float | None = None,
        timezone: str | None = None,
        schedule_id: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        catchup: str = "one",
        overlap: str = "skip",
        user_id: str | None = None,
    ) -> str:
        """As `TaskScheduler.add_schedule`."""
        when = {"cron_expr": cron_expr, "every": every, "timezone": timezone, "start": start, "end": end}
        return await self._add(schedule_id, task, user_id, when, {"catchup": catchup, "overlap": overlap})

    async def update(self, schedule_id: str, **changes: Any) -> ScheduledTask:
        """As `TaskScheduler.update`."""
        return await self._queue._converse(self._plan.verbs.update(schedule_id, changes))

    async def get(self, schedule_id: str) -> ScheduledTask | None:
        """As `TaskScheduler.get`."""
        return await self._queue._run(self._plan.verbs.get(schedule_id))

    async def pause(self, schedule_id: str) -> ScheduledTask:
        """As `TaskScheduler.pause`."""
        return await self._queue._converse(self._plan.verbs.turn(schedule_id, "P"))

    async def resume(self, schedule_id: str) -> ScheduledTask:
        """As `TaskScheduler.resume`."""
        return await self._queue._converse(self._plan.verbs.turn(schedule_id, "A"))

    async def remove(self, schedule_id: str) -> bool:
        """As `TaskScheduler.remove`."""
        return await self._queue._run(self._plan.verbs.remove(schedule_id))

    async def run_now(self, schedule_id: str) -> AsyncTaskHandle[Any]:
        """As `TaskScheduler.run_now`."""
        return AsyncTaskHandle(self._queue, await self._queue._converse(self._plan.verbs.run_now(schedule_id)))

    async def history(self, schedule_id: str, limit: int = 100) -> Sequence[Fire]:
        """As `TaskScheduler.history`."""
        return await self._queue._run(self._plan.verbs.history(schedule_id, limit))

    async def next_fires(self, schedule_id: str, count: int = 10) -> Sequence[datetime]:
        """As `TaskScheduler.next_fires`."""
        return await self._queue._run(self._plan.verbs.next_fires(schedule_id, count))

    async def schedulers(self) -> Sequence[dict[str, Any]]:
        """As `TaskScheduler.schedulers`."""
        return await self._queue._converse(self._plan.verbs.schedulers())

    async def list(self, *, user_id: str | None = None) -> builtins.list[ScheduledTask]:
        """As `TaskScheduler.list`."""
        return await self._queue._converse(self._plan.verbs.all(user_id))

    async def start(self) -> None:
        """As `TaskScheduler.start`."""
        if self._clockwork is not None:
            raise FairqueError(f"scheduler {self.id} has been started already")
        clockwork = Clockwork(self._driver, self._plan)
        await asyncio.to_thread(clockwork.start)
        self._clockwork = clockwork

    async def stop(self) -> None:
        """As `TaskScheduler.stop`."""
        self._stopped.set()
        if self._clockwork is not None:
            clockwork, self._clockwork = self._clockwork, None
            await asyncio.to_thread(clockwork.stop)

    async def run(self) -> None:
        """As `TaskScheduler.run`. A cancellation stops it, too."""
        self._stopped.clear()
        with on_signals(lambda *_: self._stopped.set()):
            await self.start()
            try:
                while not self._stopped.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopped.wait(), HEARING)
            finally:
                await self.stop()

    async def close(self) -> None:
        """As `TaskScheduler.close`."""
        await self.stop()
        await self._queue.close()

    async def _add(
        self,
        schedule_id: str | None,
        task: object,
        user_id: str | None,
        when: Mapping[str, Any],
        how: Mapping[str, Any],
        origin: Origin = "code",
    ) -> str:
        verbs = self._plan.verbs
        return await self._queue._converse(verbs.add(verbs.draft(schedule_id, task, user_id, when, how, origin)))

    async def __aenter__(self) -> Self:
        """Start the scheduler."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and close the connections."""
        await self.close()
