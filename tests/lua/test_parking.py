"""Caps of a task name: what may not start is set aside, and comes back to its own place (I12, I15)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fairque.store.records import Grant
from tests.lua.scene import AGING, DONE, EVERYONE, RELEASE, Scene, ids_of, users_of

BLOCK = 2.0


def push_each(scene: Scene, user: str, *tasks: str, level: int = 3) -> None:
    """Push tasks called by their name's letter and a number: `f1` is of the name m:f."""
    for task_id in tasks:
        scene.push(user, task_id, label=f"m:{task_id[0]}", level=level)


def nothing_is_set_aside(scene: Scene) -> bool:
    keys = [key.decode() for key in scene.dump()]
    return not any(
        ":parked" in key
        or (":user:" in key and not key.endswith(":tasks") and not key.endswith(":terms") and ":kept:" not in key)
        for key in keys
    )


def test_a_closed_name_does_not_stand_before_other_names_of_its_user(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    push_each(scene, "a", "f1", "f2", "g1", "f3", "g2")
    push_each(scene, "b", "f4", "f5", "g3")
    assert sorted(ids_of(scene.claim(10))) == ["g1", "g2", "g3"]
    assert scene.tags() == {}
    assert scene.stat("queued") == 5


@pytest.mark.parametrize("want", [1, 2, 3, 5, 20])
def test_after_reopening_a_users_tasks_start_in_the_order_of_their_pushes(scene: Scene, want: int) -> None:
    scene.limit_task("m:f", paused=True)
    push_each(scene, "a", *(f"f{n}" for n in range(9)))
    assert scene.claim(3) == []
    push_each(scene, "a", "f9")
    assert scene.claim(20) == []
    scene.limit_task("m:f", mode="reset")
    push_each(scene, "a", "g1")
    assert scene.drain(want) == [*(f"f{n}" for n in range(10)), "g1"]
    assert nothing_is_set_aside(scene)


def test_priorities_are_kept_through_a_closed_time(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    for number, level in enumerate([1, 6, 3, 5, 2, 6, 4]):
        push_each(scene, "a", f"f{number}", level=level)
    assert scene.claim(10) == []
    scene.limit_task("m:f", paused=None)
    assert scene.drain(3) == ["f1", "f5", "f3", "f6", "f2", "f4", "f0"]


def test_waiting_aside_counts_as_waiting_for_ageing(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    push_each(scene, "a", "f1", level=1)
    assert scene.claim(1) == []
    scene.now += 3 * AGING
    push_each(scene, "a", "g1", level=3)
    scene.limit_task("m:f", paused=None)
    assert ids_of(scene.claim(2)) == ["f1", "g1"]


@pytest.mark.parametrize("cap", [{"max_concurrency": 1}, {"rate": "1/s", "burst": 1}])
def test_a_task_pushed_later_does_not_overtake_one_of_its_name_that_is_set_aside(
    scene: Scene, cap: dict[str, Any]
) -> None:
    scene.limit_task("m:f", **cap)
    push_each(scene, "x", "f0")
    run = scene.claim(1)
    push_each(scene, "a", "g1", "g2", "g3")  # what a has had puts b before it in the ring
    scene.serve(3)
    push_each(scene, "b", "f1")
    push_each(scene, "a", "f2")
    assert scene.claim(2) == []
    push_each(scene, "a", "f3")
    push_each(scene, "b", "f4")
    order: list[str] = []
    for _ in range(9):
        scene.now += 1000
        run = scene.settle([(grant, DONE) for grant in run], want=1).grants
        order += ids_of(run)
    assert sorted(order) == ["f1", "f2", "f3", "f4"]
    assert order.index("f2") < order.index("f3")
    assert order.index("f1") < order.index("f4")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_opens_and_closes_each_users_names_start_in_order(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    numbers = {user: iter(range(1000)) for user in "ab"}
    started: dict[str, list[int]] = {user + letter: [] for user in "ab" for letter in "fgh"}
    runs: list[Grant] = []
    for step in range(200):
        scene.now += chance.randint(0, 400)
        if chance.random() < 0.6 and step < 150:
            user = chance.choice("ab")
            push_each(scene, user, *(f"{chance.choice('ffgh')}{next(numbers[user])}" for _ in range(3)))
        if chance.random() < 0.2:
            caps: list[dict[str, Any]] = [{"paused": True}, {"paused": None}, {"max_concurrency": chance.randint(0, 3)}]
            scene.limit_task(f"m:{chance.choice('fg')}", **chance.choice(caps))
        chance.shuffle(runs)
        ended, runs = runs[:2], runs[2:]
        for grant in scene.settle([(grant, DONE) for grant in ended], want=chance.randint(0, 4)).grants:
            started[grant.user_id + grant.task_id[0]].append(int(grant.task_id[1:]))
            runs.append(grant)
    for order in started.values():
        assert order == sorted(order)
    assert sum(len(order) for order in started.values()) > 50


def test_what_is_given_back_goes_before_what_is_set_aside(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=1)
    push_each(scene, "a", "f1", "f2")
    run = scene.claim(1)
    push_each(scene, "a", "g1")
    assert ids_of(scene.claim(2)) == ["g1"]
    scene.end(run, RELEASE)
    assert ids_of(scene.claim(2)) == ["f1"]


@pytest.mark.parametrize("how", ["reset", "set"])
@pytest.mark.parametrize("users", [1, 70, 300])
def test_however_much_is_set_aside_it_all_starts_once_the_name_is_free(scene: Scene, how: str, users: int) -> None:
    scene.limit_task("m:f", paused=True)
    for number in range(users):
        scene.push_many(f"user:{number}", 600 // users)
    while scene.settle(want=200, block=BLOCK).pause < BLOCK or scene.tags():
        pass
    assert scene.stat("queued") == 600 // users * users
    if how == "reset":
        scene.limit_task("m:f", mode="reset")
    else:
        scene.limit_task("m:f", paused=None)
    assert len(scene.drain(10)) == 600 // users * users
    assert nothing_is_set_aside(scene)


def test_a_user_that_is_held_meanwhile_gets_its_tasks_back_later(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    push_each(scene, "a", "f1", "f2")
    assert scene.claim(5) == []
    scene.limit_user("a", max_concurrency=0)
    push_each(scene, "a", "g1")
    assert scene.claim(5) == []
    scene.limit_task("m:f", mode="reset")
    assert scene.claim(5) == []
    scene.limit_user("a", mode="reset")
    assert scene.drain() == ["f1", "f2", "g1"]
    assert nothing_is_set_aside(scene)


def test_room_of_a_name_is_not_kept_for_a_user_that_cannot_use_it(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=1)
    push_each(scene, "x", "f0")
    run = scene.claim(1)
    push_each(scene, "a", "f1", "f2")
    push_each(scene, "b", "f3")
    assert scene.claim(3) == []
    scene.limit_user("a", paused=True)
    scene.limit_user("b", weight=2)
    answer = scene.settle([(run[0], DONE)], want=1, block=BLOCK)
    assert ids_of(answer.grants) == ["f3"] or answer.pause <= 0.001
    assert ids_of(answer.grants or scene.claim(1)) == ["f3"]


def test_a_user_whose_tasks_come_back_twice_in_one_call_is_not_lost(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=2)
    push_each(scene, "x", "f8", "f9")
    runs = scene.claim(2)
    push_each(scene, "a", "f1", "f2")
    push_each(scene, "c", "f3", "f4")
    assert scene.claim(4) == []
    scene.limit_user("a", paused=True)
    assert ids_of(scene.settle([(run, DONE) for run in runs], want=2).grants) == ["f3", "f4"]


def test_a_worker_with_a_list_frees_what_others_serve_and_wakes_them(scene: Scene) -> None:
    lists = {user: scene.register([user]) for user in "ab"}
    scene.limit_task("m:f", max_concurrency=1)
    push_each(scene, "a", "f1")
    push_each(scene, "b", "f2")
    serves = {user: EVERYONE._replace(assigned=name) for user, name in lists.items()}
    run = scene.claim(1, worker="w-a", lists=serves["a"])
    assert scene.settle(want=1, worker="w-b", lists=serves["b"], block=BLOCK).grants == []
    scene.settle([(run[0], DONE)], want=1, worker="w-a", lists=serves["a"])
    assert scene.woken("w-b") == ["w-b"]
    assert ids_of(scene.claim(1, worker="w-b", lists=serves["b"])) == ["f2"]


def test_users_take_turns_at_a_name_that_lets_one_run_at_a_time(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=1)
    for user in "abc":
        scene.push_many(user, 20)
    order: list[str] = []
    run = scene.claim(5)
    for _ in range(30):
        order += users_of(run)
        run = scene.settle([(grant, DONE) for grant in run], want=5).grants
    amounts = [order.count(user) for user in "abc"]
    assert len(order) == 30
    assert max(amounts) - min(amounts) <= 2  # c/w + c/w


# --- deleting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", ["before", "after"])
def test_deleting_what_is_set_aside_leaves_nothing_behind(scene: Scene, opened: str) -> None:
    scene.limit_task("m:f", paused=True)
    push_each(scene, "a", "f1", "f2", "f3")
    assert scene.claim(5) == []
    if opened == "before":
        scene.limit_task("m:f", mode="reset")
    for task_id in ("f2", "f1", "f3"):
        assert scene.delete("a", task_id)
    assert scene.stat("queued") == 0
    assert scene.client.exists(scene.key("counts")) == 0
    if opened == "after":
        scene.limit_task("m:f", mode="reset")
    assert scene.claim(5) == []
    assert nothing_is_set_aside(scene)
    assert (scene.tags(), scene.held()) == ({}, {})


def test_a_task_that_is_deleted_and_pushed_anew_is_not_taken_for_the_one_set_aside(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    push_each(scene, "a", "f1", "f2")
    assert scene.claim(5) == []
    assert scene.delete("a", "f1")
    push_each(scene, "a", "f1")
    scene.limit_task("m:f", paused=None)
    assert scene.drain(1) == ["f2", "f1"]
    assert scene.stat("queued") == 0
