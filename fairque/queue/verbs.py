"""What can be done with a queue, said once for both colours: each verb is a Call or a conversation of several."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

from msgspec.structs import replace

from fairque.core.graph import Members, Wired
from fairque.core.ids import check_task_id, check_user_id
from fairque.core.models import Task
from fairque.core.quantity import check_timeout, check_whole
from fairque.core.settings import Settings
from fairque.core.state import TaskState
from fairque.errors import EvictingServer, ResultTimeout
from fairque.queue import reading
from fairque.queue.batch import Batch, Item
from fairque.queue.consuming import Consuming
from fairque.queue.flows import FlowName, Flows
from fairque.queue.intake import Mint, Receipt, entry_of, receipt_of
from fairque.queue.lifecycle import Lifecycle
from fairque.queue.planning import Plan, plan_of
from fairque.queue.shares import Shares
from fairque.queue.submission import entry_in, handing_in, is_tied, pushing
from fairque.store import limits, readings, server, tasks
from fairque.store.bell import BLOCK
from fairque.store.call import Call, Conversation, Sleep
from fairque.store.records import Record

R = TypeVar("R")
H = TypeVar("H")

log = logging.getLogger("fairque.queue")


class Verbs:
    """The verbs of one queue. Nothing here speaks to Redis."""

    def __init__(self, settings: Settings, name: str | None) -> None:
        queue = settings.queue if name is None else replace(settings.queue, name=name)
        self.settings = replace(settings, queue=queue)
        self.name = queue.name
        self.root = tasks.root_of(settings.queue.prefix, self.name)
        self.shares = Shares(self.root)
        self.consuming = Consuming(self.root, self.settings)
        self.lifecycle = Lifecycle(self.root, queue.result_ttl_seconds)
        self.flows = Flows(self.root)
        self._mint = Mint(self.root)

    def remain(self, schema: str, *, seeded: bool) -> Conversation[None]:
        """Meet the queue again where its data were lost: by the layout that it has now, and whether any users' settings
        were sent to it.
        """
        if schema != tasks.SCHEMA or (self.settings.users and not seeded):
            yield from self.meet(again=True)

    def meet(self, *, again: bool = False) -> Conversation[None]:
        """Check that the server keeps what it is given and that this release knows the data layout; say what the
        configuration says of its users.

        `again`: it has been met before, and only what was lost with the server is said again.
        """
        fairness, users = self.settings.fairness, self.settings.users
        if not again:
            yield from self._check_server()
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

    def _check_server(self) -> Conversation[None]:
        policy = yield server.eviction_policy(self.root)
        if policy in ("", "noeviction") or self.settings.redis.allow_eviction:
            return
        raise EvictingServer(
            f"{self.settings.redis.address}: its maxmemory-policy is {policy}: when it is full it throws tasks away; "
            "say `CONFIG SET maxmemory-policy noeviction` there (and in its configuration), or set "
            "redis.allow_eviction: true to take the risk"
        )

    def push(self, task: Task[R], user_id: str | None) -> Conversation[Receipt[R]]:
        """Push one task."""
        if is_tied(task):
            return pushing(self.root, self.plan(task, user_id, None), task)
        return self._pushing(task, entry_of(task, user_id, self._mint))

    def _pushing(self, task: Task[R], entry: tasks.Entry) -> Conversation[Receipt[R]]:
        accepted = yield tasks.push(self.root, (entry,))
        return receipt_of(task, entry, accepted[0])

    def plan(self, graph: Wired | Members | Plan, user_id: str | None, run_id: str | None) -> Plan:
        """Settle all of a graph that needs no server."""
        return graph if isinstance(graph, Plan) else plan_of(graph, user_id, run_id, self._mint)

    def enqueue(self, plan: Plan) -> Conversation[list[Receipt[Any]]]:
        """Hand in a graph."""
        return handing_in(self.root, plan)

    def cancel_flow(self, name: FlowName) -> Conversation[int]:
        """Cancel what of a run has not ended; tasks that it adds meanwhile, too."""
        canceled: dict[str, bool] = {}
        while fresh := [one for one in (yield from self.flows.alive(name)) if one not in canceled]:
            for task_id in fresh:
                canceled[task_id] = yield from self.lifecycle.cancel(task_id, name.user_id, name.mark)
        return sum(canceled.values())

    def push_batch(
        self, batch: Iterable[Task[R]], user_id: str | None, handle_of: Callable[[Receipt[R]], H]
    ) -> Batch[R, H]:
        """Push many tasks. All are checked and encoded before the first is sent."""
        return Batch(self.root, [self._item(task, user_id) for task in batch], handle_of)

    def _item(self, task: Task[R], user_id: str | None) -> Item[R]:
        if not (is_tied(task) or isinstance(task, Plan)):
            return Item(task, entry_of(task, user_id, self._mint))
        plan = self.plan(task, user_id, None)
        entry, joint = entry_in(plan)
        whole = plan if len(plan.nodes) > 1 else None
        return Item(plan.nodes[0].task, entry, joint, whole)

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

    def held_task(self, task_id: str, user_id: str, incarnation: str) -> Call[Task[Any]]:
        """Read the task that a handle stands for."""
        return self.get_record(task_id, user_id).then(
            lambda record: reading.task_of(reading.known(record, task_id, incarnation))
        )

    def result(
        self, task_id: str, user_id: str | None, incarnation: str | None, timeout: float | None
    ) -> Conversation[Any]:
        """Wait for a task's end and return its result. The waiter is woken by the script that ends the task."""
        deadline = None if timeout is None else time.monotonic() + check_timeout(timeout)
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
        check_whole("windows", windows, 1, 7)
        now = int(time.time() * 1000) // readings.WINDOW_MS
        return (yield from readings.served(self.root, range(now - windows + 1, now + 2)))


def _ageing(ms: float) -> str:
    return "inf" if ms >= tasks.STRICT else f"{ms / 1000:g} s"
