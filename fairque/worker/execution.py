"""One run, from what was granted to how it ended. Only here, and in a child process, is a user's code called."""

from __future__ import annotations

import logging
import time
from asyncio import CancelledError
from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import Any, Final

from fairque.core import codec
from fairque.core.models import Task
from fairque.core.outcome import Again, Bury, Canceled, Done, Failure, Outcome, Postpone, Release
from fairque.core.settings import QueueSettings, WorkerSettings
from fairque.errors import ProcessDied, StoredDataError, TaskTimeout, TaskValidationError
from fairque.queue.reading import task_of_grant
from fairque.queue.registry import find_task
from fairque.queue.settlement import after_error, ended_of
from fairque.store import claims
from fairque.worker import context
from fairque.worker.children import Child
from fairque.worker.coroutines import Coroutines
from fairque.worker.handler import TaskHandler
from fairque.worker.holding import Holding, Verdict
from fairque.worker.messages import Raised, Returned, error_of
from fairque.worker.slot import Abandoned, Slot

log = logging.getLogger("fairque.worker")

_CANCELED: Final = Canceled(Failure("Canceled", "canceled while it ran"))


class Execution:
    """How this worker runs a task; used by all its runner threads at once."""

    def __init__(
        self,
        queue: QueueSettings,
        worker: WorkerSettings,
        handler: TaskHandler | None,
        tether: context.Tether,
        coroutines: Coroutines,
    ) -> None:
        self._queue = queue
        self._worker = worker
        self._handler = handler
        self._tether = tether
        self._coroutines = coroutines
        self._timeout = worker.task_timeout_seconds

    def run(self, holding: Holding, slot: Slot) -> claims.Ended:
        """Run a task and return its outcome as it goes over the wire.

        Raises:
            Abandoned: nobody waits for its end any more.
        """
        grant = holding.grant
        if not holding.start():
            return self.given_back(holding)
        try:
            task = task_of_grant(grant)
        except StoredDataError as error:
            return self.ended(holding, Bury(Failure("corrupt", str(error))))
        except ValueError as error:  # arguments that this release of the function not takes
            bare: Task[Any] = Task(task_id=grant.task_id, user_id=grant.user_id, failures=grant.failures)
            return self._failed(bare, holding, error)
        holding.task = task
        work = self._work_of(task)
        if work is None:
            return self.ended(holding, self._unknown(task, holding))
        token = context.enter(context.TaskContext(holding, self._tether))
        try:
            return self._called(task, holding, work, slot)
        finally:
            context.leave(token)

    def given_back(self, holding: Holding) -> claims.Ended:
        """Return the outcome of a task that was not run to its end, through no fault of its own."""
        return self.ended(holding, _CANCELED if holding.verdict is Verdict.CANCELED else Release())

    def abandoned(self, holding: Holding) -> claims.Ended:
        """Return the outcome of a run that did not come back after it had been interrupted for its timeout."""
        task = holding.task or Task()
        why = f"{self._over_time(task)}; its thread did not come back and was abandoned"
        return self._failed(task, holding, TaskTimeout(why))

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

    def _called(self, task: Task[Any], holding: Holding, work: Callable[[], Any], slot: Slot) -> claims.Ended:
        if self._handler is not None:
            self._tell("on_task_start", holding, task)
        if task.executor == "process":
            return self._called_in_child(task, holding, slot)
        limit = task.timeout
        deadline = (holding.started or 0.0) + (self._timeout if limit is None else limit)
        try:
            result = slot.call(holding, work, deadline)
            if type(result) is CoroutineType:
                flight = self._coroutines.begin(result)
                result = slot.call(holding, flight.wait, deadline, flight.cancel)
            done = Done(codec.encode_result(result))
        except Abandoned:
            raise
        except BaseException as error:
            return self._failed(task, holding, error)
        if self._handler is not None:
            self._tell("on_task_success", holding, task, result)
        return self.ended(holding, done, task)

    def _called_in_child(self, task: Task[Any], holding: Holding, slot: Slot) -> claims.Ended:
        try:
            answer = self._answer_of_child(task, holding, slot)
        except Abandoned:
            raise
        except BaseException as error:
            return self._failed(task, holding, error)
        if isinstance(answer, Raised):
            return self._failed(task, holding, *error_of(answer))
        if self._handler is not None:
            function = find_task(task.name)
            returns = function.parameters.returns if function else Any
            self._tell("on_task_success", holding, task, codec.decode_result(answer.result, returns))
        return self.ended(holding, Done(answer.result), task)

    def _answer_of_child(self, task: Task[Any], holding: Holding, slot: Slot) -> Returned | Raised:
        function = find_task(task.name)
        if function is None:
            raise TaskValidationError("a payload task cannot run in a child process: its TaskHandler is in the worker")
        if slot.child is None or not slot.child.alive:
            slot.child = Child()
        child = slot.child
        child.prepare(function.function.__module__)
        limit = self._timeout if task.timeout is None else task.timeout
        work = partial(child.run, holding, self._queue, self._tether)
        answer: Returned | Raised = slot.call(holding, work, time.monotonic() + limit, child.kill)
        return answer

    def _failed(
        self, task: Task[Any], holding: Holding, error: BaseException, outcome: Again | Bury | None = None
    ) -> claims.Ended:
        """Return what becomes of a task whose run has raised, or was made to end.

        Raises:
            Abandoned: it has been given back already.
        """
        if holding.verdict is Verdict.GIVEN_BACK:
            raise Abandoned
        if holding.verdict is Verdict.CANCELED:
            log.info("task canceled while it ran: %s", _named(task), extra=holding.about)
            return self.ended(holding, _CANCELED, task)
        if holding.verdict is Verdict.TIMED_OUT:
            if isinstance(error, CancelledError | ProcessDied) or (isinstance(error, TaskTimeout) and not error.args):
                error = TaskTimeout(self._over_time(task)).with_traceback(error.__traceback__)
            self._tell("on_task_timeout", holding, task)
        outcome = outcome or after_error(task, error, self._queue)
        for_good = isinstance(outcome, Bury)
        what = (" for good" if for_good else "", _named(task), outcome.failure.type)
        log.warning("task failed%s: %s: %s", *what, extra=holding.about)
        self._tell("on_task_failure" if for_good else "on_task_retry", holding, task, error)
        return self.ended(holding, outcome, task)

    def _over_time(self, task: Task[Any]) -> str:
        return f"ran for longer than its timeout of {self._timeout if task.timeout is None else task.timeout:g} s"

    def _unknown(self, task: Task[Any], holding: Holding) -> Outcome:
        """A deploy may be under way: the task is given back, ever more slowly, until the grace is used up."""
        delays = [min(60.0, 2.0 ** min(n, 6)) for n in range(task.attempt)]
        what = f"the task {task.name!r}" if task.name else "a payload task (give the worker a TaskHandler)"
        if sum(delays[:-1]) >= self._worker.unknown_task_grace:
            return Bury(
                Failure("UnknownTask", f"no worker that was asked knows {what}: list its module under `tasks:`")
            )
        told = (what, task.task_id, delays[-1])
        log.warning("this worker does not know %s; %s is given back for %g s", *told, extra=holding.about)
        return Postpone(delays[-1])

    def _tell(self, hook: str, holding: Holding, *about: Any) -> None:
        if self._handler is None:
            return
        try:
            getattr(self._handler, hook)(*about)
        except BaseException:
            what = (type(self._handler).__name__, hook)
            log.exception("%s.%s raised; the task goes on", *what, extra=holding.about)


def _named(task: Task[Any]) -> str:
    return f"{task.name or 'payload task'} {task.task_id} of user {task.user_id}, attempt {task.attempt}"
