"""What can be done with graphs of tasks; said once for both colours. Scripts call a graph that is there a flow."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from fairque.core.flow import ADDED, FlowGraph, FlowNode, FlowSummary, is_mark
from fairque.core.ids import check_printable, check_user_id
from fairque.core.outcome import Progress
from fairque.core.quantity import check_timeout, check_whole
from fairque.core.state import TaskState
from fairque.errors import ResultError, ResultTimeout, TaskValidationError, UnknownTask
from fairque.queue import reading
from fairque.queue.intake import Receipt
from fairque.store import flows, readings, tasks
from fairque.store.bell import BLOCK
from fairque.store.call import Conversation, Sleep
from fairque.store.flows import Flow, Member
from fairque.store.records import Record

_MOST_FIRST: Final = 250
"""Tasks of one flow that are asked whether they run, where nothing else tells that it has started."""
_MOST_FAILURES: Final = 200
"""Tasks of one flow whose errors are read to be shown."""


class FlowName(NamedTuple):
    """Which run is meant: its mark, and whose it is."""

    user_id: str
    mark: str
    run_id: str


class Flows:
    """These verbs of one queue. Nothing here speaks to Redis."""

    def __init__(self, root: str) -> None:
        self._root = root

    def find(self, run_id: str, user_id: str | None) -> Conversation[FlowName | None]:
        """Find a run by its id (or mark)."""
        check_printable(run_id, "run_id")
        if user_id is not None:
            flow = yield from flows.read(self._root, check_user_id(user_id), run_id, members=False)
            return FlowName(flow.user_id, flow.mark, flow.run_id) if flow else None
        known = (yield from self._all()) if is_mark(run_id) else ()
        names = {FlowName(flow.user_id, flow.mark, flow.run_id) for flow in known if flow.mark == run_id}
        return next(iter(names), None)

    def page(self, user_id: str | None, limit: int, cursor: str | None) -> Conversation[FlowPage]:
        """Read the runs that are kept, the newest first."""
        check_whole("limit", limit, 1, 1_000)
        after = _read_cursor(cursor)
        if user_id is not None:
            check_user_id(user_id)
        known = yield from self._all()
        listed = sorted((flow for flow in known if user_id in (None, flow.user_id)), key=_place, reverse=True)
        rest = [flow for flow in listed if after is None or _place(flow) < after]
        cursor = None if len(rest) <= limit else f"{rest[limit - 1].created_ms}:{rest[limit - 1].mark}"
        return FlowPage(tuple(_summary_of(flow) for flow in rest[:limit]), cursor)

    def _all(self) -> Conversation[list[Flow]]:
        table = yield from readings.table(self._root, "flows")
        return [flows.read_flow(member, text) for member, text in table.items()]

    def read(self, name: FlowName, *, members: bool = True) -> Conversation[Flow]:
        """Read a run.

        Raises:
            UnknownTask: it is not kept any more.
        """
        flow = yield from flows.read(self._root, name.user_id, name.mark, members=members)
        if flow is None:
            raise UnknownTask(f"{name.run_id}: no such run: what was kept of it has expired, or its user was erased")
        return flow

    def written(self, name: FlowName) -> Conversation[list[Receipt[Any]]]:
        """Read which tasks a run has, as they were written, but for those that follow up on others."""
        flow = yield from self.read(name)
        return [
            Receipt(reading.NO_TASK, name.user_id, task_id, created=True, incarnation=name.mark)
            for task_id, member in _in_order(flow)
            if not member.hook
        ]

    def summary(self, name: FlowName) -> Conversation[FlowSummary]:
        """Read how far a run is. Where none of it has ended yet, its tasks are asked whether one runs."""
        summary = yield from self._numbers(name)
        if not summary.active or summary.ended:
            return summary
        flow = yield from self.read(name)
        first = [task_id for task_id, member in _in_order(flow) if not member.inside][:_MOST_FIRST]
        states = yield from self.states(name, first)
        return replace(summary, started=states.count(TaskState.STARTED))

    def _numbers(self, name: FlowName) -> Conversation[FlowSummary]:
        return _summary_of((yield from self.read(name, members=False)))

    def progress(self, name: FlowName) -> Conversation[Progress]:
        """Read how far a run is, as tasks say it of themselves."""
        summary = yield from self._numbers(name)
        return Progress(summary.percent, f"{summary.ended:,} of {summary.total:,} tasks have ended")

    def states(self, name: FlowName, task_ids: Sequence[str]) -> Conversation[list[TaskState | None]]:
        """Read the states of a run's tasks; None where nothing is kept of one any more."""
        records = yield from flows.read_heads(self._root, name.user_id, task_ids)
        return [reading.state_of(record) if record else None for record in records]

    def wait(self, name: FlowName, timeout: float | None) -> Conversation[FlowSummary]:
        """Wait until a run has ended, or nothing of it can go on. The waiter is woken by the script that ends it."""
        deadline = None if timeout is None else time.monotonic() + check_timeout(timeout)
        waiter = f"flow-{uuid.uuid4().hex}"
        while True:
            summary = yield from self._numbers(name)
            if summary.is_settled:
                return summary
            left = BLOCK if deadline is None else min(BLOCK, deadline - time.monotonic())
            if left <= 0:
                yield flows.wait(self._root, name.user_id, name.mark, waiter, listed=False)
                ended = f"{summary.ended:,} of {summary.total:,} tasks have ended"
                raise ResultTimeout(f"run {name.run_id}: has not ended after {timeout:g} s; {ended}")
            if (yield flows.wait(self._root, name.user_id, name.mark, waiter, listed=True)):
                yield Sleep(tasks.wake_key(self._root, waiter), left)

    def results(
        self, name: FlowName, task_ids: Sequence[str], timeout: float | None, *, return_exceptions: bool
    ) -> Conversation[list[Any]]:
        """Wait for a run, and read the results of its tasks in order."""
        yield from self.wait(name, timeout)
        records = yield from flows.read_many(self._root, name.user_id, task_ids)
        found = [_result_of(record, task_id, name) for record, task_id in zip(records, task_ids, strict=True)]
        failure = next((one for one in found if isinstance(one, ResultError | UnknownTask)), None)
        if failure is not None and not return_exceptions:
            raise failure
        return found

    def graph(self, name: FlowName) -> Conversation[FlowGraph]:
        """Read a run with all its tasks."""
        flow = yield from self.read(name)
        members = _in_order(flow)
        records = yield from flows.read_heads(self._root, name.user_id, [task_id for task_id, _ in members])
        failed = [record.task_id for record in records if record and record.letter in "XC"][:_MOST_FAILURES]
        whole = yield from flows.read_many(self._root, name.user_id, failed)
        failures = {record.task_id: reading.failure_of(record) for record in whole if record and record.letter in "XC"}
        places = {task_id: n for n, (task_id, _) in enumerate(members)}
        starts = {member.batch: places[task_id] - member.place for task_id, member in members}
        nodes = [
            _node_of(task_id, member, record, places, starts[member.batch], failures)
            for (task_id, member), record in zip(members, records, strict=True)
        ]
        return FlowGraph(
            run_id=flow.run_id,
            user_id=flow.user_id,
            created_at=reading.instant(flow.created_ms),
            nodes=tuple(nodes),
            staged=flow.staged,
        )

    def alive(self, name: FlowName) -> Conversation[list[str]]:
        """Return the ids of a run's tasks that have not ended, children before their parents."""
        flow = yield from self.read(name)
        ids = [task_id for task_id, _ in reversed(flow.members)]  # they were handed in parents first
        states = yield from self.states(name, ids)
        return [task_id for task_id, state in zip(ids, states, strict=True) if state is not None and not state.ended]


class FlowPage(NamedTuple):
    """Some of the runs that are kept. With a `cursor` there may be more: give it to the next call."""

    flows: tuple[FlowSummary, ...]
    cursor: str | None = None


def _in_order(flow: Flow) -> list[tuple[str, Member]]:
    """Return a flow's tasks as they were written: those that were added later behind the others."""
    batches = {batch: n for n, batch in enumerate(dict.fromkeys(member.batch for _, member in flow.members))}
    return sorted(flow.members, key=lambda of: (batches[of[1].batch], of[1].place))


def _node_of(
    task_id: str, member: Member, record: Record | None, places: dict[str, int], start: int, failures: dict[str, Any]
) -> FlowNode:
    inside = (*(start + place for place in member.inside), *(places[one] for one in member.outside if one in places))
    added = not inside and member.by in places
    return FlowNode(
        task_id=task_id,
        written_id=member.written_id,
        name=member.name,
        state=reading.state_of(record) if record else None,
        parents=(places[member.by],) if added and member.by else inside,
        policy=ADDED if added else member.policy,
        failure=failures.get(task_id),
        progress=reading.progress_of(record) if record else None,
        attempt=(record.run.attempt if record.run else record.attempt) if record else 0,
        outside=sum(one not in places for one in member.outside),
    )


def _summary_of(flow: Flow) -> FlowSummary:
    return FlowSummary(
        run_id=flow.run_id,
        user_id=flow.user_id,
        created_at=reading.instant(flow.created_ms),
        total=flow.tasks,
        finished=flow.finished,
        failed=flow.failed,
        canceled=flow.canceled,
        deferred=flow.deferred,
        active=flow.tasks - flow.deferred - flow.finished - flow.failed - flow.canceled,
        staged=flow.staged,
    )


def _result_of(record: Record | None, task_id: str, name: FlowName) -> Any:
    """Return the result of a task of a run that has ended, or the error that says why there is none."""
    try:
        found = reading.known(record, task_id, name.mark)
        ended, value = reading.result_of(found)
    except (ResultError, UnknownTask) as error:
        return error
    if not ended:
        return ResultError(f"{task_id}: is {reading.state_of(found)}: what it waits for has failed or was canceled")
    return value


def _place(flow: Flow) -> tuple[int, str]:
    return flow.created_ms, flow.mark


def _read_cursor(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    at, colon, mark = cursor.partition(":") if isinstance(cursor, str) else ("", "", "")
    if not (colon and at.isascii() and at.isdigit() and len(at) <= 15 and is_mark(mark)):
        raise TaskValidationError("cursor: is not one that a page of runs had")
    return int(at), mark
