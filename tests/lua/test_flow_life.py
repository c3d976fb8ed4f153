"""What is known of a flow is what there is, for as long as it is needed; and a run may add to its own (I1, I6, I22)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from fairque.core.outcome import Outcome
from fairque.errors import FlowGone
from fairque.store import fates, flows
from fairque.store.flows import Fence
from tests.lua.parts import hand_in
from tests.lua.scene import BURY, DONE, Scene, again
from tests.lua.test_retention import MINUTE, remaining
from tests.lua.test_stale import standing
from tests.lua.weaving import (
    MARK,
    OTHER,
    Knot,
    cancel,
    enqueue,
    flow,
    letters,
    reason,
    requeue,
    run_of,
    weave,
)
from tests.lua.web import check_webs

# --- what is added by a run -----------------------------------------------------------------------------------------


def test_what_a_run_adds_to_its_flow_belongs_to_it(scene: Scene) -> None:
    weave(scene, Knot("x"), Knot("y", "x"))
    grant = run_of(scene, "x")
    weave(scene, Knot("n1"), Knot("n2", "n1"), mode="join", fence=Fence(grant.member, grant.token))
    check_webs(scene)
    assert flow(scene)[3:5] == (4, 2)
    scene.end([grant], DONE)
    scene.drain()
    assert flow(scene)[3:8] == (4, 0, 4, 0, 0)


def test_a_second_attempt_adds_only_what_the_first_had_not_come_to(scene: Scene) -> None:
    weave(scene, Knot("x"), Knot("child", "x"))
    grant = run_of(scene, "x")
    added = [Knot("n1"), Knot("hook", "n1", "f"), Knot("n2", "n1")]
    fence = Fence(grant.member, grant.token, holds=True)
    first = enqueue(scene, *added, mode="join", fence=fence, last=["n2"])
    scene.run(first)
    scene.end([run_of(scene, "n1")], DONE)
    assert letters(scene, "n1 hook n2") == "F-Q"
    scene.run(first)
    for _ in range(2):
        scene.settle()
        check_webs(scene)
    assert letters(scene, "n1 hook n2") == "F-Q"
    weave(scene, *added, Knot("n3", "n1"), mode="join", fence=fence, last=["n2", "n3"])
    for _ in range(2):
        scene.settle()
        check_webs(scene)
    assert letters(scene, "n1 hook n2 n3 child") == "F-QQD"
    scene.end([grant], DONE)
    assert set(scene.drain()) == {"n2", "n3", "child"}
    assert flow(scene)[3:8] == (5, 0, 5, 0, 0)


def test_a_graph_that_is_sent_again_is_not_there_twice_whatever_has_become_of_it(scene: Scene) -> None:
    call = enqueue(scene, Knot("x"), Knot("hook", "x", "f"), Knot("y", "x", "s"))
    scene.run(call)
    scene.end([run_of(scene, "x")], DONE)
    assert letters(scene, "x hook y") == "F-Q"
    there = standing(scene)
    assert scene.run(call) == []
    assert standing(scene) == there
    assert scene.drain() == ["y"]
    assert flow(scene)[3:8] == (2, 0, 2, 0, 0)


def test_a_flow_that_is_not_there_is_not_joined(scene: Scene) -> None:
    scene.push("a", "x")
    grant = run_of(scene, "x")
    fence = Fence(grant.member, grant.token)
    with pytest.raises(FlowGone):
        weave(scene, Knot("n"), mode="join", fence=fence)
    scene.run(enqueue(scene, Knot("y"), mode="first"))
    with pytest.raises(FlowGone):
        weave(scene, Knot("n"), mode="join", fence=fence)
    with pytest.raises(FlowGone):
        weave(scene, Knot("n"), mode="stage", mark=OTHER)


# --- what is known of it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_the_numbers_of_a_flow_are_those_of_its_tasks_at_every_step(scene: Scene, seed: int) -> None:
    chance, ids = random.Random(seed), [f"t{n}" for n in range(25)]
    knots = [
        Knot(
            task_id,
            " ".join(chance.sample(ids[:n], min(n, chance.randint(0, 3)))),
            chance.choice("wwrcsf" if n else "w"),
        )
        for n, task_id in enumerate(ids)
    ]
    weave(scene, *knots)
    for _ in range(80):
        one = chance.choice(ids)
        way = chance.randrange(8)
        if way == 0:
            cancel(scene, one)
        elif way == 1 and "R" not in letters(scene, one):
            scene.delete("a", one)
        elif way == 2:
            requeue(scene, one, knots[ids.index(one)].inside, knots[ids.index(one)].policy)
        else:
            ways: list[Outcome] = [DONE, DONE, BURY, again(1)]
            scene.end(scene.claim(chance.randint(1, 3)), chance.choice(ways))
        scene.now += chance.choice([1, 1000])
        check_webs(scene)
    for one in ids:
        cancel(scene, one)
    for _ in range(40):
        scene.drain()
        scene.now += 61 * MINUTE
        scene.settle()
        check_webs(scene)
    assert remaining(scene) == {"stats"}


def test_records_of_a_flow_outlive_their_time_as_long_as_it_goes_on(scene: Scene) -> None:
    weave(scene, Knot("x"), Knot("y", "x"), Knot("z", "y", when="+600000"))
    for task_id in "xy":
        scene.end([run_of(scene, task_id)], DONE, keep=60)
    for _ in range(9):
        scene.now += MINUTE
        scene.settle()
        assert letters(scene, "x y z") == "FFW"
    scene.now += 2 * MINUTE
    scene.end([run_of(scene, "z")], DONE, keep=60)
    scene.settle()
    assert letters(scene, "x y z") == "FFF"
    scene.now += MINUTE
    for _ in range(3):
        scene.now += MINUTE
        scene.settle()
    assert remaining(scene) == {"stats"}


@pytest.mark.parametrize("fate", ["fails", "is canceled"])
def test_a_flow_that_is_stuck_is_given_up_when_what_stopped_it_is_forgotten(scene: Scene, fate: str) -> None:
    weave(scene, Knot("x"), Knot("y", "x"), Knot("z", "y"))
    scene.end([run_of(scene, "x")], DONE, keep=60)
    if fate == "fails":
        scene.end([run_of(scene, "y")], BURY, keep=600)
    else:
        scene.run(fates.cancel(scene.root, "a", "y", 600, "c", now=scene.at()))
    for _ in range(9):
        scene.now += MINUTE
        scene.settle()
        assert letters(scene, "x z") == "FD", "it may be queued again"
    for _ in range(5):
        scene.now += MINUTE
        scene.settle()
        check_webs(scene)
    assert letters(scene, "y z") == "-C"
    assert reason(scene, "z") == "orphaned"
    for _ in range(4):
        scene.now += 61 * MINUTE
        scene.settle()
    assert remaining(scene) == {"stats"}


def settle_one(way: Outcome) -> Callable[[Scene], object]:
    return lambda scene: scene.end(scene.claim(1), way)


@pytest.mark.parametrize(
    ("steps", "stuck"),
    [
        ([settle_one(DONE), settle_one(DONE), settle_one(DONE)], False),
        ([settle_one(DONE), settle_one(BURY)], True),
        ([settle_one(BURY)], True),
        ([settle_one(again(0)), lambda scene: scene.settle(), settle_one(BURY)], True),
        ([lambda scene: cancel(scene, "z"), settle_one(DONE), settle_one(DONE)], False),
        ([settle_one(DONE), lambda scene: scene.delete("a", "y")], False),
        ([lambda scene: cancel(scene, "x")], True),
        ([lambda scene: scene.run(fates.erase(scene.root, "a", "e", scene.at()))], False),
    ],
)
def test_who_waits_for_a_flow_is_woken_when_it_is_settled_and_not_before(
    scene: Scene, steps: list[Callable[[Scene], object]], stuck: bool
) -> None:
    weave(scene, Knot("x"), Knot("y", "x"), Knot("z", "y"), Knot("hook", "z", "f"))
    scene.run(flows.wait(scene.root, "a", MARK, "waiter", listed=True))
    scene.run(flows.wait(scene.root, "a", MARK, "gone", listed=True))
    scene.run(flows.wait(scene.root, "a", MARK, "gone", listed=False))
    for step in steps:
        assert scene.woken("waiter", "gone") == []
        step(scene)
    scene.settle()
    assert scene.woken("waiter", "gone") == ["waiter"]
    assert scene.run(flows.wait(scene.root, "a", MARK, "late", listed=True)) is False
    assert not scene.client.exists(scene.key("waiters"))
    if stuck:
        for task_id in "xyz":
            requeue(scene, task_id)
        assert scene.run(flows.wait(scene.root, "a", MARK, "waiter", listed=True)) is True
        scene.drain()
        assert scene.woken("waiter") == ["waiter"]


def test_an_erased_user_leaves_nothing_of_its_graphs(scene: Scene) -> None:
    scene.push("b", "x")
    before = set(remaining(scene))
    weave(scene, *(Knot(f"n{n}", f"n{n - 1}" if n else "", key="k") for n in range(150)), mark=OTHER)
    hand_in(scene)
    for n in range(120):
        weave(scene, Knot(f"r{n}"), mark=f"g{n:014x}")
    while scene.run(fates.erase(scene.root, "a", scene.name("e"), scene.at()))[0]:
        pass
    check_webs(scene)
    scene.settle()
    assert remaining(scene) == before
    assert [scene.stat(name) for name in ("deferred", "flows", "parents", "holding", "releasing")] == [0] * 5
