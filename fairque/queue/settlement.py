"""How a run's end is told to the queue: by a worker, and by whoever consumes by hand."""

from __future__ import annotations

import logging
import random
from typing import Any

import msgspec
from msgspec.structs import replace

from fairque.core.codec import Ending
from fairque.core.models import Lease, Task
from fairque.core.outcome import Again, Bury, Canceled, Done, Outcome, Progress, failure_of
from fairque.core.retry import Backoff, after_failure
from fairque.core.settings import QueueSettings
from fairque.errors import TaskValidationError
from fairque.store import claims

log = logging.getLogger("fairque.queue")


def ended_of(
    member: bytes,
    token: bytes,
    since_ms: int,
    start_ms: int,
    outcome: Outcome,
    task: Task[Any] | None,
    *,
    ran: float | None,
    queue: QueueSettings,
    worker: str,
    progress: Progress | None = None,
) -> claims.Ended:
    """Return an outcome as it goes over the wire; a result is kept for as long as its task, or else the queue, says.

    `ran` is as `claims.end` has it; `progress` is kept with what ends the task.
    """
    name, ttl, key = (task.name, task.result_ttl, task.push_key) if task else ("", None, None)
    ending = None
    if isinstance(outcome, Done):
        ending = Ending(name, since_ms, start_ms, worker, msgspec.Raw(outcome.result), key, progress)
    elif progress is not None and isinstance(outcome, Bury | Canceled):
        outcome = replace(outcome, failure=replace(outcome.failure, progress=progress))
    return claims.end(
        member,
        token,
        outcome,
        ran=ran,
        ending=ending,
        keep=queue.result_ttl_seconds if ttl is None else ttl,
        keep_failed=queue.failed_ttl_seconds,
    )


def after_error(task: Task[Any], error: BaseException, queue: QueueSettings) -> Again | Bury:
    """Return what becomes of a task whose run has failed."""
    failures = task.failures + 1
    return after_failure(
        error,
        failure_of(error),
        failures=failures,
        max_retries=queue.default_max_retries if task.max_retries is None else task.max_retries,
        backoff=_backoff_of(task, failures, error),
        chance=random.random(),
        retry_on=task.retry_on,
        no_retry_on=task.no_retry_on,
    )


def _backoff_of(task: Task[Any], failures: int, error: BaseException) -> Backoff | None:
    """Return the task's backoff; a function is asked. One that raises is as good as none: the task still goes on."""
    if not callable(task.retry_backoff):
        return task.retry_backoff
    try:
        return Backoff.fixed(task.retry_backoff(failures, error))
    except Exception:
        log.exception("retry_backoff of task %s raised; the default backoff takes its place", task.name)
        return None


def lease_of(task: object) -> Lease:
    """Return the lease of a task that was popped.

    Raises:
        TaskValidationError: it was not, or is no task at all.
    """
    if not isinstance(task, Task) or task.lease is None:
        what = repr(task) if isinstance(task, Task) else type(task).__name__
        raise TaskValidationError(f"{what}: was not popped: it has no lease")
    return task.lease
