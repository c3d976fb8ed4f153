"""Calls about graphs, against the stage that has some."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fairque.core.outcome import Outcome
from fairque.store import checkup_links, fates, flows
from fairque.store.call import Call
from fairque.store.flows import Fence, Joint
from tests.lua.book import AnyCall, Make, call
from tests.lua.scene import BURY, DONE
from tests.lua.stages import LEFT, STAGED, Stage
from tests.lua.task_calls import cancel, delete, end_run
from tests.lua.weaving import MARK, OTHER, Knot, abandon, enqueue, flow, launch, link

NEW = Knot("n1", key="rows"), Knot("n2", "n1", label="m:f #new"), Knot("n3", "n1 n2", "c", outside="failed", when="+9")


def graph_call(script: str, what: str) -> Callable[[Make], Make]:
    """Add a call to the table that is made where there are graphs."""

    def add(make: Make) -> Make:
        def there(stage: Stage) -> AnyCall:
            assert stage.held["a holder"], "else it is no such stage"
            return make(stage)

        return call(script, what)(there)

    return add


def fence_of(stage: Stage, run: str) -> Fence:
    """Return what proves a run, whose children are to wait."""
    return Fence(stage.held[run].member, stage.held[run].token, holds=True)


graph_call("enqueue", "a whole graph")(lambda stage: enqueue(stage.scene, *NEW, mark=OTHER, run_id="new"))
graph_call("enqueue", "a graph of a run id that is free again")(
    lambda stage: enqueue(stage.scene, *NEW, mark=OTHER, run_id="ended")
)
graph_call("enqueue", "in place of tasks that have ended")(
    lambda stage: enqueue(stage.scene, Knot("done"), Knot("failed", "done"), mark=OTHER)
)
graph_call("enqueue", "a first part")(lambda stage: enqueue(stage.scene, *NEW, mark=OTHER, mode="first"))
graph_call("enqueue", "another part")(lambda stage: enqueue(stage.scene, *NEW, mark=STAGED, mode="stage"))
graph_call("enqueue", "a check")(lambda stage: enqueue(stage.scene, *NEW, mark=OTHER, mode="check"))
graph_call("enqueue", "what a run adds to its flow")(
    lambda stage: enqueue(stage.scene, *NEW, mode="join", fence=fence_of(stage, "a x"), last=["n2", "n3"])
)
graph_call("enqueue", "what waits for others")(
    lambda stage: enqueue(stage.scene, Knot("n", "", "c", "failed y"), Knot("m", "", "r", "failed"), mode="push")
)
graph_call("enqueue", "what waits for nobody")(
    lambda stage: enqueue(stage.scene, Knot("n", outside="done"), mode="push")
)
graph_call("link", "edges")(
    lambda stage: link(stage.scene, "matrix", ("s3", "w", "s1"), ("s3", "w", "s2"), ("s1", "w", "s2"), mark=STAGED)
)
graph_call("launch", "a graph")(lambda stage: launch(stage.scene, 3, STAGED))
graph_call("abandon", "a part")(lambda stage: abandon(stage.scene, STAGED))
graph_call("abandon", "the rest")(lambda stage: abandon(stage.scene, LEFT))
graph_call("flow", "by mark")(lambda stage: Call("flow", stage.scene.root, ("a", MARK, 0), list))
graph_call("flow", "by run id")(lambda stage: Call("flow", stage.scene.root, ("a", "ended", 0), list))
for what in ("records", "heads"):
    graph_call("tasks", what)(
        lambda stage, what=what: Call("tasks", stage.scene.root, ("a", what, "x", "y", "done", "none"), list)  # type: ignore[misc]
    )
graph_call("check_links", "of a user")(lambda stage: checkup_links.look_at_links(stage.scene.root, "a"))
graph_call("check_flow", "that lives")(lambda stage: checkup_links.look_at_flow(stage.scene.root, flow(stage.scene)))
graph_call("wait", "for a flow")(lambda stage: flows.wait(stage.scene.root, "a", MARK, "matrix", listed=True))
graph_call("wait", "for a flow no longer")(
    lambda stage: flows.wait(stage.scene.root, "a", MARK, "waiter", listed=False)
)
for run in ("a x", "a holder"):
    for way in (DONE, BURY):
        outcome: Outcome = way
        graph_call("settle", f"{run}: {type(way).__name__}")(partial(end_run, run_name=run, outcome=outcome, want=20))
for task in ("a y", "a s2", "a gone-w", "a failed-w"):
    graph_call("delete", f"of a graph: {task}")(partial(delete, task=task))
    graph_call("cancel", f"of a graph: {task}")(partial(cancel, task=task))


def requeue(stage: Stage, policy: str) -> AnyCall:
    """Return a request to queue a task again that waits for others."""
    joints = [("canceled", Joint(policy, (), ("failed", "y"))), ("failed", None)]
    return fates.requeue(stage.scene.root, "a", joints, "matrix", now=stage.scene.at())


for policy in "wrcsf":
    graph_call("requeue", f"of a graph: {policy}")(partial(requeue, policy=policy))
graph_call("purge", "of a parent")(
    lambda stage: fates.purge(stage.scene.root, "a", ["failed"], "matrix", stage.scene.at())
)
