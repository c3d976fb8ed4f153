"""The verbs of `AsyncTaskQueue` that say who may take how much, and tell what came of it."""

from __future__ import annotations

from typing import Any

from fairque.core.limits import Caps, UserSettings
from fairque.core.settings import FairnessSettings
from fairque.queue.carrier import AsyncCarrier
from fairque.queue.explaining import Explanation
from fairque.queue.report import FairnessReport
from fairque.queue.shares import AllLimits


class AsyncControl(AsyncCarrier):
    """What `AsyncTaskQueue` has of them."""

    async def set_user(self, user_id: str, **changes: Any) -> UserSettings:
        """As `TaskQueue.set_user`."""
        return await self._converse(self._verbs.shares.set_user(user_id, changes))

    async def reset_user(self, user_id: str) -> None:
        """As `TaskQueue.reset_user`."""
        await self._converse(self._verbs.shares.reset_user(user_id))

    async def get_user(self, user_id: str) -> UserSettings:
        """As `TaskQueue.get_user`."""
        return await self._converse(self._verbs.shares.get_user(user_id))

    async def set_limits(self, *, task: str | None = None, **changes: Any) -> Caps:
        """As `TaskQueue.set_limits`."""
        return await self._run(self._verbs.shares.set_limits(task, changes))

    async def get_limits(self, *, task: str | None = None) -> Caps:
        """As `TaskQueue.get_limits`."""
        return await self._converse(self._verbs.shares.get_limits(task))

    async def set_fairness(self, **changes: Any) -> FairnessSettings:
        """As `TaskQueue.set_fairness`."""
        return await self._run(self._verbs.shares.set_fairness(changes))

    async def get_fairness(self) -> FairnessSettings:
        """As `TaskQueue.get_fairness`."""
        return await self._run(self._verbs.shares.get_fairness())

    async def all_limits(self) -> AllLimits:
        """As `TaskQueue.all_limits`."""
        return await self._converse(self._verbs.shares.all_limits())

    async def pause(self, user_id: str | None = None, *, task: str | None = None) -> None:
        """As `TaskQueue.pause`."""
        await self._converse(self._verbs.shares.pause(user_id, task, paused=True))

    async def resume(self, user_id: str | None = None, *, task: str | None = None) -> None:
        """As `TaskQueue.resume`."""
        await self._converse(self._verbs.shares.pause(user_id, task, paused=False))

    async def explain(self, task_id: str, *, user_id: str | None = None) -> Explanation:
        """As `TaskQueue.explain`."""
        return await self._converse(self._verbs.shares.explain(task_id, user_id, None))

    async def fairness(self, minutes: int = 10) -> FairnessReport:
        """As `TaskQueue.fairness`."""
        return await self._converse(self._verbs.shares.fairness(minutes))
