"""The verbs of `TaskQueue` about tasks that are not wanted any more, or did not end well."""

from __future__ import annotations

from typing import Any

from fairque.core.models import Task
from fairque.queue.carrier import Carrier
from fairque.queue.lifecycle import FailedPage, Which


class Endings(Carrier):
    """What `TaskQueue` has of them."""

    def cancel(self, task_id: str, *, user_id: str | None = None) -> bool:
        """Cancel a task and return whether it is canceled, or will be: one that waits is at once, one that runs is
        asked to stop (`should_stop`), and interrupted where that can be done. False: there is no such task, or it has
        ended otherwise.

        Atomic.
        """
        return self._converse(self._verbs.lifecycle.cancel(task_id, user_id, None))

    def retry(self, task_id: str, *, user_id: str | None = None) -> bool:
        """Queue a failed or canceled task again, its retries unspent, and return whether it was one. It joins its level
        anew; `max_backlog` does not refuse it.

        Raises:
            TaskConflict: another task has its unique key now.
        """
        return self._converse(self._verbs.lifecycle.retry(task_id, user_id, None))

    def failed(
        self,
        user_id: str | None = None,
        *,
        task: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> FailedPage[Task[Any]]:
        """Return a page of the failed tasks: of one user or of all, of a task name, of an error's type (`ValueError`,
        `lost`, `corrupt`), that failed at least `older_than` seconds ago. The newest of a user come first; `limit` is
        1 to 1,000. With a `cursor` the page before had, it goes on from there.

        A task that fails meanwhile may be seen twice; none is missed.
        """
        which = Which(user_id, task, error, older_than)
        return self._converse(self._verbs.lifecycle.failed(which, limit, cursor))

    def requeue_failed(
        self,
        user_id: str | None = None,
        *,
        task: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """Queue all failed tasks again that `failed` would show, and return how many. Those whose unique key another
        task has stay. In steps that are atomic each.
        """
        return self._converse(self._verbs.lifecycle.requeue_failed(Which(user_id, task, error, older_than)))

    def purge_failed(
        self,
        user_id: str | None = None,
        *,
        task: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """Forget all failed tasks that `failed` would show, and return how many. In steps that are atomic each."""
        return self._converse(self._verbs.lifecycle.purge_failed(Which(user_id, task, error, older_than)))

    def erase_user(self, user_id: str) -> int:
        """Remove all that a user left: tasks in whatever state, results, dead letters, settings; return how many tasks.

        In bounded steps. What runs is not interrupted, and its outcome is not accepted. What is pushed meanwhile may
        be erased too; sums of its service stay for 70 minutes.
        """
        return self._converse(self._verbs.lifecycle.erase(user_id))
