"""The verbs of `TaskQueue` that say who may take how much, and tell what came of it."""

from __future__ import annotations

from typing import Any

from fairque.core.limits import Caps, UserSettings
from fairque.core.settings import FairnessSettings
from fairque.queue.carrier import Carrier
from fairque.queue.explaining import Explanation
from fairque.queue.report import FairnessReport
from fairque.queue.shares import AllLimits


class Control(Carrier):
    """What `TaskQueue` has of them."""

    def set_user(self, user_id: str, **changes: Any) -> UserSettings:
        """Change a user's `weight` or its caps (`max_concurrency`, `rate`, `burst`, `max_backlog`, `paused`); None puts
        one back to its default. Returns what is in force.

        Atomic, kept in Redis, and effective at once on what already waits; it wins over the configuration's `users:`.
        The user need not have any task. What is set for `*` counts for every user that has no other value of its own.

        Raises:
            LimitsError: a name or a value is not accepted; all that is wrong is told.
        """
        return self._converse(self._verbs.shares.set_user(user_id, changes))

    def reset_user(self, user_id: str) -> None:
        """Take a user's own settings away: it is as every other, until a configuration says otherwise."""
        self._converse(self._verbs.shares.reset_user(user_id))

    def get_user(self, user_id: str) -> UserSettings:
        """Return the settings in force for a user."""
        return self._converse(self._verbs.shares.get_user(user_id))

    def set_limits(self, *, task: str | None = None, **changes: Any) -> Caps:
        """Change the caps of all tasks of one name, or without `task` of the whole queue, as `set_user` does.

        Raises: as `set_user`.
        """
        return self._run(self._verbs.shares.set_limits(task, changes))

    def get_limits(self, *, task: str | None = None) -> Caps:
        """Return the caps of a task name, or of the whole queue."""
        return self._converse(self._verbs.shares.get_limits(task))

    def set_fairness(self, **changes: Any) -> FairnessSettings:
        """Change how the queue shares service: `aging_seconds`, at once; `cost` (count, declared or time) only while
        nothing is ready or running. Returns what is in force.

        Raises:
            LimitsError: a name or a value is not accepted.
            QueueBusy: the cost cannot be changed now.
        """
        return self._run(self._verbs.shares.set_fairness(changes))

    def get_fairness(self) -> FairnessSettings:
        """Return how the queue shares service, whatever this program's configuration says."""
        return self._run(self._verbs.shares.get_fairness())

    def all_limits(self) -> AllLimits:
        """Return all that is set for users, task names and the queue, and which users their caps bar. Read page by
        page.
        """
        return self._converse(self._verbs.shares.all_limits())

    def pause(self, user_id: str | None = None, *, task: str | None = None) -> None:
        """Let nothing of a user (a task name, or the whole queue) start; what runs goes on, pushes are taken.

        Raises:
            LimitsError: both a user and a task were given.
        """
        self._converse(self._verbs.shares.pause(user_id, task, paused=True))

    def resume(self, user_id: str | None = None, *, task: str | None = None) -> None:
        """End a pause. Raises as `pause`."""
        self._converse(self._verbs.shares.pause(user_id, task, paused=False))

    def explain(self, task_id: str, *, user_id: str | None = None) -> Explanation:
        """Say why a task has not started: its position, its user's share, and what bars it.

        Raises:
            UnknownTask: there is no such task; a chosen id needs its `user_id`.
        """
        return self._converse(self._verbs.shares.explain(task_id, user_id, None))

    def fairness(self, minutes: int = 10) -> FairnessReport:
        """Return how service was shared in the last `minutes` (1 to 60, rounded up to tens) and the window of ten that
        has begun. What is popped by hand is not in it.
        """
        return self._converse(self._verbs.shares.fairness(minutes))
