"""Lists of assigned and steal users: whom a worker is given, and which sleeper a push wakes (I14)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fairque.store import claims
from tests.lua.scene import RELEASE, Scene, ids_of, users_of

SCOPE_TTL = 300_000
"""ms without a heartbeat after which a list is forgotten."""


def lists_of(scene: Scene, assigned: list[str], steal: list[str]) -> claims.Lists:
    scene.register(assigned)
    scene.register(steal)
    return claims.lists_of(assigned, steal)


def woken(scene: Scene, *names: str) -> list[str]:
    return [name for name in names if scene.client.delete(scene.key(f"wake:{name}"))]


# --- whom a worker is given -----------------------------------------------------------------------------------------


def test_a_worker_serves_its_assigned_users_first_and_then_steals(scene: Scene) -> None:
    lists = lists_of(scene, ["a", "b"], ["c"])
    for user in ("c", "b", "a", "d"):
        scene.push(user, *(f"{user}{number}" for number in range(3)))
    assert users_of(scene.claim(4, lists=lists)) == ["a", "b", "a", "b"]
    assert users_of(scene.claim(4, lists=lists)) == ["a", "b", "c", "c"]
    assert users_of(scene.claim(4, lists=lists)) == ["c"]
    assert users_of(scene.claim(9)) == ["d"] * 3


def test_a_worker_that_steals_from_everyone_takes_others_only_when_no_assigned_user_is_ready(scene: Scene) -> None:
    scene.register(["a"])
    lists = claims.lists_of(["a"], ["*"])
    scene.push("b", "b1", "b2")
    scene.push("a", "a1")
    assert ids_of(scene.claim(1, lists=lists)) == ["a1"]
    assert ids_of(scene.claim(1, lists=lists)) == ["b1"]
    scene.push("a", "a2")
    assert ids_of(scene.claim(2, lists=lists)) == ["a2", "b2"]


def test_a_worker_with_steal_targets_only_steals(scene: Scene) -> None:
    lists = lists_of(scene, [], ["a"])
    scene.push("a", "a1")
    scene.push("b", "b1")
    assert ids_of(scene.claim(5, lists=lists)) == ["a1"]


@pytest.mark.parametrize("seed", range(8))
def test_within_a_list_service_is_fair_whatever_other_workers_do(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    users = [f"u{number}" for number in range(6)]
    mine = users[:3]
    lists = lists_of(scene, mine, [])
    for user in users:
        scene.push_many(user, 200)
    served: Counter[str] = Counter()
    for _ in range(60):
        if chance.random() < 0.5:
            own = scene.serve(chance.choice([1, 2, 5]), lists=lists)
            assert set(users_of(own)) <= set(mine)
        else:
            own = scene.serve(chance.choice([1, 3, 10]))
        served.update(users_of(own))
        amounts = [served[user] for user in mine]
        assert max(amounts) - min(amounts) <= 1


def test_two_workers_with_equal_lists_share_one_index(scene: Scene) -> None:
    assert scene.register(["a", "b"]) == scene.register(["b", "a"])
    assert scene.client.zcard(scene.key("scopes")) == 1


# --- long lists, stale indexes --------------------------------------------------------------------------------------


def test_a_list_of_1500_users_is_registered_and_served(scene: Scene) -> None:
    users = [f"user:{number}" for number in range(1_500)]
    lists = lists_of(scene, users, [])
    scene.push("stranger", "x")
    for user in ("user:0", "user:999", "user:1000", "user:1499"):
        scene.push(user, "t")
    assert sorted(users_of(scene.claim(10, lists=lists))) == ["user:0", "user:1000", "user:1499", "user:999"]


def test_a_list_hears_of_users_that_were_ready_before_it_was_registered(scene: Scene) -> None:
    scene.push("a", "a1")
    lists = lists_of(scene, ["a"], [])
    assert ids_of(scene.claim(1, lists=lists)) == ["a1"]


@pytest.mark.parametrize("want", [1, 50])
def test_a_stale_index_of_a_long_list_does_not_hide_a_ready_user(scene: Scene, want: int) -> None:
    users = [f"user:{number}" for number in range(1_500)]
    lists = lists_of(scene, users, [])
    for user in users:
        scene.push(user, "t")
    scene.drain()  # by a worker of everyone: the list's own index is not told
    scene.push("user:700", "again")
    assert ids_of(scene.claim(want, lists=lists)) == ["again"]


@pytest.mark.parametrize("want", [1, 5])
def test_tags_that_moved_on_are_corrected_before_a_claim(scene: Scene, want: int) -> None:
    users = [f"u{number}" for number in range(40)]
    lists = lists_of(scene, users, [])
    for user in users:
        scene.push_many(user, 3)
    ahead = users_of(scene.serve(20))  # the list's index still has them at 0
    assert not set(users_of(scene.serve(want, lists=lists))) & set(ahead)


# --- lists that nobody serves any more ------------------------------------------------------------------------------


def test_a_list_without_a_heartbeat_is_forgotten_and_leaves_no_key(scene: Scene) -> None:
    scene.register([f"user:{number}" for number in range(450)])
    scene.push("user:1", "t")
    scene.serve()
    scene.now += SCOPE_TTL + 1
    for _ in range(4):
        scene.beat("other")
    scene.now += 61_000
    scene.beat("last")
    left = [key for key in scene.dump() if b"scope" in key or b"named" in key]
    assert left == []
    assert scene.stat("scopes") == 0


def test_a_heartbeat_keeps_a_list_and_says_which_are_missing(scene: Scene) -> None:
    lists = lists_of(scene, ["a"], ["b"])
    for _ in range(4):
        scene.now += SCOPE_TTL - 1
        assert scene.beat("w", lists).missing == []
    scene.now += SCOPE_TTL + 1
    scene.beat("other")
    scene.beat("other")
    assert sorted(scene.beat("w", lists).missing) == sorted(lists)


def test_a_list_that_is_half_forgotten_is_missing(scene: Scene) -> None:
    users = [f"user:{number}" for number in range(450)]
    lists = lists_of(scene, users, [])
    scene.now += SCOPE_TTL + 1
    scene.beat("other")  # begins to forget it, 200 users at a time
    if scene.beat("w", lists):  # its worker is back
        scene.register(users)
    for user in users:
        scene.push(user, "t")
    got = [user for _ in range(5) for user in users_of(scene.claim(100, lists=lists))]
    assert len(got) == len(users)


# --- waking ---------------------------------------------------------------------------------------------------------


def test_a_push_wakes_a_worker_that_may_serve_the_user_and_no_other(scene: Scene) -> None:
    of_a, of_b = lists_of(scene, ["a"], []), lists_of(scene, ["b"], ["c"])
    scene.settle(want=1, worker="wa", lists=of_a, block=2.0)
    scene.settle(want=1, worker="wb", lists=of_b, block=2.0)
    scene.push("d", "d1")
    assert woken(scene, "wa", "wb") == []
    scene.push("a", "a1")
    assert woken(scene, "wa", "wb") == ["wa"]
    scene.push("c", "c1")
    assert woken(scene, "wa", "wb") == ["wb"]


def test_a_push_wakes_a_worker_of_everyone(scene: Scene) -> None:
    scene.register(["a"])
    scene.settle(want=1, worker="w1", block=2.0)
    scene.settle(want=1, worker="w2", lists=claims.lists_of(["a"], ["*"]), block=2.0)
    scene.push("x", "x1", "x2")
    assert sorted(woken(scene, "w1", "w2")) == ["w1", "w2"]


def test_as_many_workers_are_woken_as_tasks_came_and_eight_at_most(scene: Scene) -> None:
    names = [f"w{number}" for number in range(12)]
    for name in names:
        scene.settle(want=1, worker=name, block=2.0)
    scene.push("a", "a1", "a2")
    assert len(woken(scene, *names)) == 2
    scene.push("a", *(f"b{number}" for number in range(50)))
    assert len(woken(scene, *names)) == 8


def test_a_worker_that_has_all_it_wants_is_not_woken(scene: Scene) -> None:
    scene.settle(want=1, worker="w1", block=2.0)
    scene.push("a", "a1")
    woken(scene, "w1")
    assert scene.settle(want=1, worker="w1", block=2.0).grants
    scene.push("a", "a2")
    assert woken(scene, "w1") == []


def test_what_is_given_back_wakes_a_sleeper(scene: Scene) -> None:
    scene.push("a", "a1")
    grants = scene.claim(1)
    scene.settle(want=1, worker="sleeper", block=2.0)
    scene.end(grants, RELEASE)
    assert woken(scene, "sleeper") == ["sleeper"]


def test_a_claim_that_leaves_something_wakes_the_next_worker(scene: Scene) -> None:
    names = [f"w{number}" for number in range(12)]
    for name in names:
        scene.settle(want=1, worker=name, block=2.0)
    scene.push_many("a", 50)
    for name in woken(scene, *names):
        assert scene.settle(want=1, worker=name, block=2.0).grants
    assert len(woken(scene, *names)) == 4


@pytest.mark.parametrize(("assigned", "steal"), [([], ["b"]), (["a"], ["b"]), (["a"], []), (["*"], []), (["a"], ["*"])])
def test_a_worker_that_has_left_is_asleep_nowhere(scene: Scene, assigned: list[str], steal: list[str]) -> None:
    lists = lists_of(scene, assigned, steal)
    scene.settle(want=1, worker="w1", lists=lists, block=2.0)
    scene.run(claims.leave(scene.root, "w1", lists))
    assert [key for key in scene.dump() if b":sleep:" in key] == []


def test_a_sleeper_wakes_for_the_next_task_that_is_due(scene: Scene) -> None:
    scene.push("a", "later", when="+500")
    assert scene.settle(want=1, block=2.0).pause == pytest.approx(0.5)
    scene.now += 500
    assert ids_of(scene.claim(1)) == ["later"]


def test_a_sleeper_is_woken_when_a_task_comes_that_is_due_before_it_would_look(scene: Scene) -> None:
    assert scene.settle(want=1, worker="w1", block=2.0).pause == 2.0
    scene.push("a", "soon", when="+100")
    assert woken(scene, "w1") == ["w1"], "else it starts up to 2 s late (I16: 1 s)"
