"""What waits for a task waits for what that has added, too (I6, I17)."""

from __future__ import annotations

import pytest

from fairque.core.outcome import Outcome
from fairque.store import fates
from fairque.store.flows import Fence
from tests.lua.scene import BURY, DONE, LEASE, Scene, again, ids_of
from tests.lua.test_retention import MINUTE
from tests.lua.weaving import (
    OTHER,
    Knot,
    cancel,
    depend,
    letters,
    reason,
    requeue,
    run_of,
    weave,
)
from tests.lua.web import check_webs, look


def fence_of(scene: Scene, task_id: str) -> Fence:
    grant = run_of(scene, task_id)
    return Fence(grant.member, grant.token, holds=True)


def test_children_wait_for_what_their_parent_adds(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p"))
    grant = run_of(scene, "p")
    fence = Fence(grant.member, grant.token, holds=True)
    weave(scene, Knot("x"), Knot("y", "x"), mark=OTHER, fence=fence, last=["y"])
    check_webs(scene)
    scene.end([grant], DONE)
    look(scene)
    assert letters(scene, "p t x y") == "FDQD"
    for task_id in "xy":
        assert letters(scene, "t") == "D"
        scene.end([run_of(scene, task_id)], DONE)
        look(scene)
    assert letters(scene, "t") == "Q"
    assert scene.stat("holding") == 0


def test_what_is_added_may_end_before_its_parent_does(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p"))
    grant = run_of(scene, "p")
    fence = Fence(grant.member, grant.token, holds=True)
    weave(scene, Knot("x"), mode="join", fence=fence, last=["x"])
    weave(scene, Knot("y"), mode="join", fence=fence, last=["y"])
    for task_id in "xy":
        scene.end([run_of(scene, task_id)], DONE)
        look(scene)
        assert letters(scene, "p t") == "RD"
    scene.end([grant], DONE)
    look(scene)
    assert letters(scene, "t") == "Q"


@pytest.mark.parametrize("keep", [60, 3600])
def test_what_is_added_holds_over_retries_and_its_parents_end(scene: Scene, keep: int) -> None:
    scene.push("a", "p")
    depend(scene, "t", "p")
    for attempt in range(2):
        grant = run_of(scene, "p")
        fence = Fence(grant.member, grant.token, holds=True)
        scene.push("a", "first", level=6)
        weave(
            scene, Knot(f"x{attempt}", when="+600000"), mark=f"{OTHER[:-1]}{attempt}", fence=fence, last=[f"x{attempt}"]
        )
        scene.delete("a", "first")
        scene.end([grant], DONE if attempt else again(0), keep=keep)
        look(scene)
    for _ in range(4):
        scene.now += MINUTE
        look(scene)
    assert letters(scene, "p t x0 x1") == "FDWW"
    scene.now += 10 * MINUTE
    scene.end(scene.claim(1), DONE)
    look(scene)
    assert letters(scene, "t") == "D"
    scene.end(scene.claim(1), DONE)
    look(scene)
    assert letters(scene, "t") == "Q"


@pytest.mark.parametrize("way", [DONE, BURY])
def test_what_is_added_and_fails_leaves_its_parents_children_waiting_until_it_is_gone(
    scene: Scene, way: Outcome
) -> None:
    weave(scene, Knot("p"), Knot("t", "p"), Knot("hook", "p", "s"))
    grant = run_of(scene, "p")
    weave(scene, Knot("x"), mode="join", fence=Fence(grant.member, grant.token, holds=True), last=["x"])
    scene.end([run_of(scene, "x")], BURY)
    scene.end([grant], DONE)
    look(scene)
    assert letters(scene, "t hook") == "DD"
    if way is DONE:
        assert requeue(scene, "x")
        scene.end([run_of(scene, "x")], DONE)
        look(scene)
        assert letters(scene, "t hook") == "QQ"
    else:
        assert scene.delete("a", "x")
        look(scene)
        assert letters(scene, "t hook") == "C-"
        assert reason(scene, "t") == "orphaned"
    assert scene.stat("holding") == 0


@pytest.mark.parametrize("how", ["delete", "erase", "cancel and push", "cancel and wait again"])
def test_whatever_becomes_of_a_task_that_others_hold_nothing_of_it_is_left(scene: Scene, how: str) -> None:
    scene.push("a", "p")
    grant = run_of(scene, "p")
    weave(scene, Knot("x"), fence=Fence(grant.member, grant.token, holds=True), last=["x"])
    check_webs(scene)
    x = run_of(scene, "x")
    scene.end([grant], again(5))
    if how == "delete":
        assert scene.delete("a", "p")
    elif how == "erase":
        scene.run(fates.erase(scene.root, "a", "e", scene.at()))
    elif how == "cancel and push":
        cancel(scene, "p")
        scene.push("a", "p")
    else:
        cancel(scene, "p")
        assert requeue(scene, "p", "x")
    look(scene)
    scene.end([x], DONE)
    look(scene)
    assert (scene.stat("holding"), scene.stat("deferred"), scene.stat("parents")) == (0, 0, 0)
    if how.startswith("cancel"):
        assert ids_of(scene.claim(9)) == ["p"]


def test_a_run_that_has_lost_its_lease_adds_nothing(scene: Scene) -> None:
    scene.push("a", "p")
    fence = fence_of(scene, "p")
    scene.now += int(LEASE * 1000)
    scene.settle()
    before = scene.dump()
    scene.now += 1
    with pytest.raises(Exception, match="lease"):
        weave(scene, Knot("x"), fence=fence, last=["x"])
    assert scene.dump() == before
