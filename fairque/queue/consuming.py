"""Consuming by hand: tasks are popped with a lease, and settled by whoever popped them; said once for both colours."""

from __future__ import annotations

import time
import uuid
from typing import Any, Final

from fairque.core import codec
from fairque.core.ids import encode_id
from fairque.core.models import Task
from fairque.core.outcome import Bury, Done, Failure, Outcome, Release
from fairque.core.quantity import check_timeout, check_whole
from fairque.core.settings import Settings
from fairque.errors import StaleLease, StoredDataError
from fairque.queue import reading
from fairque.queue.settlement import after_error, ended_of, lease_of
from fairque.store import claims, tasks
from fairque.store.bell import BLOCK
from fairque.store.call import Call, Conversation, Sleep
from fairque.store.records import Grant

_MOST_POPPED: Final = 10_000
"""Tasks that can be popped by hand at once."""


class Consuming:
    """These verbs of one queue. Nothing here speaks to Redis."""

    def __init__(self, root: str, settings: Settings) -> None:
        self._root = root
        self._settings = settings

    def pop(self, count: int, timeout: float) -> Conversation[list[Task[Any]]]:
        """Claim tasks by hand, waiting for the first one; many take several calls."""
        check_whole("count", count, 1, _MOST_POPPED)
        consumer, deadline = f"pop-{uuid.uuid4().hex}", time.monotonic() + check_timeout(timeout)
        lists = yield from self._lists()
        grants: list[Grant] = []
        while True:
            left = min(BLOCK, deadline - time.monotonic())
            want = min(claims.MAX_WANT, count - len(grants))
            settled = yield claims.settle(
                self._root,
                consumer,
                uuid.uuid4().hex,
                lists=lists,
                want=want,
                lease=self._lease_seconds,
                block=0.0 if grants else max(left, 0.0),
                kept_bytes=self._settings.queue.kept_bytes_per_user,
            )
            grants += settled.grants
            if settled.count == want and len(grants) < count:
                continue
            if grants or left <= 0:
                if timeout > 0:
                    yield claims.leave(self._root, consumer, lists)
                return (yield from self._readable(grants))
            yield Sleep(tasks.wake_key(self._root, consumer), max(settled.pause, 0.001))

    def _readable(self, grants: list[Grant]) -> Conversation[list[Task[Any]]]:
        """Return what was granted as tasks. Those whose stored call is damaged go to the dead letters."""
        found, damaged = list[Task[Any]](), list[claims.Ended]()
        for grant in grants:
            try:
                found.append(reading.task_of_grant(grant, strict=False))
            except StoredDataError as error:
                outcome = Bury(Failure("corrupt", str(error)))
                facts = (grant.member, grant.token, grant.since_ms, grant.start_ms, outcome, None)
                damaged.append(ended_of(*facts, ran=0, queue=self._settings.queue, worker="pop"))
        if damaged:
            request = uuid.uuid4().hex
            yield claims.settle(self._root, f"settle-{request}", request, ended=damaged)
        return found

    def settle(self, task: Task[Any], outcome: Outcome) -> Call[None]:
        """Say how a task that was popped has ended. Raises `StaleLease` when the answer is read."""
        lease = lease_of(task)
        ended = ended_of(
            self._member(task),
            lease.token.encode(),
            lease.since_ms,
            lease.start_ms,
            outcome,
            task,
            ran=0 if isinstance(outcome, Release) else None,
            queue=self._settings.queue,
            worker=self._worker.id if self._worker else "pop",
        )
        request = uuid.uuid4().hex

        def read(settled: claims.Settled) -> None:
            if settled.stale:
                raise StaleLease(f"{task.task_id}: its lease has lapsed; the outcome was not accepted")

        kept_bytes = self._settings.queue.kept_bytes_per_user
        return claims.settle(self._root, f"settle-{request}", request, ended=(ended,), kept_bytes=kept_bytes).then(read)

    def finish(self, task: Task[Any], result: object) -> Call[None]:
        """Settle a popped task as done."""
        return self.settle(task, Done(codec.encode_result(result)))

    def fail(self, task: Task[Any], error: BaseException | str) -> Call[None]:
        """Settle a popped task as failed: it is retried or buried, as its options say."""
        error = error if isinstance(error, BaseException) else RuntimeError(error)
        return self.settle(task, after_error(task, error, self._settings.queue))

    def release(self, task: Task[Any]) -> Call[None]:
        """Give a popped task back in its own place."""
        return self.settle(task, Release())

    def heartbeat(self, task: Task[Any]) -> Call[None]:
        """Renew a popped task's lease. Raises `StaleLease` when the answer is read."""
        lease = lease_of(task)

        def read(kept: list[bool]) -> None:
            if not kept[0]:
                raise StaleLease(f"{task.task_id}: its lease has lapsed and the task was given back")

        held = (self._member(task), lease.token.encode())
        return claims.renew(self._root, [held], self._lease_seconds).then(read)

    @property
    def _worker(self) -> Any:
        return self._settings.workers[0] if len(self._settings.workers) == 1 else None

    @property
    def _lease_seconds(self) -> float:
        lease: float = self._worker.lease_seconds if self._worker else claims.LEASE_SECONDS
        return lease

    def _lists(self) -> Conversation[claims.Lists]:
        """Make the lists of the config's one worker known; without one, everybody is served."""
        if self._worker is None:
            return claims.SERVES_ALL
        for users in (self._worker.assigned_users, self._worker.steal_targets):
            yield from claims.register(self._root, users)
        return claims.lists_of(self._worker.assigned_users, self._worker.steal_targets)

    def _member(self, task: Task[Any]) -> bytes:
        return f"{encode_id(task.user_id or '')}|{encode_id(task.task_id or '')}".encode()
