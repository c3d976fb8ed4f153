"""What can be done with a queue, said once for both colours: each verb is a Call or a conversation of several."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from fairque.core import codec
from fairque.core.ids import check_task_id, check_user_id, encode_id
from fairque.core.models import Task
from fairque.core.outcome import Done, Outcome, Release
from fairque.core.quantity import check_seconds, check_whole
from fairque.core.settings import Settings
from fairque.core.state import TaskState
from fairque.errors import ResultTimeout, StaleLease, TaskValidationError
from fairque.queue import reading
from fairque.queue.batch import Batch
from fairque.queue.intake import Mint, Receipt, entry_of, receipt_of
from fairque.queue.settlement import after_error, ended_of
from fairque.queue.shares import Shares
from fairque.store import claims, limits, readings, tasks
from fairque.store.bell import BLOCK
from fairque.store.call import Call, Conversation, Sleep
from fairque.store.records import Grant, Record

R = TypeVar("R")

log = logging.getLogger("fairque.queue")

_MOST_POPPED: Final = 10_000
"""Tasks that can be popped by hand at once."""


class Verbs:
    """The verbs of one queue. Nothing here speaks to Redis."""

    def __init__(self, settings: Settings, name: str | None) -> None:
        queue = settings.queue if name is None else replace(settings.queue, name=name)
        self.settings = replace(settings, queue=queue)
        self.name = queue.name
        self.root = tasks.root_of(settings.queue.prefix, self.name)
        self.shares = Shares(self.root)
        self._mint = Mint(self.root)

    def meet(self, *, again: bool = False) -> Conversation[None]:
        """Check that this release knows the queue's data layout, and say what the configuration says of its users.

        `again`: it has been met before, and only what was lost with the server is said again.
        """
        fairness, users = self.settings.fairness, self.settings.users
        aging = int(min(fairness.aging_seconds * 1000, tasks.STRICT))
        met = yield tasks.open_queue(self.root, aging, fairness.cost)
        if not again and (met.cost, met.aging_ms) != (fairness.cost, aging):
            log.warning(
                "queue %s: fairness is cost %s, ageing %s there; this program's %s and %s have no effect",
                *(self.name, met.cost, _ageing(met.aging_ms), fairness.cost, _ageing(aging)),
            )
        if users and (met.seeds is None or not (again or met.seeds == self._seeds)):
            yield from limits.seed(self.root, users)
            yield tasks.open_queue(self.root, aging, fairness.cost, self._seeds)

    @cached_property
    def _seeds(self) -> str:
        return limits.seeds_name(self.settings.users)

    def push(self, task: Task[R], user_id: str | None) -> Call[Receipt[R]]:
        """Push one task."""
        entry = entry_of(task, user_id, self._mint)
        return tasks.push(self.root, (entry,)).then(lambda accepted: receipt_of(task, entry, accepted[0]))

    def push_batch(self, batch: Iterable[Task[R]], user_id: str | None) -> Batch[R]:
        """Push many tasks. All are checked and encoded before the first is sent."""
        listed = list(batch)
        return Batch(self.root, listed, [entry_of(task, user_id, self._mint) for task in listed])

    def get_record(self, task_id: str, user_id: str | None) -> Call[Record | None]:
        """Read what is kept of a task."""
        return tasks.get(self.root, check_task_id(task_id), None if user_id is None else check_user_id(user_id))

    def get_task(self, task_id: str, user_id: str | None) -> Call[Task[Any] | None]:
        """Read a task."""
        return self.get_record(task_id, user_id).then(lambda record: reading.task_of(record) if record else None)

    def state(self, task_id: str, user_id: str, incarnation: str) -> Call[TaskState]:
        """Read the state of the task that a handle stands for."""
        return self.get_record(task_id, user_id).then(
            lambda record: reading.state_of(reading.known(record, task_id, incarnation))
        )

    def result(
        self, task_id: str, user_id: str | None, incarnation: str | None, timeout: float | None
    ) -> Conversation[Any]:
        """Wait for a task's end and return its result. The waiter is woken by the script that ends the task."""
        deadline = None if timeout is None else time.monotonic() + check_seconds("timeout", max(timeout, 0.0))
        waiter = f"result-{uuid.uuid4().hex}"
        while True:
            record = reading.known((yield self.get_record(task_id, user_id)), task_id, incarnation)
            ended, value = reading.result_of(record)
            if ended:
                return value
            user_id = record.user_id
            left = BLOCK if deadline is None else min(BLOCK, deadline - time.monotonic())
            if left <= 0:
                yield tasks.wait(self.root, user_id, task_id, waiter, listed=False)
                raise ResultTimeout(f"{task_id}: has not ended after {timeout:g} s; it is {reading.state_of(record)}")
            if (yield tasks.wait(self.root, user_id, task_id, waiter, listed=True)):
                yield Sleep(tasks.wake_key(self.root, waiter), left)

    def delete(self, task_id: str, user_id: str | None) -> Conversation[bool]:
        """Remove a task."""
        if user_id is None:
            record = yield self.get_record(task_id, None)
            if record is None:
                return False
            user_id = record.user_id
        removed: bool = yield tasks.delete(self.root, check_user_id(user_id), check_task_id(task_id), uuid.uuid4().hex)
        return removed

    def stats(self) -> Call[readings.Stats]:
        """Read the totals."""
        return readings.stats(self.root, self.name)

    def sizes(self, user_id: str) -> Call[dict[str, int]]:
        """Read one user's sizes."""
        return readings.sizes(self.root, check_user_id(user_id)).then(lambda sizes: sizes._asdict())

    def users(self) -> Conversation[dict[str, dict[str, int]]]:
        """Read all users' sizes."""
        found = yield from readings.users(self.root)
        return {user_id: sizes._asdict() for user_id, sizes in found.items()}

    def workers(self) -> Conversation[list[dict[str, Any]]]:
        """Read the workers that have been seen of late."""
        return (yield from readings.workers(self.root))

    def served(self, windows: int) -> Conversation[dict[str, dict[str, int]]]:
        """Read whom the last windows served, and the next one: Redis's clock may be ahead of ours."""
        now = int(time.time() * 1000) // readings.WINDOW_MS
        return (yield from readings.served(self.root, range(now - windows + 1, now + 2)))

    def pop(self, count: int, timeout: float) -> Conversation[list[Task[Any]]]:
        """Claim tasks by hand, waiting for the first one; many take several calls."""
        check_whole("count", count, 1, _MOST_POPPED)
        consumer, deadline = f"pop-{uuid.uuid4().hex}", time.monotonic() + check_seconds("timeout", max(timeout, 0.0))
        lists = yield from self._lists()
        grants: list[Grant] = []
        while True:
            left = min(BLOCK, deadline - time.monotonic())
            want = min(claims.MAX_WANT, count - len(grants))
            settled = yield claims.settle(
                self.root,
                consumer,
                uuid.uuid4().hex,
                lists=lists,
                want=want,
                lease=self._lease_seconds,
                block=0.0 if grants else max(left, 0.0),
            )
            grants += settled.grants
            if len(settled.grants) == want and len(grants) < count:
                continue
            if grants or left <= 0:
                if timeout > 0:
                    yield claims.leave(self.root, consumer, lists)
                return [reading.task_of_grant(grant) for grant in grants]
            yield Sleep(tasks.wake_key(self.root, consumer), max(settled.pause, 0.001))

    def settle(self, task: Task[Any], outcome: Outcome) -> Call[None]:
        """Say how a task that was popped has ended. Raises `StaleLease` when the answer is read."""
        if task.lease is None or task.user_id is None or task.task_id is None:
            raise TaskValidationError(f"{task!r}: was not popped: it has no lease to settle")
        ended = ended_of(
            self._member(task),
            task.lease.token.encode(),
            task.lease.since_ms,
            task.lease.start_ms,
            outcome,
            task,
            ran=0 if isinstance(outcome, Release) else None,
            queue=self.settings.queue,
            worker=self._worker.id if self._worker else "pop",
        )
        request = uuid.uuid4().hex

        def read(settled: claims.Settled) -> None:
            if settled.stale:
                raise StaleLease(f"{task.task_id}: its lease has lapsed; the outcome was not accepted")

        return claims.settle(self.root, f"settle-{request}", request, ended=(ended,)).then(read)

    def finish(self, task: Task[Any], result: object) -> Call[None]:
        """Settle a popped task as done."""
        return self.settle(task, Done(codec.encode_result(result)))

    def fail(self, task: Task[Any], error: BaseException | str) -> Call[None]:
        """Settle a popped task as failed: it is retried or buried, as its options say."""
        error = RuntimeError(error) if isinstance(error, str) else error
        return self.settle(task, after_error(task, error, self.settings.queue))

    def release(self, task: Task[Any]) -> Call[None]:
        """Give a popped task back in its own place."""
        return self.settle(task, Release())

    def heartbeat(self, task: Task[Any]) -> Call[None]:
        """Renew a popped task's lease. Raises `StaleLease` when the answer is read."""
        if task.lease is None:
            raise TaskValidationError(f"{task!r}: was not popped: it has no lease to renew")

        def read(kept: list[bool]) -> None:
            if not kept[0]:
                raise StaleLease(f"{task.task_id}: its lease has lapsed and the task was given back")

        held = (self._member(task), task.lease.token.encode())
        return claims.renew(self.root, [held], self._lease_seconds).then(read)

    @property
    def _worker(self) -> Any:
        return self.settings.workers[0] if len(self.settings.workers) == 1 else None

    @property
    def _lease_seconds(self) -> float:
        lease: float = self._worker.lease_seconds if self._worker else claims.LEASE_SECONDS
        return lease

    def _lists(self) -> Conversation[claims.Lists]:
        """Make the lists of the config's one worker known; without one, everybody is served."""
        if self._worker is None:
            return claims.SERVES_ALL
        for users in (self._worker.assigned_users, self._worker.steal_targets):
            yield from claims.register(self.root, users)
        return claims.lists_of(self._worker.assigned_users, self._worker.steal_targets)

    def _member(self, task: Task[Any]) -> bytes:
        return f"{encode_id(task.user_id or '')}|{encode_id(task.task_id or '')}".encode()


def _ageing(ms: float) -> str:
    return "inf" if ms >= tasks.STRICT else f"{ms / 1000:g} s"
