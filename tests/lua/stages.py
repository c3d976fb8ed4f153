"""Queues in which a bit of everything stands: what a call meets on its way through the scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fairque.store import claims, tasks
from fairque.store.records import Grant
from tests.lua.scene import BURY, DONE, Scene, again

ASSIGNED, STEAL = ["a", "b", "e"], ["c", "d", "f"]
LISTS: Final = claims.lists_of(ASSIGNED, STEAL)
LONG: Final = 3600.0
"""Seconds: leases that last."""


@dataclass
class Stage:
    """A queue, and what its workers hold: by `user task`."""

    scene: Scene
    held: dict[str, Grant] = field(default_factory=dict)

    def claim(self, want: int, *, worker: str = "w", lease: float = LONG, lists: claims.Lists = LISTS) -> list[Grant]:
        """Let a worker claim and keep what it gets."""
        grants = self.scene.claim(want, worker=worker, lease=lease, lists=lists)
        self.held |= {f"{grant.user_id} {grant.task_id}": grant for grant in grants}
        return grants

    def one_of(self, user: str) -> Grant:
        """Return a run of this user."""
        return next(grant for grant in self.held.values() if grant.user_id == user)


def plain(scene: Scene) -> Stage:
    """No caps: ready tasks of all levels, running, scheduled, failed, finished, lost and lapsed ones."""
    stage = Stage(scene)
    scene.beat("gone")
    for users in (ASSIGNED, STEAL, *"bcdef"):
        scene.register([*users])
    scene.push("a", "failed", "done", "retried", "a4", "a5")
    scene.end(scene.claim(1), BURY, keep=120)
    scene.end(scene.claim(1), DONE)
    scene.end(scene.claim(1), again(60))
    scene.push("d", "suspect")
    stage.claim(1, worker="dead", lease=1.0, lists=claims.lists_of(STEAL, []))
    scene.now += 2000
    scene.push("c", "c1", "c2")
    stage.claim(3, lists=claims.lists_of(STEAL, []))
    scene.push("f", "lapsed", "f2")
    stage.claim(1, worker="dead", lease=70.0, lists=claims.lists_of(["f"], []))
    for level in (1, 2, 4, 5, 6):
        scene.push("a", f"a-{level}", level=level)
    scene.push("b", "b1", "b2", "b3")
    scene.push("b", "due", "later", when="+62000")
    stage.claim(2)
    for user in ("a", "c"):
        run = stage.one_of(user)
        scene.run(tasks.wait(scene.root, run.user_id, run.task_id, "waiter", listed=True))
    scene.run(claims.beat(scene.root, "w", "beat", b"{}", lists=LISTS, served={("a", "starts"): 1}, now=scene.at()))
    return stage


def capped(scene: Scene) -> Stage:
    """As `plain`, and users, names and the queue have caps: users are held for each of them, tasks are set aside."""
    scene.limit_user("*", weight=2)
    scene.limit_user("c", rate="2/m", burst=2)
    scene.limit_task("m:g", max_concurrency=1)
    scene.limit_queue(max_concurrency=50, rate="1000/s")
    stage = plain(scene)
    scene.limit_user("b", max_concurrency=1)
    scene.limit_user("e", paused=True)
    scene.push("e", "e1")
    scene.push("c", "c3", "c4")
    for user in ("d", "f"):
        scene.push(user, "g1", "g2", "g3", label="m:g")
        scene.push(user, "critical", level=6, label="m:g")
        stage.claim(2, lists=claims.lists_of([user], []))
    for user in ("b", "c", "e"):
        stage.claim(1, lists=claims.lists_of([user], []))
    scene.push("f", "f3")
    return stage


def timed(scene: Scene) -> Stage:
    """As `capped`, in a queue that charges run time."""
    stage = capped(scene)
    scene.end(stage.claim(1), DONE, ran=0.5)
    return stage


def drained(scene: Scene) -> Stage:
    """Nothing is ready, held or running; one task is scheduled."""
    scene.push("a", "a1", "a2")
    scene.end(scene.claim(1), DONE)
    scene.end(scene.claim(1), again(1))
    return Stage(scene)


def later(stage: Stage) -> None:
    """A minute on, in which Redis did not stand still: tasks are due, a lease has lapsed, records have expired."""
    scene = stage.scene
    for _ in range(75):
        scene.now += 1000
        scene.beat("w", LISTS)
    for scope in ("*", *LISTS):
        scene.client.zadd(scene.key(f"sleep:{scope}"), {"asleep": scene.now})


STAGES: Final[dict[str, tuple[Callable[[Scene], Stage], str]]] = {
    "plain": (plain, "count"),
    "capped": (capped, "count"),
    "declared": (capped, "declared"),
    "timed": (timed, "time"),
    "drained": (drained, "time"),
}
"""By name: how it is made, and what the queue charges."""


def stage(name: str, scene: Scene) -> Stage:
    """Return a stage as a call finds it."""
    made = STAGES[name][0](scene)
    later(made)
    return made
