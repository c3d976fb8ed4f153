"""Queues in which a bit of everything stands: what a call meets on its way through the scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from fairque.core.outcome import Progress
from fairque.store import claims, fates, flows, progress, tasks, xcom
from fairque.store.call import Call
from fairque.store.flows import Fence
from fairque.store.records import Grant
from fairque.store.schedules import Schedule
from tests.lua.scene import BURY, DONE, Scene, again
from tests.lua.timetable import fire, firing, known, planned, task_of, tick
from tests.lua.weaving import MARK, Knot, depend, weave

ASSIGNED, STEAL = ["a", "b", "e"], ["c", "d", "f"]
LISTS: Final = claims.lists_of(ASSIGNED, STEAL)
LONG: Final = 3600.0
"""Seconds: leases that last."""
STAGED: Final = "g00000000000001"
"""The mark of a flow that is being handed in."""
LEFT: Final = "g00000000000002"
"""That of one of which nothing but its name is left."""
ENDED: Final = "g00000000000003"
"""That of one that has ended."""
LATE: Final = "g00000000000004"
"""That of one that nobody has gone on with."""


@dataclass
class Stage:
    """A queue, what its workers hold (by `user task`), and its schedules as they were read."""

    scene: Scene
    held: dict[str, Grant] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)

    def claim(self, want: int, *, worker: str = "w", lease: float = LONG, lists: claims.Lists = LISTS) -> list[Grant]:
        """Let a worker claim and keep what it gets."""
        grants = self.scene.claim(want, worker=worker, lease=lease, lists=lists)
        self.held |= {f"{grant.user_id} {grant.task_id}": grant for grant in grants}
        return grants

    def leases(self) -> list[tuple[bytes, bytes]]:
        """Return what proves these runs: member and token of each."""
        return [(grant.member, grant.token) for grant in self.held.values()]


def plain(scene: Scene) -> Stage:
    """No caps: ready tasks of all levels, running, scheduled, failed, finished, lost and lapsed ones."""
    stage = Stage(scene)
    scene.beat("gone")
    for users in (ASSIGNED, STEAL, *"bcdef"):
        scene.register([*users])
    scene.push("a", "failed", label="m:f #failed")
    scene.push("a", "done", "made", "retried", "a4", "a5")
    scene.end(scene.claim(1), BURY, keep=120)
    scene.end(scene.claim(1), DONE)
    scene.end(scene.claim(1), DONE, keep=LONG)
    scene.end(scene.claim(1), again(60))
    scene.push("h", "only")
    scene.end(scene.claim(1), BURY)
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
    for user, task in (("a", "a-6"), ("c", "c1"), ("b", "b2")):
        scene.run(tasks.wait(scene.root, user, task, "waiter", listed=True))
    scene.push("a", "runs", label="m:f #running", level=6)
    stage.claim(1)
    leave_values(stage)
    scene.push("a", "unique", label="m:f #key")
    scene.push("c", "canceled")
    scene.push("b", "late", when="/60000")
    report = progress.Report(stage.held["a a-6"].member, stage.held["a a-6"].token, Progress(50, ""))
    scene.run(progress.report(scene.root, [report]))
    for user, task in (("c", "c1"), ("b", "b3"), ("c", "canceled")):
        scene.run(fates.cancel(scene.root, user, task, 7200, f"cancel {task}", now=scene.at()))
    plan_some(stage)
    scene.run(claims.beat(scene.root, "w", "beat", b"{}", lists=LISTS, served={("a", "starts"): 1}, now=scene.at()))
    return stage


def plan_some(stage: Stage) -> None:
    """Let users have schedules, and a scheduler the lock. Most are due; of one the last task lives, one's unique key is
    taken, and one's next task has the id of one that has ended.
    """
    scene, found = stage.scene, stage.schedules
    found["due"], found["other"] = planned(scene, "due"), planned(scene, "other", "c")
    found["later"] = planned(scene, "later", "b", ms=9_000_000)
    found["unique"] = planned(scene, "unique", label="m:f #key")
    assert fire(scene, firing(planned(scene, "again", overlap="s"))) == [True]
    found["again"] = known(scene, "again")
    scene.push("a", task_of(found["due"]))
    scene.run(fates.cancel(scene.root, "a", task_of(found["due"]), 7200, "cancel due", now=scene.at()))
    scene.run(tick(scene, lease=LONG))


def leave_value(stage: Stage, key: str, scope: xcom.Scope) -> Call[bool]:
    """Return a push of an XCom value."""
    return xcom.push(stage.scene.root, stage.held["a runs"], key, b"1", LONG, scope, stage.scene.at())


def find_value(stage: Stage, key: str) -> Call[xcom.Value | None]:
    """Return a pull of an XCom value by a task of a flow."""
    return xcom.pull(stage.scene.root, replace(stage.held["a runs"], nonce=MARK), key)


def leave_values(stage: Stage) -> None:
    """Let a run leave XCom values: for itself, for its user, and some whose time is over; and name a task's result as a
    flow does.
    """
    scene, run = stage.scene, stage.held["a runs"]
    keys: dict[str, xcom.Scope] = {"own": "run", "past": "run", "shared": "user"}
    for key, scope in keys.items():
        scene.run(leave_value(stage, key, scope))
    scene.client.zadd(scene.key("user:a:xcom"), {f"{run.nonce}:past": scene.now})
    scene.client.hset(scene.key(f"user:a:keys:{MARK}"), "made", "made")


def capped(scene: Scene) -> Stage:
    """As `plain`, and users, names and the queue have caps: users are held for each of them, tasks are set aside.
    Meant for a queue that charges run time.
    """
    scene.limit_user("*", weight=2)
    scene.limit_user("c", rate="2/m", burst=2)
    scene.limit_task("m:g", max_concurrency=1)
    scene.limit_task("m:h", rate="1/h", burst=1)
    scene.limit_queue(max_concurrency=50, rate="1000/s")
    stage = plain(scene)
    scene.limit_user("b", max_concurrency=1)
    scene.limit_user("e", paused=True)
    scene.push("e", "e1")
    scene.push("c", "c3", "c4")
    for user in ("d", "f"):
        scene.push(user, "g1", "g2", "g3", label="m:g")
        scene.push(user, "critical", level=6, label="m:g")
        scene.push(user, "h1", "h2", label="m:h")
        stage.claim(3, lists=claims.lists_of([user], []))
    for user in ("b", "c", "e"):
        stage.claim(1, lists=claims.lists_of([user], []))
    scene.push("f", "f3")
    scene.end(stage.claim(1), DONE, ran=0.5)
    return stage


def drained(scene: Scene) -> Stage:
    """Nothing is ready, held or running; one task is scheduled, one is finished."""
    scene.beat("w")
    scene.push("a", "a1", "a2")
    scene.end(scene.claim(1), DONE)
    scene.end(scene.claim(1), again(1))
    return Stage(scene)


def woven(scene: Scene) -> Stage:
    """Graphs of one user: one that goes on, one that has ended, one that is being handed in and one that is being
    dropped; children of a task that failed and of one that is gone; and a run has added tasks that others wait for.
    """
    stage = Stage(scene)
    for worker in ("w", "asleep"):
        scene.beat(worker)
    weave(scene, Knot("done", key="rows"), Knot("also", "done"), mark=ENDED, run_id="ended")
    scene.drain()
    scene.push("a", "failed")
    scene.end(scene.claim(1), BURY, keep=7200)
    scene.push("a", "gone", "canceled", when="+9000000")
    for parent, policy in (("failed", "w"), ("failed", "r"), ("gone", "w"), ("gone", "r"), ("canceled", "w")):
        depend(scene, f"{parent}-{policy}", parent, policy)
    weave(scene, Knot("x"), Knot("y", "x", when="/60000"), Knot("z", "x", when="+9000000"), Knot("hook", "x", "f"))
    weave(scene, Knot("holder"), Knot("y2", "y", "c"), Knot("both", "x holder"), mode="join")
    stage.claim(9, lists=claims.SERVES_ALL)
    fence = Fence(stage.held["a holder"].member, stage.held["a holder"].token, holds=True)
    weave(scene, Knot("added"), mode="join", fence=fence, last=["added"])
    weave(scene, Knot("l1"), Knot("l2", "l1"), mark=LATE, mode="first")
    return stage


def minutes_on(scene: Scene) -> None:
    """Minutes pass: tasks are due, a lease has lapsed, records have expired."""
    for _ in range(70):
        scene.now += 2000
        scene.beat("w", LISTS)


def others_are_woven(scene: Scene) -> None:
    """Minutes pass, and then others are at their graphs."""
    minutes_on(scene)
    weave(
        scene, Knot("s1", key="rows"), Knot("s2", "s1", label="m:f #s2"), Knot("s3", later=3), mark=STAGED, mode="first"
    )
    weave(scene, Knot("left", key="left"), mark=LEFT, mode="first")
    scene.run(flows.abandon(scene.root, "a", LEFT, scene.at()))
    scene.run(flows.wait(scene.root, "a", MARK, "waiter", listed=True))
    scene.run(fates.cancel(scene.root, "a", "canceled", 7200, "cancel", now=scene.at()))
    scene.delete("a", "gone")


def silence(scene: Scene) -> None:
    """Minutes pass in which Redis stands still."""
    scene.now += 140_000


STAGES: Final[dict[str, tuple[Callable[[Scene], Stage], str, Callable[[Scene], None]]]] = {
    "plain": (plain, "count", minutes_on),
    "capped": (capped, "time", minutes_on),
    "woven": (woven, "count", others_are_woven),
    "drained": (drained, "time", silence),
}
"""By name: how it is made, what the queue charges, and what happens until a call finds it."""


def stage(name: str, scene: Scene) -> Stage:
    """Return a stage as a call finds it, with workers asleep."""
    make, _, pass_time = STAGES[name]
    made = make(scene)
    pass_time(scene)
    for scope in ("*", *LISTS, *(claims.digest([user]) for user in "bcdef")):
        scene.client.zadd(scene.key(f"sleep:{scope}"), {"asleep": scene.now})
    return made
