"""What can happen next: each action says the moves that a state allows, and how the model moves with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from fairque.core.codec import Ending
from fairque.core.outcome import Done, Outcome
from fairque.store import claims, tasks
from fairque.store.records import Grant
from tests.explore.node import LEVELS, LISTS, USERS, WORKERS, Node
from tests.explore.wire import AnyCall
from tests.lua.model import Kind, Name
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, again, postpone

LEASE_MS: Final = int(LEASE * 1000)
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
_names: Final = itertools.count()


class Move(NamedTuple):
    """One step: what is sent (if anything), and `judge`, which moves the model as the reply must have it."""

    label: str
    call: AnyCall | None
    judge: Callable[[Node, Any], None]


Action = Callable[[Node, str], Iterator[Move]]


# --- calls ----------------------------------------------------------------------------------------------------------


def settle(node: Node, root: str, worker: str, ended: Iterable[tuple[Grant, Outcome]] = (), want: int = 0) -> AnyCall:
    """Return a worker's call."""
    return claims.settle(
        root,
        worker,
        f"r{next(_names)}",
        lists=LISTS.get(worker, claims.SERVES_ALL),
        want=want,
        lease=LEASE,
        ended=[ended_of(grant, outcome) for grant, outcome in ended],
        now=str(node.now),
    )


def ended_of(grant: Grant, outcome: Outcome) -> claims.Ended:
    """Return the end of a run as it goes over the wire."""
    ending = Ending("m:f", 0, 0, "w", msgspec.Raw(b"1")) if isinstance(outcome, Done) else None
    return claims.end(grant.member, grant.token, outcome, ran=0, ending=ending, keep=KEEP, keep_failed=KEEP)


def push(node: Node, root: str, name: Name) -> AnyCall:
    """Return a push of a chosen id."""
    entry = tasks.Entry(name.user, name.task_id, LEVELS[name], f"n{next(_names)}", "", b"m:f|call")
    return tasks.push(root, [entry], str(node.now))


# --- what the model does --------------------------------------------------------------------------------------------


def settled(
    node: Node, answer: claims.Settled, *, worker: str, ended: tuple[Name, Kind] | None, want: int, call: AnyCall
) -> None:
    """A worker's call: an outcome is accepted, time does its work, and the worker is granted what it may have."""
    assert not isinstance(answer, Exception), answer
    assert answer.stale == [], "the holder of the lease was told that it is stale"
    if ended is not None:
        node.model.end(*ended, node.now + WAYS[ended[1]][1])
    node.model.pass_time(node.now, node.now + int(KEEP * 1000))
    node.forget_runs()
    may = [names for users in WORKERS[worker] if (names := node.startable(worker, users))] if want else []
    assert len(answer.grants) == bool(may), f"{worker} was granted {answer.grants}, it may start {may}"
    for grant in answer.grants:
        granted(node, worker, grant, may[0])
    if answer.grants or ended is not None:
        node.last[worker] = (call, answer)


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


def pushed(node: Node, accepted: list[tasks.Accepted], *, name: Name, call: AnyCall) -> None:
    """A new task."""
    assert accepted[0].created, accepted
    node.model.tasks.pop(name, None)
    node.model.push(name, LEVELS[name], None)
    node.spent.pop(name, None)
    node.last["producer"] = (call, accepted)


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
    node.last["deleter"] = (call, answer)


# --- actions --------------------------------------------------------------------------------------------------------


def pushes(node: Node, root: str) -> Iterator[Move]:
    """Each user's next task."""
    for user in USERS:
        name = next((name for name in LEVELS if name.user == user and name not in node.model.tasks), None)
        if name is not None:
            call = push(node, root, name)
            yield Move(f"push {name.task_id}", call, partial(pushed, name=name, call=call))


def pushes_again(node: Node, root: str) -> Iterator[Move]:
    """A task that has ended takes a new life."""
    for name, entry in node.model.tasks.items():
        if entry.ended:
            call = push(node, root, name)
            yield Move(f"push {name.task_id} again", call, partial(pushed, name=name, call=call))


def claims_one(node: Node, root: str) -> Iterator[Move]:
    """Each worker asks for a task."""
    for worker in WORKERS:
        call = settle(node, root, worker, want=1)
        yield Move(f"{worker} claims", call, partial(settled, worker=worker, ended=None, want=1, call=call))


def ends(node: Node, root: str, kind: Kind, want: int) -> Iterator[Move]:
    """A run ends, and its worker wants the next task."""
    for worker in WORKERS:
        for name, grant in node.held(worker):
            call = settle(node, root, worker, [(grant, WAYS[kind][0])], want)
            label = f"{worker} ends {name.task_id}: {kind}{', and claims' if want else ''}"
            yield Move(label, call, partial(settled, worker=worker, ended=(name, kind), want=want, call=call))


def renews(node: Node, root: str) -> Iterator[Move]:
    """A worker renews a lease."""
    for worker in WORKERS:
        for name, grant in node.held(worker):
            call = claims.renew(root, [(grant.member, grant.token)], LEASE, str(node.now))
            yield Move(f"{worker} renews {name.task_id}", call, partial(renewed, name=name))


def deletes(node: Node, root: str) -> Iterator[Move]:
    """A program deletes a task."""
    for name in node.model.tasks:
        call = tasks.delete(root, *name, f"d{next(_names)}", str(node.now))
        yield Move(f"delete {name.task_id}", call, partial(deleted, name=name, call=call))


def crashes(node: Node, root: str) -> Iterator[Move]:  # noqa: ARG001 - the shape of an action
    """A worker dies and comes back; it knows nothing of what it held."""
    for worker in WORKERS:
        lost = frozenset(name for name, _ in node.held(worker))
        if lost:
            yield Move(f"{worker} crashes", None, partial(_die, lost=lost))


def _die(node: Node, _: Any, *, lost: frozenset[Name]) -> None:
    node.dead |= lost


def waits(node: Node, root: str) -> Iterator[Move]:  # noqa: ARG001
    """Time passes until the next task is due, or until the next lease lapses."""
    for letter, what in (("W", "a task is due"), ("R", "a lease lapses")):
        instants = [node.model.tasks[name].at for name in node.model.those(letter)]
        next_one = min((at for at in instants if at > node.now), default=None)
        if next_one is not None:
            yield Move(what, None, partial(_wait, until=next_one))


def _wait(node: Node, _: Any, *, until: int) -> None:
    node.now = until


ACTIONS: Final[dict[str, Action]] = {
    "push": pushes,
    "claim": claims_one,
    "finish": partial(ends, kind="done", want=0),
    "retry": partial(ends, kind="again", want=0),
    "bury": partial(ends, kind="bury", want=0),
    "release": partial(ends, kind="release", want=0),
    "renew": renews,
    "crash": crashes,
    "wait": waits,
}
"""What is explored."""

MORE: Final[dict[str, Action]] = {
    "finish and claim": partial(ends, kind="done", want=1),
    "postpone": partial(ends, kind="postpone", want=0),
    "push again": pushes_again,
    "delete": deletes,
}
"""What can be explored besides."""
