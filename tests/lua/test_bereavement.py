"""A worker is known to be dead: its leases lapse at once (bereave), and nobody else's do (I9, I10)."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.store import bereavement, claims
from fairque.store.call import Call, carry
from tests.lua.scene import DONE, EVERYONE, Scene, ids_of


def bereave(scene: Scene, worker: str = "dead", lists: claims.Lists = EVERYONE) -> int:
    def unused(key: str, seconds: float) -> None:
        raise AssertionError(key, seconds)

    return carry(bereavement.bereave(scene.root, worker, lists, scene.at()), scene.run, unused)


def test_what_a_dead_worker_held_runs_again_at_once_in_its_place_and_is_counted_as_lost(scene: Scene) -> None:
    scene.push("a", "t1", "t2", "t3")
    assert len(scene.claim(2, worker="dead")) == 2
    assert bereave(scene) == 2
    assert ids_of(scene.claim(1, worker="w1")) == ["t1"]
    (again,) = scene.claim(1, worker="w2")
    assert (again.task_id, again.attempt, again.lost, again.failures) == ("t2", 2, 1, 0)
    assert scene.stat("lost_total") == 2


def test_the_leases_of_others_are_left_alone(scene: Scene) -> None:
    scene.push_many("a", 6)
    held = [(name, scene.claim(2, worker=name)) for name in ("dead", "dead.1", "dea")]
    assert bereave(scene) == 2
    scene.settle()
    assert [scene.renew(*grants) for _, grants in held] == [[False] * 2, [True] * 2, [True] * 2]


@pytest.mark.parametrize("user", ["a", "a:b|c%d", "日本 語"])
def test_a_sleeper_that_serves_the_user_is_woken_and_the_dead_one_is_not(scene: Scene, user: str) -> None:
    lists = claims.lists_of([user], [])
    scene.register([user])
    scene.push(user, "t")
    assert scene.settle(want=2, worker="dead", lists=lists, block=2.0).grants
    assert scene.settle(want=1, worker="alive", lists=lists, block=2.0).pause == 2.0
    assert bereave(scene, lists=lists) == 1
    assert scene.woken("alive", "dead") == ["alive"]
    assert ids_of(scene.claim(1, worker="alive", lists=lists)) == ["t"]


def test_the_dead_one_is_on_no_list_any_more(scene: Scene) -> None:
    scene.beat("dead")
    scene.settle(want=1, worker="dead", block=2.0)
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    bereave(scene)
    where = [key for key, dump in scene.dump(without=["runs"]).items() if b"dead" in key or b"dead" in dump]
    assert where == []


def test_said_twice_it_is_done_once(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    bereave(scene)
    scene.now += 10
    before = scene.dump(without=["stats", "wake:"])
    assert bereave(scene) == 1
    assert scene.dump(without=["stats", "wake:"]) == before
    assert ids_of(scene.claim(1)) == ["t"]
    assert bereave(scene) == 0


def test_a_call_that_arrives_late_takes_nothing_from_the_next_worker_of_that_name_i10(scene: Scene) -> None:
    scene.push("a", "old", "new")
    scene.claim(1, worker="w.1")
    steps = bereavement.bereave(scene.root, "w.1", EVERYONE, scene.at())
    step = next(steps)
    while isinstance(step, Call) and step.script != "bereave":
        step = steps.send(scene.run(step))
    assert isinstance(step, Call)
    (grant,) = scene.claim(1, worker="w.1")
    assert grant.task_id == "new"
    assert scene.run(step) == [b"0", 1]
    assert scene.renew(grant) == [True]
    scene.end([grant], DONE)
    assert scene.stat("finished_total") == 1


def test_many_runs_are_looked_at_page_by_page(scene: Scene) -> None:
    count = 3 * bereavement.PAGE
    scene.push_many("a", count)
    held = {"dead": 0, "alive": 0}
    for n in range(count // 100):
        held["dead" if n % 2 else "alive"] += len(scene.claim(100, worker="dead" if n % 2 else "alive"))
    asked = []

    def run(call: Call[Any]) -> Any:
        asked.append(call.script)
        return scene.run(call)

    steps = bereavement.bereave(scene.root, "dead", EVERYONE, scene.at())
    assert carry(steps, run, lambda *_: None) == held["dead"]
    assert asked.count("bereave") > 1
    lapsed = scene.client.zcount(scene.key("leases"), "-inf", scene.now)
    assert lapsed == held["dead"] == count // 2 - count // 2 % 100


def test_the_third_death_buries(scene: Scene) -> None:
    scene.push("a", "poison")
    for attempt in (1, 2, 3):
        (grant,) = scene.claim(1, worker="dead")
        assert grant.attempt == attempt
        bereave(scene)
    assert scene.claim(1) == []
    assert (scene.stat("failed"), scene.stat("lost_total")) == (1, 3)


def test_a_queue_that_is_empty_has_nobody_to_mourn(scene: Scene) -> None:
    before = scene.dump(without=["stats"])
    assert bereave(scene, worker="nobody") == 0
    assert scene.dump(without=["stats"]) == before
