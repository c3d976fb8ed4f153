"""Weights: users who have something ready share starts by their weights, to within one task of each (I13)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from fairque.store import claims
from fairque.store.records import Grant
from tests.lua.ledger import Ledger
from tests.lua.scene import DONE, EVERYONE, RELEASE, Scene, ids_of, users_of

WEIGHTS: list[dict[str, float]] = [
    {"a": 1, "b": 1, "c": 1},
    {"a": 1, "b": 3, "c": 7},
    {"a": 1, "b": 100},
    {"a": 0.001, "b": 1, "c": 1000},
    {"a": 0.3, "b": 0.7, "c": 1 / 3, "d": 2.5, "e": 11},
]
CHANGES: list[dict[str, Any]] = [{"max_concurrency": 1}, {"paused": True}, {"paused": None}, {"rate": "5/s"}]


def cost_of(grant: Grant) -> float:
    label = grant.body.partition(b"|")[0].split(b" ")
    return float(label[1]) if len(label) == 2 else 1


def weigh(scene: Scene, weights: dict[str, float]) -> Ledger:
    for user, weight in weights.items():
        scene.limit_user(user, weight=weight)
    return Ledger(dict(weights))


def push(scene: Scene, ledger: Ledger, user: str, count: int, chance: random.Random, *, dearest: int = 0) -> None:
    for _ in range(count):
        cost = chance.randint(1, dearest) if dearest else 1
        scene.push_many(user, 1, label=f"m:f {cost}" if dearest else "m:f")
        ledger.push(user, cost)


def draw_weights(seed: int, chance: random.Random) -> dict[str, float]:
    if seed < len(WEIGHTS):
        return dict(WEIGHTS[seed])
    return {
        user: round(chance.choice([0.5, 1, 5, 100]) * chance.uniform(0.2, 1), 3) for user in "abcdefghi"[: 2 + seed % 8]
    }


@pytest.mark.parametrize("seed", range(14))
def test_no_two_backlogged_users_differ_by_more_than_a_task_of_each_after_any_start(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    ledger = weigh(scene, draw_weights(seed, chance))
    for user in ledger.weights:
        push(scene, ledger, user, 120, chance)
    for _ in range(40):
        for grant in scene.serve(chance.choice([1, 1, 2, 3, 10, 50]), worker=chance.choice(["w1", "w2"])):
            ledger.start(grant.user_id)
    assert ledger.tightest > 0.4  # the books were kept


@pytest.mark.parametrize("seed", range(14))
def test_late_joiners_and_part_time_users_are_served_fairly_from_their_push_on(scene: Scene, seed: int) -> None:
    chance = random.Random(100 + seed)
    ledger = weigh(scene, draw_weights(seed, chance))
    users = [*ledger.weights]
    push(scene, ledger, users[0], 80, chance)
    for _ in range(60):
        if chance.random() < 0.4:
            push(scene, ledger, chance.choice(users), chance.randint(1, 25), chance)
        for grant in scene.serve(chance.choice([1, 2, 5, 30])):
            ledger.start(grant.user_id)
    assert ledger.tightest > 0.4


@pytest.mark.parametrize("seed", range(14))
def test_declared_costs_are_shared_to_within_the_dearest_task_of_each(declared: Scene, seed: int) -> None:
    chance = random.Random(200 + seed)
    ledger = weigh(declared, draw_weights(seed, chance))
    users = [*ledger.weights]
    for user in users:
        push(declared, ledger, user, 60, chance, dearest=20)
    for _ in range(30):
        if chance.random() < 0.3:
            push(declared, ledger, chance.choice(users), 5, chance, dearest=20)
        for grant in declared.serve(chance.choice([1, 1, 2, 7, 50])):
            ledger.start(grant.user_id, cost_of(grant))
    assert ledger.tightest > 0.4


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("dearest", [0, 20])
def test_a_new_weight_counts_from_the_next_start_on(request: pytest.FixtureRequest, seed: int, dearest: int) -> None:
    scene: Scene = request.getfixturevalue("declared" if dearest else "scene")
    chance = random.Random(300 + seed)
    ledger = weigh(scene, draw_weights(seed, chance))
    users = [*ledger.weights]
    for user in users:
        push(scene, ledger, user, 90, chance, dearest=dearest)
    for step in range(40):
        if step % 8 == 7:
            user, weight = chance.choice(users), chance.choice([0.5, 1, 4, 50])
            scene.limit_user(user, weight=weight)
            ledger.reweigh(user, weight)
        for grant in scene.serve(chance.choice([1, 2, 9])):
            ledger.start(grant.user_id, cost_of(grant))
    assert ledger.tightest > 0.4


def test_a_new_weight_is_in_force_for_all_that_waits(scene: Scene) -> None:
    for user in "ab":
        scene.push_many(user, 150)
    assert Counter(users_of(scene.serve(50))) == {"a": 25, "b": 25}
    scene.limit_user("a", weight=9)
    assert Counter(users_of(scene.serve(100)))["a"] == pytest.approx(90, abs=1)
    scene.limit_user("a", weight=None)
    scene.limit_user("b", weight=3)
    assert Counter(users_of(scene.serve(40)))["b"] == pytest.approx(30, abs=1)


@pytest.mark.parametrize("barred", [1, 2, 3, 9])
@pytest.mark.parametrize("closed", ["users", "name"])
def test_the_turns_of_users_that_are_barred_go_to_all_others_alike(scene: Scene, closed: str, barred: int) -> None:
    for number in range(barred):
        scene.push_many(f"a{number}", 2, label="m:closed")
        if closed == "users":
            scene.limit_user(f"a{number}", paused=True)
    scene.limit_task("m:closed", paused=closed == "name")
    for user in ("x", "y", "z"):
        scene.push_many(user, 9)
    order = users_of(scene.claim(4)) + users_of(scene.claim(10))
    assert order == ["x", "y", "z"] * 4 + ["x", "y"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dearest", [0, 20])
def test_two_users_share_fairly_whatever_is_done_to_others(
    request: pytest.FixtureRequest, seed: int, dearest: int
) -> None:
    scene: Scene = request.getfixturevalue("declared" if dearest else "scene")
    chance = random.Random(500 + seed)
    ledger = weigh(scene, {"a": chance.choice([1, 3]), "b": chance.choice([0.5, 2, 7])})
    lists = [EVERYONE, claims.lists_of(["a", "b"], []), claims.lists_of(["c", "d"], ["a", "b"])]
    for users in (["a", "b"], ["c", "d"]):
        scene.register(users)
    for user in "ab":
        push(scene, ledger, user, 150, chance, dearest=dearest)
    held: list[Grant] = []
    for _ in range(120):
        scene.now += chance.randint(0, 300)
        other = chance.choice("cd")
        scene.push_many(other, chance.randint(0, 3), label=chance.choice(["m:f", "m:g"]))
        scene.limit_user(other, **chance.choice(CHANGES))
        scene.limit_task("m:g", max_concurrency=chance.choice([0, 1, 5]))
        found = scene.settle(
            [(grant, DONE) for grant in held[:2]], want=chance.randint(0, 4), lists=chance.choice(lists)
        )
        held = held[2:] + [grant for grant in found.grants if grant.user_id in "cd"]
        for grant in found.grants:
            if grant.user_id in "ab":
                ledger.start(grant.user_id, cost_of(grant))
                scene.end([grant], DONE)
    assert ledger.tightest > 0.4


def test_a_light_user_is_not_starved_by_a_heavy_one(scene: Scene) -> None:
    scene.limit_user("heavy", weight=1000)
    scene.limit_user("light", weight=0.5)
    scene.push_many("heavy", 2300)
    scene.push_many("light", 3)
    order = [user for _ in range(11) for user in users_of(scene.serve(200))]
    assert [place for place, user in enumerate(order) if user == "light"] == pytest.approx([1, 2001], abs=1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cost", ["count", "declared"])
def test_a_batch_is_granted_in_the_order_of_single_claims(request: pytest.FixtureRequest, seed: int, cost: str) -> None:
    one: Scene = request.getfixturevalue("declared" if cost == "declared" else "scene")
    chance = random.Random(400 + seed)
    weights = {user: chance.uniform(0.1, 10) for user in "abcdef"}  # no two tags are ever equal but at first
    other = Scene.beside(one)
    plan = [(user, chance.randint(1, 20), chance.randint(1, 6)) for user in weights for _ in range(30)]
    chance.shuffle(plan)
    for scene in (one, other):
        weigh(scene, weights)
        for number, (user, price, level) in enumerate(plan):
            scene.push(user, f"t{number}", level=level, label=f"m:f {price}")
    singles = [task for _ in range(150) for task in ids_of(one.serve(1))]
    batches: list[str] = []
    while len(batches) < 150:
        batches += ids_of(other.serve(min(chance.choice([1, 2, 5, 17, 50]), 150 - len(batches))))
    other.close()
    assert singles == batches


def test_what_was_released_before_it_began_is_charged_to_nobody(declared: Scene) -> None:
    declared.limit_user("a", weight=2)
    for user in "ab":
        declared.push_many(user, 6, label="m:f 5")
    for want in (1, 4, 12):
        declared.end(declared.claim(want), RELEASE)
        assert set(declared.tags().values()) == {declared.stat("clock")} or want < 12
    for grant in declared.claim(3):
        declared.end([grant], DONE)
    assert Counter(users_of(declared.claim(3)))["a"] == 2


def test_a_declared_cost_may_be_a_fraction_and_its_absence_is_one(declared: Scene) -> None:
    declared.push_many("a", 40, label="m:f 0.25")
    declared.push_many("b", 40)
    assert Counter(users_of(declared.claim(50))) == {"a": 40, "b": 10}
