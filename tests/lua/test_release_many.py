"""Very many children are told a few in each call, each of them once (I17, I20)."""

from __future__ import annotations

import pytest

from fairque.core.outcome import Outcome
from tests.lua.scene import BURY, DONE, Scene, ids_of
from tests.lua.test_scale import MOST_MS, ROUNDS, typical_ms
from tests.lua.weaving import (
    Knot,
    enqueue,
    requeue,
    run_of,
)
from tests.lua.web import check_webs, look

MANY = 10_000


def many_children(scene: Scene, policy: str) -> None:
    scene.push("a", "p")
    for at in range(0, MANY, 200):
        knots = [Knot(f"t{n}", outside="p", policy=policy) for n in range(at, at + 200)]
        scene.run(enqueue(scene, *knots, mode="push"))


@pytest.mark.timeout(300)
def test_very_many_children_are_told_two_hundred_in_a_call_each_once(scene: Scene) -> None:
    many_children(scene, "w")
    grant = run_of(scene, "p")
    scene.end([grant], DONE)
    left, calls = MANY, 0
    while left:
        deferred = int(scene.stat("deferred"))
        assert 0 < left - deferred <= 200
        left, calls = deferred, calls + 1
        scene.settle()
    assert calls <= MANY / 190
    look(scene)
    order = scene.drain()
    assert order == [f"t{n}" for n in range(MANY)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", [DONE, BURY])
@pytest.mark.parametrize("policy", "wrc")
def test_telling_very_many_children_takes_little_time(scene: Scene, policy: str, way: Outcome) -> None:
    many_children(scene, policy)
    scene.end([run_of(scene, "p")], way)
    assert typical_ms(scene, (scene.settle for _ in range(ROUNDS))) < MOST_MS


@pytest.mark.timeout(300)
def test_a_parent_that_is_queued_again_while_its_children_are_told_tells_each_of_them_once(scene: Scene) -> None:
    many_children(scene, "r")
    scene.end([run_of(scene, "p")], BURY)
    scene.settle()
    told = MANY - int(scene.stat("deferred"))
    assert 0 < told < MANY
    assert requeue(scene, "p")
    look(scene)
    order: list[str] = []
    while grants := scene.serve(200):
        order += ids_of(grants)
    check_webs(scene)
    assert sorted(order) == sorted(["p", *(f"t{n}" for n in range(MANY))])


def test_those_that_go_on_waiting_are_met_once_and_the_others_all(scene: Scene) -> None:
    scene.push("a", "p")
    for part, policy in enumerate("wwwwrr"):
        knots = [Knot(f"{part}-{n}", outside="p", policy=policy) for n in range(100)]
        scene.run(enqueue(scene, *knots, mode="push"))
    scene.end([run_of(scene, "p")], BURY)
    for _ in range(6):
        look(scene)
    assert (scene.stat("releasing"), scene.stat("deferred")) == (0, 400)
    assert len(scene.drain()) == 200
    assert requeue(scene, "p")
    assert len(scene.drain()) == 401
    check_webs(scene)
