"""Graphs of tasks in a scene: handed in and told of by the store's own Calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from fairque.core.ids import encode_id
from fairque.store import fates, flows, tasks
from fairque.store.call import Call, carry
from fairque.store.flows import Fence, Joint, Member, Part
from fairque.store.records import Grant, Record
from tests.lua.scene import Scene

MARK: Final = "g0123456789abcde"
OTHER: Final = "gfedcba98765432"
NOBODY: Final = Fence()


class Knot(NamedTuple):
    """A task of a graph. `inside`: its parents there, blanks between; `outside`: others; `later`: edges by `link`."""

    task_id: str
    inside: str = ""
    policy: str = "w"
    outside: str = ""
    when: str = ""
    label: str = "m:f"
    key: str = ""
    later: int = 0


def enqueue(
    scene: Scene,
    *knots: Knot,
    mode: str = "whole",
    mark: str = MARK,
    run_id: str = "",
    user: str = "a",
    beyond: int = 0,
    fence: Fence = NOBODY,
    last: Sequence[str] = (),
) -> Call[list[tasks.Accepted]]:
    """Return the call that hands in these tasks. In mode `push` each is its own."""
    nonce = "" if mode == "push" else mark
    entries = [tasks.Entry(user, knot.task_id, 3, nonce, knot.when, f"{knot.label}|call".encode()) for knot in knots]
    joints = [
        Joint(knot.policy, knot.inside.split(), knot.outside.split(), knot.later)
        if knot.inside or knot.outside or knot.later
        else None
        for knot in knots
    ]
    members = [Member("", n, knot.task_id, "m:f", knot.policy, (), ()) for n, knot in enumerate(knots)]
    keys = [(knot.key, knot.task_id) for knot in knots if knot.key]
    part = Part(entries, joints, members if mode != "push" else (), keys, last)
    return flows.enqueue(
        scene.root, part, mode=mode, mark=mark, run_id=run_id or mark, beyond=beyond, fence=fence, now=scene.at()
    )


def weave(scene: Scene, *knots: Knot, **options: Any) -> None:
    """Hand in a graph in one call."""
    scene.run(enqueue(scene, *knots, **options))


def depend(scene: Scene, task_id: str, parents: str, policy: str = "w", *, user: str = "a", when: str = "") -> None:
    """Push one task that waits for others, parents with blanks between."""
    (answer,) = scene.run(enqueue(scene, Knot(task_id, "", policy, parents, when), mode="push", user=user))
    assert answer.created


def launch(scene: Scene, tasks: int, mark: str = MARK, user: str = "a") -> Call[bool]:
    """Return the call that opens a flow's gate."""
    return flows.launch(scene.root, user, mark, tasks, scene.at())


def link(scene: Scene, request: str, *edges: tuple[str, str, str], mark: str = MARK, user: str = "a") -> Call[bool]:
    """Return the call that adds edges (child, policy, parent)."""
    return flows.link(scene.root, request, user, mark, edges, scene.at())


def abandon(scene: Scene, mark: str = MARK, user: str = "a") -> Call[bool]:
    """Return the call that drops a part of a flow."""
    return flows.abandon(scene.root, user, mark, scene.at())


def cancel(scene: Scene, task_id: str, user: str = "a") -> fates.Canceled:
    """Cancel a task."""
    return scene.run(fates.cancel(scene.root, user, task_id, 60, scene.name("c"), now=scene.at()))


def requeue(scene: Scene, task_id: str, parents: str = "", policy: str = "w", user: str = "a") -> bool:
    """Queue a task again that waits for these parents."""
    joint = Joint(policy, (), parents.split()) if parents else None
    call = fates.requeue(scene.root, user, [(task_id, joint)], scene.name("q"), now=scene.at())
    return scene.run(call) == [fates.Requeued.QUEUED]


def record(scene: Scene, task_id: str, user: str = "a") -> Record | None:
    """Return a task as it stands."""
    return scene.run(tasks.get(scene.root, task_id, user))


def letters(scene: Scene, ids: str, user: str = "a") -> str:
    """Return the letters of these tasks (blanks between), R for one that runs, - for one that is not there."""
    found = (record(scene, task_id, user) for task_id in ids.split())
    return "".join("-" if one is None else "R" if one.run else one.letter for one in found)


def reason(scene: Scene, task_id: str, user: str = "a") -> str:
    """Return why a task was canceled or failed: the word that Lua gave it."""
    text: Any = scene.client.hget(scene.key(f"user:{encode_id(user)}:tasks"), task_id)
    length, _, rest = text.partition(b"|")[2].partition(b":")
    return str(rest[: int(length)].decode())


def run_of(scene: Scene, task_id: str) -> Grant:
    """Claim a task, which must be next."""
    (grant,) = scene.claim(1)
    assert grant.task_id == task_id
    return grant


def flow(scene: Scene, name: str = MARK, user: str = "a") -> flows.Flow:
    """Return a flow."""
    found = carry(flows.read(scene.root, user, name), scene.run)
    assert found is not None
    return found
