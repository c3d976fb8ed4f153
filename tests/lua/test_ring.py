"""The ring: exact round-robin between users, no credit for idling, no debt forgotten (I13, I24)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fairque.core.outcome import Outcome
from tests.lua.scene import BURY, DONE, RELEASE, Scene, again, ids_of, users_of

USERS = [f"user:{number}" for number in range(1, 6)]


def spread(served: Counter[str], users: list[str]) -> int:
    amounts = [served[user] for user in users]
    return max(amounts) - min(amounts)


@pytest.mark.parametrize("seed", range(12))
def test_users_who_are_always_backlogged_never_differ_by_more_than_one_start(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    users = USERS[: chance.randint(2, 5)]
    for user in users:
        scene.push_many(user, chance.randint(150, 300))
    served: Counter[str] = Counter()
    while sum(served.values()) < 100 * len(users):
        scene.now += chance.randint(0, 50)
        worker = chance.choice(["w1", "w2"])
        for grant in scene.serve(chance.choice([1, 1, 2, 3, 7, 20]), worker=worker):
            served[grant.user_id] += 1
            assert spread(served, users) <= 1, served


@pytest.mark.parametrize("late", [1, 100])
def test_a_late_joiner_is_served_as_the_others_from_its_first_push_on(scene: Scene, late: int) -> None:
    for user in USERS[:3]:
        scene.push_many(user, 400)
    for _ in range(late):
        scene.serve(3)
    scene.push_many(USERS[3], 200)
    served: Counter[str] = Counter()
    for _ in range(120):
        served.update(users_of(scene.serve(5)))
        assert spread(served, USERS[:4]) <= 1 + 1  # the joiner's own first tag is the clock, up to one start behind


def test_a_newcomer_after_ten_thousand_starts_joins_at_the_clock(scene: Scene) -> None:
    for user in ("a", "b"):
        scene.push_many(user, 5_300)
    for _ in range(50):
        scene.serve(200)
    scene.push_many("new", 100)
    order = [grant.user_id for _ in range(30) for grant in scene.serve(3)]
    assert "new" in order[:3]
    assert all(len({*order[at : at + 3]}) == 3 for at in range(0, 90, 3))
    assert spread(Counter(order), ["a", "b", "new"]) == 0


def test_idling_earns_no_credit(scene: Scene) -> None:
    for user in ("a", "b", "idle"):
        scene.push_many(user, 1)
    scene.serve(3)
    for user in ("a", "b"):
        scene.push_many(user, 700)
    for _ in range(100):
        scene.serve(10)
    scene.push_many("idle", 200)
    served = Counter(user for _ in range(30) for user in users_of(scene.serve(3)))
    assert spread(served, ["a", "b", "idle"]) <= 1


def test_leaving_and_coming_back_erases_no_debt(scene: Scene) -> None:
    scene.push_many("steady", 200)
    served: Counter[str] = Counter()
    for _ in range(100):
        scene.push_many("dripping", 1)
        served.update(users_of(scene.serve(1)))
    assert spread(served, ["steady", "dripping"]) <= 1


def test_a_batch_is_granted_in_the_order_of_single_claims(scene: Scene) -> None:
    for number in range(60):
        scene.push(USERS[number * number % 5], f"t{number}", level=1 + number % 6)
    singles = [scene.claim(1)[0] for _ in range(60)]
    orders = [ids_of(singles)]
    scene.end(singles, RELEASE)
    orders.append(ids_of(scene.claim(60)))
    tags = [Counter(task_id[0] for task_id in order) for order in orders]
    assert tags[0] == tags[1]
    by_user = [[grant for grant in orders[n] if int(grant[1:]) ** 2 % 5 == 1] for n in (0, 1)]
    assert by_user[0] == by_user[1]


@pytest.mark.parametrize("want", [1, 2, 7, 200])
def test_round_robin_is_exact_whatever_the_batch(scene: Scene, want: int) -> None:
    for user in USERS:
        scene.push_many(user, 40)
    order: list[str] = []
    while grants := scene.serve(want):
        order += users_of(grants)
    assert order == sorted(USERS) * 40


def test_the_clock_never_falls_and_is_the_greatest_tag_served(scene: Scene) -> None:
    chance = random.Random(3)
    before = 0.0
    for _ in range(150):
        scene.push_many(chance.choice(USERS), chance.randint(0, 3))
        ways: list[Outcome] = [DONE, BURY, again(0.1)]
        scene.end(scene.claim(chance.randint(0, 4)), chance.choice(ways))
        scene.now += chance.randint(0, 300)
        clock = scene.stat("clock")
        assert clock >= before
        assert all(tag >= clock for tag in scene.tags().values())
        before = clock


def test_a_start_that_did_not_happen_is_not_charged(scene: Scene) -> None:
    for user in ("a", "b"):
        scene.push_many(user, 4)
    for want in (1, 3, 8):  # of which the last takes all, so that both leave the ring and come back at the clock
        scene.end(scene.claim(want), RELEASE)
        assert len(set(scene.tags().values())) == 1
    assert users_of(scene.serve(8)) == ["a", "b"] * 4


def test_the_ring_holds_users_with_ready_tasks_and_nobody_else(scene: Scene) -> None:
    scene.push_many("a", 2)
    scene.push("b", "later", when="+5000")
    assert set(scene.tags()) == {"a"}
    first, second = scene.claim(2)
    assert scene.tags() == {}
    scene.end([first], RELEASE)
    assert set(scene.tags()) == {"a"}
    scene.end([second], DONE)
    scene.now += 5000
    assert sorted(users_of(scene.claim(5))) == ["a", "b"]


def test_debts_are_forgotten_when_the_clock_has_overtaken_them(scene: Scene) -> None:
    for number in range(300):
        scene.push(f"user:{number}", "t")
    scene.serve(200)
    scene.serve(100)
    assert len(scene.tags("tags")) >= 200
    for _ in range(4):
        scene.settle()
    assert scene.tags("tags") == {}
    assert scene.stat("clock") == 1


def test_a_user_whose_last_ready_task_is_deleted_leaves_the_ring(scene: Scene) -> None:
    scene.push("a", "t1", "t2")
    scene.delete("a", "t1")
    assert set(scene.tags()) == {"a"}
    scene.delete("a", "t2")
    assert scene.tags() == {}
    assert scene.claim(1) == []


def test_a_thousand_users_with_one_task_are_served_before_the_second_task_of_any(scene: Scene) -> None:
    scene.push_many("flood", 2_000)
    scene.serve(1)
    for number in range(1_000):
        scene.push(f"user:{number}", "t")
    order = [user for _ in range(6) for user in users_of(scene.serve(200))]
    assert len(set(order[:1001])) == 1001
