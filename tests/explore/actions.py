"""What can happen next: each action says the moves that a state allows, and how the model moves with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from fairque.core.codec import Ending
from fairque.core.outcome import Done, Outcome, Progress, Release
from fairque.store import claims, fates, progress, tasks, xcom
from fairque.store.records import Grant
from tests.explore import judges
from tests.explore.judges import KEEP, SPAN_MS, WAYS
from tests.explore.node import CAPPED, LEVELS, LISTS, USERS, WORKERS, Node
from tests.explore.wire import AnyCall
from tests.lua.model import Kind, Name
from tests.lua.scene import LEASE

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
    """Return the end of a run as it goes over the wire. One that is given back was not begun."""
    ending = Ending("m:f", 0, 0, "w", msgspec.Raw(b"1")) if isinstance(outcome, Done) else None
    ran = 0 if isinstance(outcome, Release) else None
    return claims.end(grant.member, grant.token, outcome, ran=ran, ending=ending, keep=KEEP, keep_failed=KEEP)


def push(node: Node, root: str, name: Name, when: str = "") -> AnyCall:
    """Return a push of a chosen id."""
    entry = tasks.Entry(name.user, name.task_id, LEVELS[name], f"n{next(_names)}", when, b"m:f|call")
    return tasks.push(root, [entry], str(node.now))


# --- actions --------------------------------------------------------------------------------------------------------


def pushes(node: Node, root: str) -> Iterator[Move]:
    """Each user's next task."""
    for user in USERS:
        name = next((name for name in LEVELS if name.user == user and name not in node.model.tasks), None)
        if name is not None:
            call = push(node, root, name)
            yield Move(f"push {name.task_id}", call, partial(judges.pushed, name=name, call=call))


def pushes_again(node: Node, root: str) -> Iterator[Move]:
    """A task that has ended takes a new life."""
    for name, entry in node.model.tasks.items():
        if entry.ended:
            call = push(node, root, name)
            yield Move(f"push {name.task_id} again", call, partial(judges.pushed, name=name, call=call))


def pushes_expiring(node: Node, root: str) -> Iterator[Move]:
    """Each user's next task, which is canceled if it does not start in time."""
    for user in USERS:
        name = next((name for name in LEVELS if name.user == user and name not in node.model.tasks), None)
        if name is not None:
            call = push(node, root, name, f"/{SPAN_MS}")
            label = f"push {name.task_id}, to start in time"
            yield Move(label, call, partial(judges.pushed, name=name, call=call, span=SPAN_MS))


def cancels(node: Node, root: str) -> Iterator[Move]:
    """A program cancels a task."""
    for name in node.model.tasks:
        call = fates.cancel(root, *name, KEEP, f"c{next(_names)}", now=str(node.now))
        yield Move(f"cancel {name.task_id}", call, partial(judges.canceled, name=name, call=call))


def requeues(node: Node, root: str) -> Iterator[Move]:
    """A program queues a task again, or asks to."""
    for name in node.model.tasks:
        call = fates.requeue(root, name.user, [(name.task_id, None)], f"q{next(_names)}", now=str(node.now))
        yield Move(f"requeue {name.task_id}", call, partial(judges.requeued, name=name, call=call))


def purges(node: Node, root: str) -> Iterator[Move]:
    """A program forgets a dead letter."""
    for name in node.model.those("X"):
        call = fates.purge(root, name.user, [name.task_id], f"p{next(_names)}", str(node.now))
        yield Move(f"purge {name.task_id}", call, partial(judges.purged, name=name, call=call))


def erases(node: Node, root: str) -> Iterator[Move]:
    """A user is erased. The capped one stays: its cap would go with it."""
    for user in set(USERS) - {CAPPED}:
        call = fates.erase(root, user, f"e{next(_names)}", str(node.now))
        yield Move(f"erase {user}", call, partial(judges.erased, user=user, call=call))


def reports(node: Node, root: str) -> Iterator[Move]:
    """A worker says how far a run has come."""
    for worker in WORKERS:
        for name, grant in node.held(worker):
            report = progress.Report(grant.member, grant.token, Progress(50, ""))
            yield Move(f"{worker} reports on {name.task_id}", progress.report(root, [report]), judges.noted)


def leaves(node: Node, root: str) -> Iterator[Move]:
    """A run leaves a value."""
    for worker in WORKERS:
        for name, grant in node.held(worker):
            call = xcom.push(root, grant, "key", b"1", KEEP, "run", str(node.now))
            yield Move(f"{worker} leaves a value of {name.task_id}", call, judges.left)


def claims_one(node: Node, root: str) -> Iterator[Move]:
    """Each worker asks for a task."""
    for worker in WORKERS:
        call = settle(node, root, worker, want=1)
        yield Move(f"{worker} claims", call, partial(judges.settled, worker=worker, ended=None, want=1, call=call))


def ends(node: Node, root: str, kind: Kind, want: int) -> Iterator[Move]:
    """A run ends, and its worker wants the next task."""
    for worker in WORKERS:
        for name, grant in node.held(worker):
            call = settle(node, root, worker, [(grant, WAYS[kind][0])], want)
            label = f"{worker} ends {name.task_id}: {kind}{', and claims' if want else ''}"
            yield Move(label, call, partial(judges.settled, worker=worker, ended=(name, kind), want=want, call=call))


def renews(node: Node, root: str) -> Iterator[Move]:
    """A worker renews a lease."""
    for worker in WORKERS:
        for name, grant in node.held(worker):
            call = claims.renew(root, [(grant.member, grant.token)], LEASE, str(node.now))
            yield Move(f"{worker} renews {name.task_id}", call, partial(judges.renewed, name=name))


def deletes(node: Node, root: str) -> Iterator[Move]:
    """A program deletes a task."""
    for name in node.model.tasks:
        call = tasks.delete(root, *name, f"d{next(_names)}", str(node.now))
        yield Move(f"delete {name.task_id}", call, partial(judges.deleted, name=name, call=call))


def crashes(node: Node, root: str) -> Iterator[Move]:  # noqa: ARG001 - the shape of an action
    """A worker dies and comes back; it knows nothing of what it held."""
    for worker in WORKERS:
        lost = frozenset(name for name, _ in node.held(worker))
        if lost:
            yield Move(f"{worker} crashes", None, partial(_die, lost=lost))


def _die(node: Node, _: Any, *, lost: frozenset[Name]) -> None:
    node.dead |= lost


def waits(node: Node, root: str) -> Iterator[Move]:  # noqa: ARG001
    """Time passes until the next task is due, the next lease lapses, or a task must have started."""
    entries = node.model.tasks.values()
    for what, instants in (
        ("a task is due", [entry.at for entry in entries if entry.letter == "W"]),
        ("a lease lapses", [entry.at for entry in entries if entry.letter == "R"]),
        ("it is too late to start", [entry.last_start or 0 for entry in entries if entry.letter in "QW"]),
    ):
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
    "push, to start in time": pushes_expiring,
    "cancel": cancels,
    "requeue": requeues,
    "purge": purges,
    "erase": erases,
    "progress": reports,
    "xcom": leaves,
}
"""What can be explored besides."""
