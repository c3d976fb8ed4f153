"""A flow as it stands at one moment: its tasks, what each waits for, and what that says of the whole. Pure values."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from fairque.core.mermaid import flowchart
from fairque.core.options import POLICIES
from fairque.core.outcome import Failure, Progress
from fairque.core.state import TaskState

ADDED: Final = "a"
"""Stands for the policy of a task that its parent added while it ran: it does not wait for it."""
EDGES: Final = {**POLICIES, "s": "on_success", "f": "on_failure", ADDED: "added"}
"""What the end of its parents means to a task, by the letter of its policy."""
HOOKS: Final = {"s": TaskState.FINISHED, "f": TaskState.FAILED}
"""The letters of those that are a parent's `on_success` or `on_failure`, with the end of it that they are for."""
MOST_DRAWN: Final = 200
"""Tasks that are drawn one by one; of a larger flow, those alike are drawn as one."""
MOST_EDGES: Final = 500
"""The same of its edges: Mermaid draws no more, unless the page that it is on allows it."""

_ACTIVE: Final = (TaskState.QUEUED, TaskState.STARTED, TaskState.SCHEDULED)
_MARK: Final = re.compile(r"g[0-9a-f]{15}")


def is_mark(text: str) -> bool:
    """Whether this is a flow's mark: the id of a run that was given none, and the nonce of all its tasks."""
    return _MARK.fullmatch(text) is not None


class FlowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How far a flow is, in numbers of tasks."""

    run_id: str
    user_id: str
    created_at: datetime
    total: int
    finished: int = 0
    failed: int = 0
    canceled: int = 0
    deferred: int = 0
    active: int = 0
    """Queued, started or scheduled: none of these waits for another."""
    started: int = 0
    """Of the active ones, those that are known to run; who only counts does not know of any."""
    staged: bool = False
    """Whether it is still being enqueued: nothing of it starts before all of it is there."""

    @property
    def ended(self) -> int:
        """Tasks that will not run again by themselves, those included of which no record is left."""
        return 0 if self.staged else self.total - self.deferred - self.active

    @property
    def percent(self) -> float:
        """How much of it has ended, 0 to 100."""
        return 100 * self.ended / self.total if self.total else 0.0

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it goes on by itself: all has ended, or waits for what failed or was canceled."""
        return self.state.ended

    @property
    def state(self) -> TaskState:
        """The state of the whole: the first of `STATES` that fits, else finished."""
        return next((state for state, fits in STATES if fits(self)), TaskState.FINISHED)


STATES: Final[tuple[tuple[TaskState, Callable[[FlowSummary], object]], ...]] = (
    (TaskState.DEFERRED, lambda of: of.staged),
    (TaskState.STARTED, lambda of: of.active and (of.ended or of.started)),
    (TaskState.QUEUED, lambda of: of.active),
    (TaskState.FAILED, lambda of: of.failed),
    (TaskState.CANCELED, lambda of: of.canceled),
    (TaskState.DEFERRED, lambda of: of.deferred),
)
"""The state of a flow, by what its tasks are in. One that failed may have tasks that wait for what failed."""


class FlowNode(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a flow."""

    task_id: str
    written_id: str | None = None
    """Its id as it stands in the program, where the run's id was put before that; None: it was generated."""
    name: str
    """`module:qualname` of its function; empty for a payload task."""
    state: TaskState | None
    """None: its record is gone. It was deleted, or ended longer ago than results are kept."""
    parents: tuple[int, ...] = ()
    """Which nodes of its flow it waits for, as it was written."""
    policy: str = "w"
    failure: Failure | None = None
    progress: Progress | None = None
    attempt: int = 0
    outside: int = 0
    """How many tasks outside its flow it waits for."""

    @property
    def title(self) -> str:
        """What people call it: the id that they chose, else its function."""
        return self.written_id or self.called

    @property
    def called(self) -> str:
        """Its function's name without the module."""
        return self.name.rpartition(":")[2] or "payload"


class Fold(msgspec.Struct, frozen=True):
    """Tasks that are drawn as one, alike in name, state, policy and what they wait for; mostly it is one task."""

    nodes: tuple[FlowNode, ...]
    parents: tuple[int, ...]
    """Which folds it waits for; all of them stand before it."""

    @property
    def one(self) -> FlowNode:
        """The first of its tasks, which stands for all in what they share."""
        return self.nodes[0]

    @property
    def title(self) -> str:
        """What people call it."""
        return self.one.title if len(self.nodes) == 1 else f"{self.one.called} × {len(self.nodes):,}"


class FlowGraph(msgspec.Struct, frozen=True, kw_only=True):
    """A flow with all its tasks, in the order in which they were written."""

    run_id: str
    user_id: str
    created_at: datetime
    nodes: tuple[FlowNode, ...]
    staged: bool = False

    @property
    def state(self) -> TaskState:
        """The state of the whole."""
        return self.summary.state

    @property
    def summary(self) -> FlowSummary:
        """The same flow in numbers."""
        count = Counter(self.nodes[index].state for index in self.wanted)
        return FlowSummary(
            run_id=self.run_id,
            user_id=self.user_id,
            created_at=self.created_at,
            total=count.total(),
            finished=count[TaskState.FINISHED],
            failed=count[TaskState.FAILED],
            canceled=count[TaskState.CANCELED],
            deferred=count[TaskState.DEFERRED],
            active=sum(count[state] for state in _ACTIVE),
            started=count[TaskState.STARTED],
            staged=self.staged,
        )

    @property
    def wanted(self) -> tuple[int, ...]:
        """Which nodes count, parents before their children: not the hooks, removed by now, whose case has not come."""
        unwanted: set[int] = set()
        order = [*_parents_first([node.parents for node in self.nodes])]
        for index in order:
            node = self.nodes[index]
            case = HOOKS.get(node.policy)
            missed = case and any(self.nodes[parent].state not in (None, case) for parent in node.parents)
            if node.state is None and (missed or not unwanted.isdisjoint(node.parents)):
                unwanted.add(index)
        return tuple(index for index in order if index not in unwanted)

    def folds(self, most: int = MOST_DRAWN) -> tuple[Fold, ...]:
        """Return what is drawn, parents before their children: each task, or of too many those alike as one.

        Tasks are alike that have the same name, state and policy and wait for the same, or for what is drawn as one.
        """
        alone = len(self.nodes) <= most and sum(len(node.parents) for node in self.nodes) <= MOST_EDGES
        found: dict[object, int] = {}
        place: dict[int, int] = {}
        members: list[list[FlowNode]] = []
        parents: list[tuple[int, ...]] = []
        for index in self.wanted:
            node = self.nodes[index]
            above = tuple(sorted({place[parent] for parent in node.parents if parent in place}))
            likeness = index if alone else (node.name, node.state, node.policy, node.outside, above)
            place[index] = found.setdefault(likeness, len(members))
            if place[index] == len(members):
                members.append([])
                parents.append(above)
            members[place[index]].append(node)
        return tuple(Fold(tuple(nodes), above) for nodes, above in zip(members, parents, strict=True))

    def mermaid(self, most: int = MOST_DRAWN) -> str:
        """Return the flow as a Mermaid flowchart; of more than `most` tasks, those alike are one node."""
        return flowchart(self.folds(most))


def _parents_first(parents: Iterable[Iterable[int]]) -> Iterator[int]:
    """Yield the indexes so that parents come before their children, and else in their order."""
    children: dict[int, list[int]] = {}
    missing = [set(above) for above in parents]
    for index, above in enumerate(missing):
        for parent in above:
            children.setdefault(parent, []).append(index)
    ready = [index for index, above in enumerate(missing) if not above]
    while ready:
        index = heapq.heappop(ready)
        yield index
        for child in children.get(index, ()):
            missing[child].discard(index)
            if not missing[child]:
                heapq.heappush(ready, child)
