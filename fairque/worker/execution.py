"""One run, from what was granted to how it ended. Only here is a user's code called."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any

from fairque.core import codec
from fairque.core.models import Task
from fairque.core.outcome import Bury, Done, Failure, Outcome, Postpone, Release, failure_of
from fairque.core.settings import QueueSettings, WorkerSettings
from fairque.errors import StoredDataError
from fairque.queue.reading import task_of_grant
from fairque.queue.registry import find_task
from fairque.queue.settlement import after_error, ended_of
from fairque.store import claims
from fairque.worker import context
from fairque.worker.handler import TaskHandler
from fairque.worker.holding import Holding

log = logging.getLogger("fairque.worker")


class Execution:
    """How this worker runs a task; used by all its runner threads at once."""

    def __init__(self, queue: QueueSettings, worker: WorkerSettings, handler: TaskHandler | None) -> None:
        self._queue = queue
        self._worker = worker
        self._handler = handler

    def run(self, holding: Holding) -> claims.Ended:
        """Run a task and return its outcome as it goes over the wire. Raises nothing."""
        grant = holding.grant
        if not holding.start():
            return self.ended(holding, Release())
        try:
            task = task_of_grant(grant)
        except StoredDataError as error:
            return self.ended(holding, Bury(failure_of(error)))
        except ValueError as error:  # arguments that this release of the function not takes
            bare: Task[Any] = Task(task_id=grant.task_id, user_id=grant.user_id, failures=grant.failures)
            return self._failed(bare, holding, error)
        work = self._work_of(task)
        if work is None:
            return self.ended(holding, self._unknown(task))
        token = context.enter(context.TaskContext(holding, self._queue.name))
        try:
            return self._called(task, holding, work)
        finally:
            context.leave(token)

    def ended(self, holding: Holding, outcome: Outcome, task: Task[Any] | None = None) -> claims.Ended:
        """Return an outcome as it goes over the wire."""
        grant, started = holding.grant, holding.started
        return ended_of(
            grant.member,
            grant.token,
            grant.since_ms,
            grant.start_ms,
            outcome,
            task,
            ran=0 if started is None else time.monotonic() - started,
            queue=self._queue,
            worker=self._worker.id,
        )

    def _work_of(self, task: Task[Any]) -> Callable[[], Any] | None:
        """Return what is to be called, or None where this process does not know it."""
        if task.name:
            return task if find_task(task.name) else None
        handler = self._handler
        return (lambda: handler.process_task(task)) if handler else None

    def _called(self, task: Task[Any], holding: Holding, work: Callable[[], Any]) -> claims.Ended:
        self._tell("on_task_start", task)
        try:
            result = work()
            if inspect.iscoroutine(result):
                result = asyncio.run(result)
            done = Done(codec.encode_result(result))
        except BaseException as error:
            return self._failed(task, holding, error)
        self._tell("on_task_success", task, result)
        return self.ended(holding, done, task)

    def _failed(self, task: Task[Any], holding: Holding, error: BaseException) -> claims.Ended:
        outcome = after_error(task, error, self._queue)
        for_good = isinstance(outcome, Bury)
        log.warning(
            "task failed%s: %s %s of user %s, attempt %d: %s",
            " for good" if for_good else "",
            task.name or "payload task",
            task.task_id,
            task.user_id,
            task.attempt,
            type(error).__name__,
        )
        self._tell("on_task_failure" if for_good else "on_task_retry", task, error)
        return self.ended(holding, outcome, task)

    def _unknown(self, task: Task[Any]) -> Outcome:
        """A deploy may be under way: the task is given back, ever more slowly, until the grace is used up."""
        delays = [min(60.0, 2.0 ** min(n, 6)) for n in range(task.attempt)]
        what = f"the task {task.name!r}" if task.name else "a payload task (give the worker a TaskHandler)"
        if sum(delays[:-1]) >= self._worker.unknown_task_grace:
            return Bury(
                Failure("UnknownTask", f"no worker that was asked knows {what}: list its module under `tasks:`")
            )
        log.warning("this worker does not know %s; %s is given back for %g s", what, task.task_id, delays[-1])
        return Postpone(delays[-1])

    def _tell(self, hook: str, *about: Any) -> None:
        if self._handler is None:
            return
        try:
            getattr(self._handler, hook)(*about)
        except BaseException:
            log.exception("%s.%s raised; the task goes on", type(self._handler).__name__, hook)
