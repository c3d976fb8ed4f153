"""What can be done with tasks that are not wanted any more, or did not end well; said once for both colours."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from fairque.core.ids import check_task_id, check_user_id, decode_id, encode_id
from fairque.core.models import Task
from fairque.core.outcome import Failure
from fairque.core.quantity import check_seconds, check_whole
from fairque.core.state import TaskState
from fairque.errors import StoredDataError, TaskConflict, TaskValidationError
from fairque.queue import reading
from fairque.store import fates, readings, tasks
from fairque.store.call import READING, Call, Conversation
from fairque.store.fates import Canceled, Place, Requeued
from fairque.store.flows import Joint
from fairque.store.records import Record

T = TypeVar("T")

_SEEN_MOST: Final = 1_000
"""Dead letters that are looked through for one page of those that were asked for."""


class Which(msgspec.Struct, frozen=True):
    """Which of the failed tasks are meant: those of a user, of a task name, of an error's type, that failed at least so
    many seconds ago. None: all.
    """

    user_id: str | None = None
    task: str | None = None
    error: str | None = None
    older_than: float | None = None

    def __post_init__(self) -> None:
        """Check what was given."""
        if self.user_id is not None:
            check_user_id(self.user_id)
        if self.older_than is not None:
            check_seconds("older_than", self.older_than)

    def fits(self, task: Task[Any], failed_ms: int, now: float) -> bool:
        """Whether a failed task is one of those that are meant."""
        kind = task.failure.type if task.failure else ""
        return (
            self.task in (None, task.name)
            and self.error in (None, kind)
            and (self.older_than is None or failed_ms / 1000 <= now - self.older_than)
        )


class FailedPage(msgspec.Struct, Generic[T], frozen=True):
    """Some of the failed tasks. With a `cursor` there may be more: give it to the next call."""

    tasks: tuple[T, ...]
    cursor: str | None = None


class Lifecycle:
    """These verbs of one queue. Nothing here speaks to Redis."""

    def __init__(self, root: str, result_ttl: float) -> None:
        self._root = root
        self._result_ttl = result_ttl

    def cancel(self, task_id: str, user_id: str | None, incarnation: str | None) -> Conversation[bool]:
        """Cancel a task: at once where it waits, by asking its worker where it runs."""
        owner = yield from self._owner(task_id, user_id)
        if owner is None:
            return False
        which = fates.ANY if incarnation is None else incarnation
        canceled = yield fates.cancel(self._root, owner, task_id, self._result_ttl, uuid.uuid4().hex, which)
        if canceled is Canceled.UNKNOWN:
            yield from self._check_incarnation(owner, task_id, incarnation)
        return canceled in (Canceled.CANCELED, Canceled.ASKED)

    def retry(self, task_id: str, user_id: str | None, incarnation: str | None) -> Conversation[bool]:
        """Queue a failed or canceled task again."""
        check_task_id(task_id)
        record = yield tasks.get(self._root, task_id, None if user_id is None else check_user_id(user_id))
        if record is None:
            return False
        owner, which = record.user_id, fates.ANY if incarnation is None else incarnation
        again = (task_id, _joint_of(_shown_record(record)))
        (answer,) = yield fates.requeue(self._root, owner, [again], uuid.uuid4().hex, which)
        if answer is Requeued.KEY_TAKEN:
            raise TaskConflict(f"{task_id}: another task has its unique key now; cancel that one, or let it end")
        if answer is Requeued.NOT_FAILED:
            yield from self._check_incarnation(owner, task_id, incarnation)
        return answer is Requeued.QUEUED

    def failed(self, which: Which, limit: int, cursor: str | None) -> Conversation[FailedPage[Task[Any]]]:
        """Read a page of the failed tasks, user by user, the newest of each first."""
        check_whole("limit", limit, 1, 1_000)
        at = _read_cursor(cursor)
        found: list[Task[Any]] = []
        seen, now = 0, time.time()
        for user_id in (yield from self._users_with_failed(which, at)):
            after = at[1] if at and at[0] == user_id else None
            while True:
                page = yield fates.failed(self._root, user_id, after, min(fates.PAGE, limit - len(found)))
                if not page:
                    break
                for after, record in page:
                    task = _shown(user_id, after, record)
                    if which.fits(task, after.failed_ms, now):
                        found.append(task)
                seen += len(page)
                if after and (len(found) >= limit or seen >= _SEEN_MOST):
                    return FailedPage(tuple(found), _cursor(user_id, after))
        return FailedPage(tuple(found))

    def requeue_failed(self, which: Which) -> Conversation[int]:
        """Queue all failed tasks again that are meant."""
        return (yield from self._sweep(which, self._requeue))

    def purge_failed(self, which: Which) -> Conversation[int]:
        """Forget all failed tasks that are meant."""
        return (yield from self._sweep(which, self._purge))

    def erase(self, user_id: str) -> Conversation[int]:
        """Remove all that a user left."""
        check_user_id(user_id)
        total, left = 0, 1
        while left:
            left, removed = yield fates.erase(self._root, user_id, uuid.uuid4().hex)
            total += removed
        return total

    def _requeue(self, user_id: str, meant: list[Task[Any]]) -> Call[int]:
        again = [(task.task_id or "", _joint_of(task)) for task in meant]
        call = fates.requeue(self._root, user_id, again, uuid.uuid4().hex)
        return call.then(lambda answers: sum(answer is Requeued.QUEUED for answer in answers))

    def _purge(self, user_id: str, meant: list[Task[Any]]) -> Call[int]:
        return fates.purge(self._root, user_id, [task.task_id or "" for task in meant], uuid.uuid4().hex)

    def _sweep(self, which: Which, act: Callable[[str, list[Task[Any]]], Call[int]]) -> Conversation[int]:
        """Act on all failed tasks that are meant, page by page. What fails after the beginning is left alone."""
        done, now = 0, time.time()
        for user_id in (yield from self._users_with_failed(which, None)):
            after: Place | None = None
            while True:
                page = yield fates.failed(self._root, user_id, after, fates.PAGE)
                if not page:
                    break
                after = page[-1][0]
                shown = [(_shown(user_id, place, record), place.failed_ms) for place, record in page]
                meant = [task for task, failed_ms in shown if which.fits(task, failed_ms, now)]
                if meant:
                    done += yield act(user_id, meant)
        return done

    def _users_with_failed(self, which: Which, at: tuple[str, Place] | None) -> Conversation[Iterator[str]]:
        """Return the users to look at, in order of their ids, from the cursor's on."""
        if which.user_id is not None:
            return iter([which.user_id])
        sizes = yield from readings.users(self._root)
        return iter(sorted(user for user, size in sizes.items() if size.failed and (at is None or user >= at[0])))

    def _check_incarnation(self, owner: str, task_id: str, incarnation: str | None) -> Conversation[None]:
        """Raise `TaskReplaced` where the task that a handle stands for is not the one that has its id now."""
        if incarnation is not None:
            record = yield tasks.get(self._root, task_id, owner)
            if record is not None:
                reading.known(record, task_id, incarnation)

    def _owner(self, task_id: str, user_id: str | None) -> Conversation[str | None]:
        """Return the task's user; a generated id leads to it."""
        check_task_id(task_id)
        if user_id is not None:
            return check_user_id(user_id)
        record = yield tasks.get(self._root, task_id, None)
        return None if record is None else record.user_id


def _cursor(user_id: str, place: Place) -> str:
    return f"{encode_id(user_id)}:{encode_id(place.task_id)}:{place.failed_ms}"


def _read_cursor(cursor: str | None) -> tuple[str, Place] | None:
    if cursor is None:
        return None
    parts = cursor.split(":") if isinstance(cursor, str) else []
    if len(parts) != 3 or not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) <= 15):
        raise TaskValidationError("cursor: is not one that a page of failed tasks had")
    return check_user_id(decode_id(parts[0])), Place(check_task_id(decode_id(parts[1])), int(parts[2]))


def _joint_of(task: Task[Any]) -> Joint | None:
    """Return what a task that is queued again waits for: what it had waited for before."""
    return Joint(task.policy, (), task.parents) if task.parents else None


def _shown_record(record: Record) -> Task[Any]:
    return _shown(record.user_id, Place(record.task_id, record.ended_ms or 0), record)


def _shown(user_id: str, place: Place, record: Any) -> Task[Any]:
    """Return a failed task; one whose record nobody can read is shown as that."""
    with contextlib.suppress(StoredDataError, TaskValidationError), READING:
        if record is not None:
            return reading.task_of(record)
    damaged = Failure("corrupt", "its record is damaged: nobody can read it")
    return Task(task_id=place.task_id, user_id=user_id, state=TaskState.FAILED, failure=damaged)
