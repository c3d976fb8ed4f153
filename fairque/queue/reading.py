"""From what the queue keeps to what a program sees: records and grants become Tasks, endings become results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from fairque.core import codec
from fairque.core.models import Lease, Task
from fairque.core.options import POLICIES, Priority
from fairque.core.outcome import Failure, Progress
from fairque.core.state import LETTERS, TaskState
from fairque.errors import StoredDataError, TaskCanceled, TaskFailed, TaskReplaced, TaskValidationError, UnknownTask
from fairque.queue.parents import Taken
from fairque.queue.registry import TaskFunction, find_task
from fairque.store.records import Grant, Record

NO_TASK: Final[Task[Any]] = Task()
"""Stands where nothing is known of a task but its id."""


def state_of(record: Record) -> TaskState:
    """Return a record's state: a queued one with a lease is started."""
    return TaskState.STARTED if record.run else LETTERS[record.letter]


def task_of(record: Record) -> Task[Any]:
    """Return a stored task. Arguments are rebuilt where this process knows the function and it still takes them."""
    state, run = state_of(record), record.run
    if state is TaskState.FINISHED:
        return _finished(record)
    failure, body = None, record.body
    if state in (TaskState.FAILED, TaskState.CANCELED):
        failure, body = _failure_of(record)
    return replace(
        _unfinished(record, body, state, run.attempt if run else record.attempt, strict=False),
        worker=run.worker if run else None,
        progress=failure.progress if failure else progress_of(record),
        failure=failure,
        ended_at=_ended_at(record),
    )


def task_of_grant(grant: Grant, *, strict: bool = True) -> Task[Any]:
    """Return a task that was granted, with its lease.

    Raises:
        StoredDataError: the stored bytes are not a call.
        TaskValidationError: `strict`, and the arguments are not ones that the function takes.
    """
    lease = Lease(grant.token.decode(), grant.since_ms, grant.start_ms)
    return _unfinished(grant, grant.body, TaskState.STARTED, grant.attempt, lease, strict=strict)


def supplied(task: Task[Any], taken: Taken) -> Task[Any]:
    """Return a task with the arguments that it takes from its parents.

    Raises:
        TaskValidationError: a result is not what the parameter's annotation says.
    """
    function = find_task(task.name)
    if function is None:
        return task
    given = {name: function.parameters.taken(name, raw) for name, raw in taken.items()}
    return replace(task, kwargs={**task.kwargs, **given})


def known(record: Record | None, task_id: str, incarnation: str | None) -> Record:
    """Return the record if it is of the task that was asked for.

    Raises:
        UnknownTask: there is no such task (any more).
        TaskReplaced: its id has been pushed again since.
    """
    if record is None:
        raise UnknownTask(f"{task_id}: no such task: it was never pushed, was deleted, or its result has expired")
    if incarnation is not None and record.nonce != incarnation:
        raise TaskReplaced(f"{task_id}: the id was pushed again since; this handle belongs to an earlier task")
    return record


def result_of(record: Record) -> tuple[bool, Any]:
    """Return (True, result) of a task that is finished, (False, None) of one that has not ended.

    Raises:
        TaskFailed: it failed for good.
        TaskCanceled: it was canceled.
    """
    state = state_of(record)
    if state is TaskState.FAILED:
        failure = failure_of(record)
        raise TaskFailed(f"{record.task_id}: {failure.type}: {failure.message}", failure=failure)
    if state is TaskState.CANCELED:
        failure = failure_of(record)
        raise TaskCanceled(f"{record.task_id}: {failure.type}: {failure.message}", failure=failure)
    if state is not TaskState.FINISHED:
        return False, None
    ending = codec.decode_ending(record.body)
    function = find_task(ending.name)
    return True, codec.decode_result(bytes(ending.result), function.parameters.returns if function else Any)


def failure_of(record: Record) -> Failure:
    """Return why a task failed or was canceled."""
    return _failure_of(record)[0]


def progress_of(record: Record) -> Progress | None:
    """Return how far a run has come, if it said so."""
    return msgspec.json.decode(record.progress, type=Progress) if record.progress else None


def _failure_of(record: Record) -> tuple[Failure, bytes]:
    """The body of a task that failed or was canceled is `<length>:<reason><call>` (lib/fate.lua)."""
    length, colon, rest = record.body.partition(b":")
    if not colon or not length.isdigit():
        raise StoredDataError(f"the record of task {record.task_id!r} is not one that fairque wrote")
    return codec.decode_failure(rest[: int(length)]), rest[int(length) :]


def _finished(record: Record) -> Task[Any]:
    ending = codec.decode_ending(record.body)
    function = find_task(ending.name)
    return Task(
        name=ending.name,
        function=function.function if function else None,
        task_id=record.task_id,
        user_id=record.user_id,
        priority=_PRIORITIES[record.level],
        state=TaskState.FINISHED,
        attempt=record.attempt,
        failures=record.failures,
        lost=record.lost,
        worker=ending.worker,
        progress=ending.progress,
        incarnation=record.nonce,
        result=bytes(ending.result),
        ended_at=_ended_at(record),
    )


def _unfinished(
    source: Record | Grant, encoded: bytes, state: TaskState, attempt: int, lease: Lease | None = None, *, strict: bool
) -> Task[Any]:
    """Return a task whose call is kept, with what a record and a grant both know."""
    try:
        body = codec.decode_body(encoded)
    except msgspec.MsgspecError as error:
        raise StoredDataError(f"the call of task {source.task_id!r} is not one that fairque wrote") from error
    function = find_task(body.name)
    args, kwargs = (body.args, body.kwargs) if function is None else _arguments_of(body, function, strict=strict)
    task: Task[Any] = Task(  # fifteen fields: from the sixteenth on Python makes a dict first (0.4 -> 1.1 us)
        name=body.name,
        function=function.function if function else None,
        args=tuple(args),
        kwargs=kwargs,
        wants=function.wants if function else (),
        task_id=source.task_id,
        user_id=source.user_id,
        priority=_PRIORITIES[source.level],
        retry_backoff=function.backoff if function else None,
        state=state,
        attempt=attempt,
        failures=source.failures,
        lost=source.lost,
        lease=lease,
        incarnation=source.nonce,
    )
    if not body.name:
        task = replace(task, payload=body.kwargs, kwargs={})
    if body.cost != 1 or body.unique_key is not None:
        task = replace(task, cost=body.cost, unique_key=body.unique_key)
    return task if body.terms == _NO_TERMS else replace(task, **_options_of(body.terms, task))


_PRIORITIES: Final = {int(level): level for level in Priority}
_NO_TERMS: Final = codec.Terms()


def _arguments_of(
    body: codec.Body, function: TaskFunction[..., Any], *, strict: bool
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    try:
        return function.parameters.rebuild(body.args, body.kwargs)
    except TaskValidationError:
        if strict:
            raise
        return body.args, body.kwargs


def _options_of(terms: codec.Terms, task: Task[Any]) -> dict[str, Any]:
    return {
        "max_retries": terms.max_retries,
        "retry_backoff": task.retry_backoff if terms.backoff is None else terms.backoff,
        "result_ttl": terms.result_ttl,
        "retry_on": terms.retry_on,
        "no_retry_on": terms.no_retry_on,
        "timeout": terms.timeout,
        "executor": terms.executor,
        "parents": terms.parents or (),
        "policy": terms.policy,
        "on_parent_failure": POLICIES.get(terms.policy, "wait"),
        "takes": terms.takes or {},
        "push_key": terms.push_key,
        "auto_xcom": terms.push_key is not None,
        "enable_xcom": terms.xcom,
    }


def _ended_at(record: Record) -> datetime | None:
    return None if record.ended_ms is None else instant(record.ended_ms)


def instant(ms: int) -> datetime:
    """Return an instant of Redis's clock."""
    return datetime.fromtimestamp(ms / 1000, UTC)
