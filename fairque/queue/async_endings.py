"""The verbs of `AsyncTaskQueue` about tasks that are not wanted any more, or did not end well."""

from __future__ import annotations

from typing import Any

from fairque.core.models import Task
from fairque.queue.carrier import AsyncCarrier
from fairque.queue.lifecycle import FailedPage, Which


class AsyncEndings(AsyncCarrier):
    """What `AsyncTaskQueue` has of them."""

    async def cancel(self, task_id: str, *, user_id: str | None = None) -> bool:
        """As `TaskQueue.cancel`."""
        return await self._converse(self._verbs.lifecycle.cancel(task_id, user_id, None))

    async def retry(self, task_id: str, *, user_id: str | None = None) -> bool:
        """As `TaskQueue.retry`."""
        return await self._converse(self._verbs.lifecycle.retry(task_id, user_id, None))

    async def failed(
        self,
        user_id: str | None = None,
        *,
        task: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> FailedPage[Task[Any]]:
        """As `TaskQueue.failed`."""
        which = Which(user_id, task, error, older_than)
        return await self._converse(self._verbs.lifecycle.failed(which, limit, cursor))

    async def requeue_failed(
        self,
        user_id: str | None = None,
        *,
        task: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """As `TaskQueue.requeue_failed`."""
        return await self._converse(self._verbs.lifecycle.requeue_failed(Which(user_id, task, error, older_than)))

    async def purge_failed(
        self,
        user_id: str | None = None,
        *,
        task: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """As `TaskQueue.purge_failed`."""
        return await self._converse(self._verbs.lifecycle.purge_failed(Which(user_id, task, error, older_than)))

    async def erase_user(self, user_id: str) -> int:
        """As `TaskQueue.erase_user`."""
        return await self._converse(self._verbs.lifecycle.erase(user_id))
