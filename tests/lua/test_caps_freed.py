"""What frees what a cap bars: a run's end, a timer, a change; it wakes a worker that may serve (I15)."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.store import claims
from tests.lua.scene import DONE, EVERYONE, LEASE, RELEASE, Scene, ids_of, users_of
from tests.lua.subjects import change, each_subject

BLOCK = 2.0
"""Seconds for which a worker sleeps at most."""
LEASE_MS = int(LEASE * 1000)


def lie_down(scene: Scene, worker: str, lists: claims.Lists = EVERYONE) -> float:
    """Let a worker find nothing to do; return for how many seconds it sleeps."""
    answer = scene.settle(want=1, worker=worker, lists=lists, block=BLOCK)
    assert answer.grants == []
    scene.woken(worker)
    return answer.pause


def only(scene: Scene, *users: str) -> claims.Lists:
    scene.register(users)
    return claims.lists_of(users, [])


# --- a run's end ----------------------------------------------------------------------------------------------------


def test_the_end_of_a_run_frees_its_user_and_wakes_a_sleeper(scene: Scene) -> None:
    scene.limit_user("a", max_concurrency=1)
    scene.push_many("a", 2)
    run = scene.claim(1, worker="busy")
    assert lie_down(scene, "idle") == BLOCK
    assert scene.held() == {b"a": b"c"}
    scene.settle([(run[0], DONE)], worker="busy")
    assert scene.woken("idle", "busy") == ["idle"]
    assert users_of(scene.claim(1, worker="idle")) == ["a"]


def test_the_end_of_a_run_frees_its_name_and_wakes_a_sleeper(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=1)
    scene.push_many("a", 2)
    run = scene.claim(1, worker="busy")
    assert lie_down(scene, "idle") == BLOCK
    scene.settle([(run[0], DONE)], worker="busy")
    assert scene.woken("idle", "busy") == ["idle"]
    assert users_of(scene.claim(1, worker="idle")) == ["a"]


def test_the_end_of_a_run_frees_the_queue_and_wakes_a_sleeper(scene: Scene) -> None:
    scene.limit_queue(max_concurrency=1)
    scene.push_many("a", 2)
    run = scene.claim(1, worker="busy")
    assert lie_down(scene, "idle") == BLOCK
    scene.settle([(run[0], DONE)], worker="busy")
    assert scene.woken("idle", "busy") == ["idle"]
    assert users_of(scene.claim(1, worker="idle")) == ["a"]


def test_a_worker_that_cannot_use_the_slot_it_frees_wakes_one_that_can(scene: Scene) -> None:
    first, second = only(scene, "a"), only(scene, "b")
    scene.limit_queue(max_concurrency=1)
    scene.push("a", "a1")
    run = scene.claim(1, worker="w-a", lists=first)
    scene.push("b", "b1")
    lie_down(scene, "w-b", second)
    assert scene.settle([(run[0], DONE)], want=1, worker="w-a", lists=first, block=BLOCK).grants == []
    assert scene.woken("w-a", "w-b") == ["w-b"]


def test_a_freed_slot_of_the_queue_wakes_a_worker_even_if_nobody_serves_the_user_at_the_head(scene: Scene) -> None:
    second = only(scene, "b")
    scene.limit_queue(max_concurrency=1)
    scene.push("b", "b1", "b2")
    run = scene.claim(1, worker="w-b", lists=second)
    scene.push("a", "a1")  # nobody serves this one, and its tag is the least
    lie_down(scene, "idle", second)
    scene.settle([(run[0], DONE)], worker="w-b", lists=second)
    assert scene.woken("idle") == ["idle"]


@each_subject
def test_the_slot_of_a_dead_worker_is_free_when_its_lease_has_lapsed(scene: Scene, subject: str) -> None:
    change(scene, subject, max_concurrency=1)
    scene.push("a", "a1", "a2")
    scene.claim(1, worker="dead")
    scene.now += LEASE_MS - 500
    assert lie_down(scene, "idle") == 0.5
    scene.now += 500
    assert ids_of(scene.claim(2, worker="idle")) == ["a1"]
    assert scene.client.hgetall(scene.key("busy")) == {b"a": b"1", b"|m:f": b"1"}


# --- the timer of a rate --------------------------------------------------------------------------------------------


def test_a_worker_sleeps_until_the_instant_at_which_the_rate_of_a_user_opens(scene: Scene) -> None:
    scene.limit_user("a", rate="10/s", burst=1)
    scene.push_many("a", 3)
    answer = scene.settle(want=3, block=BLOCK)
    assert (len(answer.grants), answer.pause) == (1, 0.1)
    scene.now += 99
    assert lie_down(scene, "w") == pytest.approx(0.001)
    scene.now += 1
    assert len(scene.claim(3)) == 1


def test_a_worker_sleeps_until_the_instant_at_which_the_rate_of_a_name_opens(scene: Scene) -> None:
    scene.limit_task("m:f", rate="10/s", burst=1)
    scene.push_many("a", 3)
    answer = scene.settle(want=3, block=BLOCK)
    assert (len(answer.grants), answer.pause) == (1, 0.1)
    scene.now += 99
    assert lie_down(scene, "w") == pytest.approx(0.001)
    scene.now += 1
    assert len(scene.claim(3)) == 1


def test_a_worker_sleeps_until_the_instant_at_which_the_rate_of_the_queue_opens(scene: Scene) -> None:
    scene.limit_queue(rate="10/s", burst=2)
    scene.push_many("a", 4)
    answer = scene.settle(want=4, block=BLOCK)
    assert (len(answer.grants), answer.pause) == (2, 0.1)
    scene.now += 99
    assert lie_down(scene, "w") == pytest.approx(0.001)
    scene.now += 1
    assert len(scene.claim(3)) == 1


def test_a_token_that_was_not_used_is_there_for_another_at_once(scene: Scene) -> None:
    scene.limit_user("a", rate="1/h", burst=1)
    scene.push("a", "a1", "a2")
    run = scene.claim(1)
    assert lie_down(scene, "idle") == BLOCK
    scene.end(run, RELEASE)
    assert scene.woken("idle") == ["idle"]
    assert ids_of(scene.claim(2)) == ["a1"]


@each_subject
def test_what_is_given_back_unbegun_gives_its_tokens_back(scene: Scene, subject: str) -> None:
    change(scene, subject, rate="1/h", burst=2)
    scene.push("a", "a1", "a2", "a3")
    for _ in range(3):
        runs = scene.claim(3)
        assert ids_of(runs) == ["a1", "a2"]
        scene.end(runs, RELEASE)
    scene.end(scene.claim(1), DONE)
    scene.end(scene.claim(1), RELEASE, ran=0.5)  # this one had begun: its token is spent
    assert scene.claim(3) == []


# --- a change -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [{"paused": True}, {"max_concurrency": 0}, {"rate": "1/d", "burst": 1}])
@each_subject
def test_a_change_wakes_a_sleeper_for_what_it_opens(scene: Scene, subject: str, closed: dict[str, Any]) -> None:
    change(scene, subject, **closed)
    scene.push("a", "a1", "a2", "a3")
    spent = scene.serve(1)
    assert ids_of(spent) == (["a1"] if "rate" in closed else [])
    lie_down(scene, "idle")
    change(scene, subject, **dict.fromkeys(closed))
    assert scene.woken("idle") == ["idle"]
    assert len(scene.claim(3)) == 3 - len(spent)


def test_a_change_wakes_a_worker_that_may_serve_the_user(scene: Scene) -> None:
    lists = {name: only(scene, name[2:]) for name in ("w-a", "w-b")}
    scene.limit_user("a", paused=True)
    scene.push("a", "a1")
    for name, own in lists.items():
        lie_down(scene, name, own)
    scene.limit_user("a", paused=None)
    assert scene.woken("w-a", "w-b") == ["w-a"]


def test_a_rate_that_is_raised_opens_at_its_new_instant(scene: Scene) -> None:
    scene.limit_user("a", rate="1/h", burst=1)
    scene.push_many("a", 3)
    assert len(scene.claim(3)) == 1
    scene.limit_user("a", rate="10/s")
    assert lie_down(scene, "w") == 0.1
    scene.now += 100
    assert len(scene.claim(3)) == 1


def test_a_rate_that_is_lowered_lets_nothing_through_at_the_old_instant(scene: Scene) -> None:
    scene.limit_user("a", rate="10/s", burst=1)
    scene.push_many("a", 3)
    assert len(scene.claim(3)) == 1
    scene.limit_user("a", rate="1/s")
    scene.now += 100
    assert scene.claim(3) == []
    scene.now += 900
    assert len(scene.claim(3)) == 1


def test_a_worker_steals_while_those_assigned_to_it_are_barred_and_no_longer(scene: Scene) -> None:
    lists = only(scene, "a")._replace(steal="*")
    scene.limit_user("a", max_concurrency=1)
    for user in ("a", "b"):
        scene.push_many(user, 5)
    runs = scene.claim(3, lists=lists)
    assert users_of(runs) == ["a", "b", "b"]
    answer = scene.settle([(runs[0], DONE)], want=2, lists=lists)
    assert users_of(answer.grants) == ["a", "b"]
    scene.limit_user("a", max_concurrency=None)
    assert users_of(scene.claim(2, lists=lists)) == ["a", "a"]
