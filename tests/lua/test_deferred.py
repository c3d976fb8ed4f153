"""No child waits unseen for what never comes: parents that are gone, time, ends of its own, damage (I17, I22)."""

from __future__ import annotations

import pytest

from fairque.store import fates, tasks
from tests.lua.scene import BURY, DONE, Scene, ids_of
from tests.lua.test_release import EFFECTS, ENDS, End
from tests.lua.test_retention import MINUTE, remaining
from tests.lua.weaving import (
    Knot,
    cancel,
    depend,
    letters,
    reason,
    record,
    run_of,
    weave,
)
from tests.lua.web import check_webs, look

# --- gone -----------------------------------------------------------------------------------------------------------


def expire(scene: Scene) -> None:
    scene.end([run_of(scene, "p")], BURY, keep=60)
    for _ in range(4):
        scene.now += MINUTE
        scene.settle()


def purge(scene: Scene) -> None:
    scene.end([run_of(scene, "p")], BURY)
    assert scene.run(fates.purge(scene.root, "a", ["p"], scene.name("p"), scene.at())) == 1


def evict(scene: Scene) -> None:
    scene.end([run_of(scene, "p")], BURY)
    scene.now += 1
    scene.kept_bytes = 1
    scene.push("a", "other")
    scene.end([run_of(scene, "other")], BURY)


def delete_failed(scene: Scene) -> None:
    scene.end([run_of(scene, "p")], BURY)
    assert scene.delete("a", "p")


@pytest.mark.parametrize("go", [expire, purge, evict, delete_failed])
@pytest.mark.parametrize("own", [True, False])
def test_without_its_parent_a_child_is_canceled_and_a_hook_is_gone(scene: Scene, go: End, own: bool) -> None:
    if own:
        weave(scene, Knot("p"), Knot("t", "p"), Knot("u", "t", "r"), Knot("hook", "p", "s"))
    else:
        scene.push("a", "p")
        weave(scene, Knot("t", outside="p"), Knot("u", "t", "r"), Knot("hook", policy="s", outside="p"))
    go(scene)
    look(scene)
    assert letters(scene, "p t u hook") == "-CQ-"
    assert reason(scene, "t") == "orphaned"


def test_a_child_that_is_orphaned_leaves_its_own_to_their_policies(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p"), *(Knot(policy, "t", policy) for policy in "wrcsf"))
    assert scene.delete("a", "p")
    look(scene)
    assert letters(scene, "t w r c s f") == "CDQCDD"


def test_a_hook_that_is_dropped_takes_its_own_hooks_along(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("hook", "p", "f"), Knot("s", "hook", "s"), Knot("f", "hook", "f"), Knot("t", "hook"))
    scene.run(tasks.wait(scene.root, "a", "hook", "waiter", listed=True))
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert letters(scene, "p hook s f t") == "F----"
    assert scene.woken("waiter") == ["waiter"]
    assert not scene.client.exists(scene.key("waiters"))


def test_a_user_that_is_erased_while_its_children_are_to_be_told_leaves_others_alone(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p"))
    assert scene.delete("a", "p")
    while scene.run(fates.erase(scene.root, "a", scene.name("e"), scene.at()))[0]:
        pass
    scene.settle()
    look(scene)
    assert remaining(scene) == {"stats"}
    weave(scene, Knot("p"), Knot("t", "p"), user="b")
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert letters(scene, "t", user="b") == "Q"


# --- time, and ends of one's own ------------------------------------------------------------------------------------


def test_a_task_with_a_delay_is_scheduled_when_its_parents_have_ended(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("soon", "p", when="+1000"), Knot("late", "p", when="+9000"))
    assert letters(scene, "soon late") == "DD"
    grant = run_of(scene, "p")
    scene.now += 2000
    scene.end([grant], DONE)
    look(scene)
    assert letters(scene, "soon late") == "QW"
    assert (scene.stat("deferred"), scene.stat("scheduled")) == (0, 1)
    scene.now += 7000
    look(scene)
    assert letters(scene, "late") == "Q"


def test_a_task_may_expire_while_it_waits_and_after(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p", when="/1000"), Knot("u", "p", when="/3000"), Knot("child", "t", "r"))
    scene.now += 1001
    look(scene)
    assert letters(scene, "p t u child") == "QCDQ"
    assert reason(scene, "t") == "expired"
    scene.limit_user("a", paused=True)
    scene.limit_user("a", mode="reset")
    scene.end([run_of(scene, "p")], DONE)
    assert letters(scene, "u") == "Q"
    scene.now += 2000
    look(scene)
    assert letters(scene, "u") == "C"


def test_a_task_that_waits_can_be_canceled(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p", label="m:f #key"), Knot("u", "t", "c"))
    assert cancel(scene, "t") == fates.Canceled.CANCELED
    look(scene)
    assert letters(scene, "p t u") == "QCC"
    assert scene.push("a", "new", label="m:f #key")[0].created
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert ids_of(scene.claim(9)) == ["new"]


def test_a_task_that_waits_can_be_deleted(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p", label="m:f #key"), Knot("u", "t"))
    assert scene.delete("a", "t")
    look(scene)
    assert letters(scene, "p t u") == "Q-C"
    assert scene.push("a", "t", label="m:f #key")[0].created
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert ids_of(scene.claim(9)) == ["t"]


def test_dependencies_are_within_one_user(scene: Scene) -> None:
    scene.push("a", "p")
    scene.push("b", "p")
    depend(scene, "t", "p", user="b")
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert letters(scene, "t", user="b") == "D"


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["F", "C"])
@pytest.mark.parametrize("policy", "wc")
def test_a_child_whose_record_nobody_can_read_is_failed_and_bars_nobody(scene: Scene, letter: str, policy: str) -> None:
    scene.push("a", "p")
    for task_id in ("broken", "t"):
        depend(scene, task_id, "p", policy)
    depend(scene, "u", "broken", "r")
    scene.client.hset(scene.key("user:a:tasks"), "broken", "not a record")
    ENDS[letter](scene)
    scene.settle()
    told = letter == "F" or policy == "c"
    assert letters(scene, "t u") == (EFFECTS[letter][policy] + "Q" if told else "DD")
    assert (reason(scene, "broken") == "corrupt") is told if told else True
    if told:
        check_webs(scene)


def test_a_child_whose_record_is_gone_is_passed_over(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("lost", "p"), Knot("t", "p"))
    scene.client.hdel(scene.key("user:a:tasks"), "lost")
    scene.end([run_of(scene, "p")], DONE)
    scene.settle()
    assert letters(scene, "t") == "Q"
    assert scene.stat("deferred") == 0


def test_what_somebody_else_wrote_among_the_children_is_passed_over(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p"))
    scene.client.lpush(scene.key("user:a:children:p"), "stranger", "w:", "w7:nobody", "z1:t")
    scene.client.rpush(scene.key("releases"), "stranger", "F:x:y", "F::a|nobody", "G::")
    scene.client.hset(scene.key("stats"), "releasing", 4)
    scene.end([run_of(scene, "p")], DONE)
    for _ in range(3):
        scene.settle()
    assert letters(scene, "t") == "Q"
    check_webs(scene)


def test_nothing_of_links_is_left(scene: Scene) -> None:
    scene.push("a", "p")
    for policy in "wrc":
        depend(scene, f"{policy}1", "p", policy)
        depend(scene, f"{policy}2", f"{policy}1 p", policy)
    assert record(scene, "w2") is not None
    scene.end([run_of(scene, "p")], BURY)
    for _ in range(10):
        scene.drain()
        scene.now += 61 * MINUTE
        look(scene)
    assert remaining(scene) == {"stats"}
