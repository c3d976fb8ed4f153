"""`TaskScheduler`: the schedules of a queue as a program holds them, and the scheduler that fires them."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from fairque.core.models import Task
from fairque.core.schedule import Fire, Origin, ScheduledTask
from fairque.core.settings import Settings
from fairque.errors import FairqueError
from fairque.queue.handle import TaskHandle
from fairque.queue.queue import TaskQueue
from fairque.scheduler.clockwork import Clockwork
from fairque.scheduler.plan import SchedulePlan
from fairque.signals import HEARING, on_signals


class TaskScheduler:
    """Schedules of one queue: tasks that are pushed again and again, by cron expression or at an even interval.

    The schedules live in Redis. Any number of schedulers may run beside each other, here and on other machines: each
    fire is pushed once. `run` (or `start`) makes this one a scheduler; the verbs work without.

    `id` is what this scheduler is called (default: the configuration's); `queue` names a queue other than the config's.
    """

    def __init__(self, config: Settings, *, id: str | None = None, queue: str | None = None) -> None:
        self._queue = TaskQueue(config, name=queue)
        self._plan = SchedulePlan(config, self._queue._verbs, id)
        self._clockwork: Clockwork | None = None
        self._stopped = threading.Event()

    @property
    def id(self) -> str:
        """What this scheduler is called."""
        return self._plan.id

    def add_schedule(
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
        """Add a schedule that pushes `task` (`report("daily")`), and return its id.

        Atomic. What was added last under its id is not added again, whatever was changed or paused since; anything else
        replaces it. Without a `schedule_id` (1 to 200 bytes) it is made of the definition, so that a program may add
        its schedules at every start.

        Args:
            cron_expr: five fields, or six with seconds first, or `@hourly` and the like, in local time of `timezone`
                (default: the configuration's, which is UTC unless it says otherwise). A local time that does not exist
                fires when the clock has gone forward; a repeated one the first time, or both times where the hour is
                `*` or `*/n`.
            task: what is pushed, under the id `<schedule_id>/<version>/<instant, epoch ms>`.
            every: seconds between fires (0.1 to ten years), in place of an expression; counted from `start`, or from
                when it is added.
            timezone: an IANA name such as `Europe/Berlin`.
            schedule_id: a name of your own.
            start: an aware instant at which it fires at the earliest.
            end: an aware instant at which it fires at the latest.
            catchup: which fires happen that no scheduler was there for: `none` (only one that is at most 10 s late),
                `one` (the last), `all` or `all(N)` (the last 100, or N up to 1,000). The history has the others.
            overlap: `skip` a fire while the task of the last one has not ended, or `allow` it.
            user_id: whose task it is; overrides the task's own.

        Raises:
            ScheduleError: an argument is refused; the message begins with its name.
            TaskValidationError: the task is refused, as by a push.
            QueueFull: Redis is at its memory limit. Nothing was written.
        """
        when = {"cron_expr": cron_expr, "every": every, "timezone": timezone, "start": start, "end": end}
        return self._add(schedule_id, task, user_id, when, {"catchup": catchup, "overlap": overlap})

    def update(self, schedule_id: str, **changes: Any) -> ScheduledTask:
        """Change `cron_expr`, `every`, `task`, `timezone`, `start`, `end`, `catchup`, `overlap` or `user_id` of a
        schedule, and return it as it is then, in a new version. A fire that is due already goes by the old one or the
        new one, never by both.

        Raises:
            UnknownSchedule: there is none of that id.
            ScheduleError: as `add_schedule`. Nothing was changed.
        """
        return self._queue._converse(self._plan.verbs.update(schedule_id, changes))

    def get(self, schedule_id: str) -> ScheduledTask | None:
        """Return a schedule, or None."""
        return self._queue._run(self._plan.verbs.get(schedule_id))

    def pause(self, schedule_id: str) -> ScheduledTask:
        """Let a schedule fire no more until it is resumed. Raises `UnknownSchedule`."""
        return self._queue._converse(self._plan.verbs.turn(schedule_id, "P"))

    def resume(self, schedule_id: str) -> ScheduledTask:
        """End a pause; what would have fired meanwhile does not. Raises `UnknownSchedule`."""
        return self._queue._converse(self._plan.verbs.turn(schedule_id, "A"))

    def remove(self, schedule_id: str) -> bool:
        """Remove a schedule and its history; return whether there was one. Tasks that it has pushed stay."""
        return self._queue._run(self._plan.verbs.remove(schedule_id))

    def run_now(self, schedule_id: str) -> TaskHandle[Any]:
        """Push a schedule's task at once, even of one that is paused; its fires stay as they are.

        Raises:
            UnknownSchedule: there is none of that id.
            BacklogFull, QueueFull: as a push.
        """
        return TaskHandle(self._queue, self._queue._converse(self._plan.verbs.run_now(schedule_id)))

    def history(self, schedule_id: str, limit: int = 100) -> Sequence[Fire]:
        """Return what came of its last fires (1 to 100 are kept, for 30 days), the newest first. Raises
        `UnknownSchedule`.
        """
        return self._queue._run(self._plan.verbs.history(schedule_id, limit))

    def next_fires(self, schedule_id: str, count: int = 10) -> Sequence[datetime]:
        """Return the instants of its next fires, in UTC; of a paused one, as if it were resumed now. Raises
        `UnknownSchedule`.
        """
        return self._queue._run(self._plan.verbs.next_fires(schedule_id, count))

    def schedulers(self) -> Sequence[dict[str, Any]]:
        """Return the schedulers that have been seen of late: `id, host, pid, last_seen, leads`."""
        return self._queue._converse(self._plan.verbs.schedulers())

    def list(self, *, user_id: str | None = None) -> builtins.list[ScheduledTask]:
        """Return all schedules, or those of a user, by their next fire. Read page by page."""
        return self._queue._converse(self._plan.verbs.all(user_id))

    def start(self) -> None:
        """Add the configuration's `schedules:`, and fire what is due, on a thread.

        Raises:
            RedisUnavailable: Redis cannot be reached.
            ConfigError: one of the schedules is refused.
        """
        if self._clockwork is not None:
            raise FairqueError(f"scheduler {self.id} has been started already")
        clockwork = Clockwork(self._queue._driver, self._plan)
        clockwork.start()
        self._clockwork = clockwork

    def stop(self) -> None:
        """Fire no more, and leave the lock to the next scheduler. Does nothing if this one does not run."""
        self._stopped.set()
        if self._clockwork is not None:
            self._clockwork.stop()
            self._clockwork = None

    def run(self) -> None:
        """Fire what is due until SIGTERM or SIGINT. Blocks.

        Signals are handled where this is called on the main thread; elsewhere `stop` on another thread ends it. Raises
        as `start`.
        """
        self._stopped.clear()
        with on_signals(lambda *_: self._stopped.set()):
            self.start()
            try:
                while not self._stopped.wait(HEARING):
                    continue
            finally:
                self.stop()

    def close(self) -> None:
        """Stop, and close the connections. They open again when a verb is used."""
        self.stop()
        self._queue.close()

    def _add(
        self,
        schedule_id: str | None,
        task: object,
        user_id: str | None,
        when: Mapping[str, Any],
        how: Mapping[str, Any],
        origin: Origin = "code",
    ) -> str:
        verbs = self._plan.verbs
        return self._queue._converse(verbs.add(verbs.draft(schedule_id, task, user_id, when, how, origin)))

    def __enter__(self) -> Self:
        """Start the scheduler."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and close the connections."""
        self.close()
