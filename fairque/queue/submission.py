"""How a graph gets into a queue: in one call, or behind a gate part by part; said once for both colours."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from fairque.core.ids import decode_id, encode_id
from fairque.core.models import Task
from fairque.core.state import LETTERS
from fairque.errors import FairqueError, GraphError, PartialPush, RedisUnavailable, TaskConflict
from fairque.queue.intake import Receipt, receipt_of
from fairque.queue.planning import Node, Plan
from fairque.store import flows, readings, tasks
from fairque.store.call import Call, Conversation
from fairque.store.flows import Fence, Joint, Member, Part
from fairque.store.records import Record

R = TypeVar("R")


def handing_in(root: str, plan: Plan) -> Conversation[list[Receipt[Any]]]:
    """Hand in a graph: in one call, or behind a gate part by part.

    Raises:
        PartialPush: Redis went away; handing in what `remaining` has goes on with it.
    """
    parts, late = _parts_of(plan)
    try:
        if len(parts) == 1 and not late:
            yield _enqueue(root, plan, parts[0], "whole")
        else:
            yield from _stage(root, plan, parts, late)
    except RedisUnavailable as lost:
        what = "whether the graph was accepted is not known; enqueue `remaining[0]` to make sure"
        raise PartialPush(f"{lost} ({what})", remaining=(plan,)) from lost
    return _receipts_of(plan)


def adding(root: str, plan: Plan, fence: Fence, by: str, *, joins: bool) -> Conversation[list[Receipt[Any]]]:
    """Hand in a graph from inside the task `by`, fenced by its run: up to 150 tasks in a call, and what is in begins at
    once. `joins`: its mark is that of the flow which the task belongs to.

    Raises:
        StaleLease: the run has lost its lease. Nothing of this call was written.
        GraphError: one of its tasks waits for more than 300 others of it.
    """
    parts, late = _parts_of(plan)
    if late:
        raise GraphError(f"a task that is added by another waits for {flows.EDGES} of the added ones at most")
    last = _last_of(plan) if fence.holds else frozenset[int]()
    batch = uuid.uuid4().hex[:8] if joins else ""
    for n, places in enumerate(parts):
        part = _part_of(plan, places, batch, alone=len(parts) > 1, by=by if joins else None)
        part = part._replace(last=[plan.nodes[place].task_id for place in places if place in last])
        mode = "join" if joins or n else "whole"
        yield flows.enqueue(root, part, mode=mode, mark=plan.mark, run_id=plan.run_id, fence=fence)
    return _receipts_of(plan)


def _receipts_of(plan: Plan) -> list[Receipt[Any]]:
    return [
        Receipt(node.task, plan.user_id, node.task_id, created=True, incarnation=plan.mark)
        for node in plan.nodes[: plan.written]
    ]


def _stage(root: str, plan: Plan, parts: list[list[int]], late: list[tuple[str, str, str]]) -> Conversation[None]:
    """Hand in a graph part by part. Whatever refuses one, nothing of it is left."""
    try:
        for part in parts if _may_clash(plan) else ():
            yield _enqueue(root, plan, part, "check")
        for n, part in enumerate(parts):
            yield _enqueue(root, plan, part, "stage" if n else "first")
        for n in range(0, len(late), flows.EDGES):
            request = f"{plan.mark}-{n}"
            yield flows.link(root, request, plan.user_id, plan.mark, late[n : n + flows.EDGES])
        yield flows.launch(root, plan.user_id, plan.mark, len(plan.nodes))
    except RedisUnavailable:
        raise
    except FairqueError:
        while (yield flows.abandon(root, plan.user_id, plan.mark)):
            pass
        raise


def _enqueue(root: str, plan: Plan, places: Sequence[int], mode: str) -> Call[list[tasks.Accepted]]:
    part, beyond = _part_of(plan, places), len(plan.nodes) - len(places)
    return flows.enqueue(root, part, mode=mode, mark=plan.mark, run_id=plan.run_id, beyond=beyond)


def is_tied(task: object) -> bool:
    """Whether a task waits for others, or others follow up on it."""
    return isinstance(task, Task) and bool(task.depends_on or task.on_success or task.on_failure)


def pushing(root: str, plan: Plan, task: Task[R]) -> Conversation[Receipt[R]]:
    """Push a task that is tied to others. Where its chosen id, or its unique key, is a living task's, that is answered.

    Raises: as `handing_in`.
    """
    if len(plan.nodes) == 1:
        entry, joint = entry_in(plan)
        accepted = yield flows.enqueue(root, Part([entry], [joint]), mode="push")
        return receipt_of(task, entry, accepted[0])
    try:
        receipts = yield from handing_in(root, plan)
        return receipts[0]
    except TaskConflict:
        record = yield from _living(root, plan)
        if record is None:
            raise
        return Receipt(task, plan.user_id, record.task_id, created=False, incarnation=record.nonce)


def _living(root: str, plan: Plan) -> Conversation[Record | None]:
    """Read the living task that has the id of the first of a graph, or its unique key."""
    ids, key = [plan.nodes[0].task_id], plan.nodes[0].task.unique_key
    if key is not None:
        holders = yield from readings.table(root, f"user:{encode_id(plan.user_id)}:unique")
        ids += [decode_id(holder.decode()) for name, holder in holders.items() if name == encode_id(key).encode()]
    records = yield from flows.read_heads(root, plan.user_id, ids)
    return next((record for record in records if record and not LETTERS[record.letter].ended), None)


def at_once(root: str, plan: Plan, entry: tasks.Entry) -> Call[list[tasks.Accepted]]:
    """Return the one Call that hands in a small graph; it answers for the first of its tasks, which `entry` is.

    Raises:
        GraphError: it is too large for that.
    """
    parts, late = _parts_of(plan)
    if len(parts) > 1 or late:
        raise GraphError(f"{plan.nodes[0].task!r}: what follows up on it is too much for a batch: enqueue it by itself")
    made = tasks.Accepted(created=True, incarnation=plan.mark, task_id=entry.task_id)
    return _enqueue(root, plan, parts[0], "whole").then(lambda _: [made])


def entry_in(plan: Plan) -> tuple[tasks.Entry, Joint | None]:
    """Return the first task of a graph as it is sent by itself: a generated id is its own nonce then."""
    node = plan.nodes[0]
    nonce = ("" if node.written_id is None else plan.mark[1:]) if node.task.nonce is None else node.task.nonce
    return tasks.Entry(plan.user_id, node.task_id, node.level, nonce, node.when, node.body), _joint_of(plan, node, None)


def _parts_of(plan: Plan) -> tuple[list[list[int]], list[tuple[str, str, str]]]:
    """Return which tasks go into one call, parents first, and the edges (child, policy, parent) that go after them."""
    parts, late, edges = [list[int]()], list[tuple[str, str, str]](), 0
    for place in plan.order:
        node = plan.nodes[place]
        links = len(node.outside) + (0 if _goes_late(node) else len(node.inside))
        if parts[-1] and (len(parts[-1]) == flows.CHUNK or edges + links > flows.EDGES):
            parts.append([])
            edges = 0
        parts[-1].append(place)
        edges += links
        if _goes_late(node):
            late += ((node.task_id, node.policy, plan.nodes[parent].task_id) for parent in node.inside)
    return parts, late


def _goes_late(node: Node) -> bool:
    return len(node.inside) > flows.EDGES


def _part_of(plan: Plan, places: Sequence[int], batch: str = "", *, alone: bool = False, by: str | None = None) -> Part:
    """Return some tasks of a graph as they are sent. `alone`: those before them may have ended already."""
    nodes = [plan.nodes[place] for place in places]
    entries = [tasks.Entry(plan.user_id, node.task_id, node.level, plan.mark, node.when, node.body) for node in nodes]
    members = [
        Member(
            batch,
            place,
            node.written_id,
            node.name,
            node.policy,
            node.inside,
            node.outside,
            hook=place >= plan.written,
            by=by,
        )
        for place, node in zip(places, nodes, strict=True)
    ]
    keys = [(node.push_key, node.task_id) for node in nodes if node.push_key is not None]
    here = frozenset(places) if alone else None
    return Part(entries, [_joint_of(plan, node, here) for node in nodes], members, keys)


def _last_of(plan: Plan) -> frozenset[int]:
    """Return the places of the tasks for which no other of the graph waits."""
    written = range(plan.written)
    return frozenset(written) - {parent for place in written for parent in plan.nodes[place].inside}


def _joint_of(plan: Plan, node: Node, here: frozenset[int] | None) -> Joint | None:
    """Return what a task waits for. Parents that are not `here` (None: all are) count as if they were outside."""
    if not node.inside and not node.outside:
        return None
    if _goes_late(node):
        return Joint(node.policy, (), node.outside, len(node.inside))
    inside = [plan.nodes[parent].task_id for parent in node.inside if here is None or parent in here]
    before = [plan.nodes[parent].task_id for parent in node.inside if here is not None and parent not in here]
    return Joint(node.policy, inside, (*before, *node.outside))


def _may_clash(plan: Plan) -> bool:
    """Whether anything of a graph could be refused: what has generated ids and no other ties cannot."""
    named = plan.run_id != plan.mark
    return named or any(
        node.written_id is not None or node.outside or node.task.unique_key is not None for node in plan.nodes
    )
