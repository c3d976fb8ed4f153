"""One run, from what was granted to how it ended. Only here, and in a child process, is a user's code called."""

from __future__ import annotations

import logging
import time
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import Any, Final

from fairque.core import codec
from fairque.core.models import Task
from fairque.core.outcome import Again, Bury, Canceled, Done, Failure, Outcome, Postpone, Release, failure_of
from fairque.core.settings import QueueSettings, WorkerSettings
from fairque.errors import (
    FairqueError,
    ParentResultMissing,
    ProcessDied,
    RedisUnavailable,
    StoredDataError,
    TaskTimeout,
)
from fairque.queue import parents
from fairque.queue.reading import supplied, task_of_grant
from fairque.queue.registry import find_task
from fairque.queue.settlement import after_error, ended_of
from fairque.store import claims
from fairque.store.call import READING, carry
from fairque.store.tasks import root_of
from fairque.worker import context
from fairque.worker.calling import CallHere, CallInChild, Calling, wrapped
from fairque.worker.coroutines import Coroutines
from fairque.worker.handler import Middleware, TaskHandler
from fairque.worker.holding import Holding, Verdict
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
        middleware: Sequence[Middleware],
        tether: context.Tether,
        coroutines: Coroutines,
    ) -> None:
        self._queue = queue
        self._worker = worker
        self._handler = handler
        self._layers = middleware if handler is None else (*middleware, handler)
        self._around = [layer for layer in self._layers if type(layer).around is not Middleware.around]
        self._tether = tether
        self._coroutines = coroutines
        self._timeout = worker.task_timeout_seconds
        self._root = root_of(queue.prefix, queue.name)

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
        if task.takes:
            whole = self._with_results(task, holding)
            if isinstance(whole, claims.Ended):
                return whole
            holding.task = task = work = whole
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
            progress=holding.progress,
        )

    def _work_of(self, task: Task[Any]) -> Callable[[], Any] | None:
        """Return what is to be called, or None where this process does not know it."""
        if task.name:
            return task if find_task(task.name) else None
        handler = self._handler
        return (lambda: handler.process_task(task)) if handler else None

    def _with_results(self, task: Task[Any], holding: Holding) -> Task[Any] | claims.Ended:
        """Return a task that has what it takes from its parents, or how it ends because it cannot have it."""
        try:
            taken = carry(parents.take(self._root, task), self._tether.run)
            if task.executor == "process":
                holding.taken = taken
                return task
            with READING:
                return supplied(task, taken)
        except RedisUnavailable as error:
            log.warning("task is given back: %s: its parents' results: %s", _named(task), error, extra=holding.about)
            holding.started = None
            return self.given_back(holding)
        except StoredDataError as error:
            return self.ended(holding, Bury(Failure("corrupt", str(error))))
        except ParentResultMissing as error:
            return self._failed(task, holding, error, Bury(failure_of(error)))
        except FairqueError as error:
            return self._failed(task, holding, error)

    def _called(self, task: Task[Any], holding: Holding, work: Callable[[], Any], slot: Slot) -> claims.Ended:
        if self._layers:
            self._tell("on_task_start", holding, task)
        call = self._calling(task, holding, work, slot)
        try:
            if self._around:
                result = wrapped(self._around, task, call)()
                done = Done(codec.encode_result(result))
            else:
                result = call()
                done = Done(call.encoded(result))
        except BaseException as error:
            if slot.abandoned:
                raise Abandoned from None
            return self._failed(task, holding, error, call.outcome_of(error))
        if slot.abandoned:
            raise Abandoned
        if self._layers:
            self._tell("on_task_success", holding, task, result)
        return self.ended(holding, done, task)

    def _calling(self, task: Task[Any], holding: Holding, work: Callable[[], Any], slot: Slot) -> Calling:
        limit = self._timeout if task.timeout is None else task.timeout
        if task.executor != "process":
            return CallHere(holding, slot, limit, work, self._coroutines)
        function = find_task(task.name)
        returns = function.parameters.returns if function else Any
        return CallInChild(holding, slot, limit, task, self._tether, returns)

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
        for layer in self._layers:
            try:
                getattr(layer, hook)(*about)
            except BaseException:
                what = (type(layer).__name__, hook)
                log.exception("%s.%s raised; the task goes on", *what, extra=holding.about)


def _named(task: Task[Any]) -> str:
    return f"{task.name or 'payload task'} {task.task_id} of user {task.user_id}, attempt {task.attempt}"
