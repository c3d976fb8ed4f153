"""What each step does to the model, and what its answer must be."""

from __future__ import annotations

import itertools
from typing import Any, Final

from fairque.core.outcome import Outcome
from fairque.store import claims, fates, tasks
from fairque.store.records import Grant
from tests.explore.node import LEVELS, WORKERS, Node
from tests.explore.wire import AnyCall
from tests.lua.model import Kind, Name
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, again, postpone

LEASE_MS: Final = int(LEASE * 1000)
CANCELED_MS: Final = 3_600_000
"""For how long a run that was asked to stop is kept."""
SPAN_MS: Final = 10_000
"""By when a task that may expire must have started."""
KEEP: Final = 7 * 86_400.0
"""Seconds for which ended tasks are kept: beyond all that is explored."""
WAYS: Final[dict[Kind, tuple[Outcome, int]]] = {
    "done": (DONE, int(KEEP * 1000)),
    "again": (again(3), 3000),
    "bury": (BURY, int(KEEP * 1000)),
    "release": (RELEASE, 0),
    "postpone": (postpone(3), 3000),
}
"""How a run ends, and after how many ms its task is due or its record expires."""


def settled(
    node: Node, answer: claims.Settled, *, worker: str, ended: tuple[Name, Kind] | None, want: int, call: AnyCall
) -> None:
    """A worker's call: an outcome is accepted, time does its work, and the worker is granted what it may have."""
    assert not isinstance(answer, Exception), answer
    assert answer.stale == [], "the holder of the lease was told that it is stale"
    if ended is not None:
        end_run(node, *ended)
    node.model.pass_time(node.now, node.now + int(KEEP * 1000), node.now + CANCELED_MS)
    node.forget_runs()
    may = [names for users in WORKERS[worker] if (names := node.startable(worker, users))] if want else []
    assert len(answer.grants) == bool(may), f"{worker} was granted {answer.grants}, it may start {may}"
    for grant in answer.grants:
        granted(node, worker, grant, may[0])
    if answer.grants or ended is not None:
        node.remember(worker, call, answer)


def end_run(node: Node, name: Name, kind: Kind) -> None:
    """A run ends; a task that was given back before it began must still start in time."""
    entry = node.model.tasks[name]
    last_start, canceled = entry.last_start, entry.stopping and kind != "done"
    node.model.end(name, kind, node.now + (CANCELED_MS if canceled else WAYS[kind][1]))
    if kind == "release" and entry.letter == "Q":
        entry.last_start = last_start


def granted(node: Node, worker: str, grant: Grant, may: list[Name]) -> None:
    """I5, I12, I14, I15: who is assigned comes first; equals in the order of their pushes; attempts rise."""
    name = Name(grant.user_id, grant.task_id)
    assert name in may, f"{worker} was granted {name}, it should start one of {may}"
    earlier = list(itertools.takewhile(lambda other: other != name, node.model.tasks))
    first = [other for other in earlier if other in may and node.model.tasks[other].attempt == 0]
    entry = node.model.tasks[name]
    assert entry.attempt or all(
        node.model.tasks[other].level < entry.level for other in first if other.user == name.user
    )
    node.model.grant(name, grant.token, node.now + LEASE_MS, worker)
    assert (grant.attempt, grant.lost, grant.failures) == (entry.attempt, entry.lost, entry.failures), grant
    assert name not in node.spent or int(grant.token) > int(node.spent[name].token), "tokens must rise"
    node.grants[name] = grant


def pushed(node: Node, accepted: list[tasks.Accepted], *, name: Name, call: AnyCall, span: int | None = None) -> None:
    """A new task."""
    assert accepted[0].created, accepted
    node.model.tasks.pop(name, None)
    node.model.push(name, LEVELS[name], None, span and node.now + span)
    node.spent.pop(name, None)
    node.remember("producer", call, accepted)


def renewed(node: Node, kept: list[bool], *, name: Name) -> None:
    """The lease counts from now."""
    assert kept == [True], "the holder has lost its lease"
    node.model.tasks[name].at = node.now + LEASE_MS


def deleted(node: Node, answer: Any, *, name: Name, call: AnyCall) -> None:
    """Gone, but for a task that runs. Nothing is left by which its push could be known if it were sent again."""
    if node.model.tasks[name].letter == "R":
        assert str(answer).startswith("RUNNING"), answer
        return
    assert answer is True, answer
    del node.model.tasks[name]
    node.last.pop("producer", None)
    node.remember("deleter", call, answer)


def canceled(node: Node, answer: fates.Canceled, *, name: Name, call: AnyCall) -> None:
    """At once where it waits, and else its worker is asked."""
    assert answer == node.model.cancel(name, node.now + int(KEEP * 1000)), answer
    node.remember("canceler", call, answer)


def requeued(node: Node, answers: list[fates.Requeued], *, name: Name, call: AnyCall) -> None:
    """Behind all others of its level."""
    assert [answer == fates.Requeued.QUEUED for answer in answers] == [node.model.requeue(name)], answers
    node.remember("requeuer", call, answers)


def purged(node: Node, answer: int, *, name: Name, call: AnyCall) -> None:
    """A dead letter is forgotten."""
    assert answer == 1, answer
    del node.model.tasks[name]
    node.last.pop("producer", None)
    node.remember("purger", call, answer)


def erased(node: Node, answer: tuple[int, int], *, user: str, call: AnyCall) -> None:
    """Nothing is left of the user; whoever runs a task of it has no lease."""
    names = [name for name in node.model.tasks if name.user == user]
    assert answer == (0, len(names)), answer
    for name in names:
        del node.model.tasks[name]
    node.forget_runs()
    node.last.pop("producer", None)
    node.remember("eraser", call, answer)


def left(node: Node, answer: bool) -> None:  # noqa: ARG001 - the shape of a judge
    """Nothing but the value itself."""
    assert answer


def noted(node: Node, answer: list[bool]) -> None:  # noqa: ARG001 - the shape of a judge
    """Nothing but the progress itself."""
    assert answer == [True], answer
