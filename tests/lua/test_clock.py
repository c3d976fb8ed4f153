"""The queue's clock and who comes late: no credit for idling, no debt forgotten, nobody holds the clock (I24)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from fairque.store import claims
from tests.lua.scene import DONE, RELEASE, Scene, users_of

CLOSED: list[dict[str, Any]] = [{"paused": True}, {"max_concurrency": 0}, {"rate": "1/d", "burst": 1}]


def spread(order: list[str], users: str) -> int:
    amounts = [order.count(user) for user in users]
    return max(amounts) - min(amounts)


def serve_one_by_one(scene: Scene, count: int, lists: claims.Lists | None = None) -> list[str]:
    return [user for _ in range(count) for user in users_of(scene.serve(1, lists=lists or claims.SERVES_ALL))]


# --- whoever is not ready does not hold the clock -------------------------------------------------------------------


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("how", ["user", "name"])
def test_a_closed_user_is_not_in_the_ring_and_the_clock_goes_on(scene: Scene, how: str, closed: dict[str, Any]) -> None:
    scene.push_many("a", 300, label="m:closed")
    for user in "bc":
        scene.push_many(user, 500)
    if how == "user":
        scene.limit_user("a", **closed)
    else:
        scene.limit_task("m:closed", **closed)
    for _ in range(10):
        scene.serve(30)
    assert set(scene.tags()) == {"b", "c"}
    assert scene.stat("clock") >= 140
    if how == "user":
        scene.limit_user("a", mode="reset")
    else:
        scene.limit_task("m:closed", mode="reset")
    order = [user for _ in range(20) for user in users_of(scene.serve(15))]
    assert spread(order, "abc") <= 2
    assert order[:4].count("a") >= 1


def test_a_user_whose_only_slot_is_held_does_not_hold_the_clock(scene: Scene) -> None:
    scene.limit_user("a", max_concurrency=1)
    scene.push_many("a", 1500)
    run = scene.claim(1)
    for user in "bc":
        scene.push_many(user, 1500)
    for _ in range(15):
        assert "a" not in users_of(scene.serve(100))
    assert scene.stat("clock") >= 740
    scene.limit_user("a", max_concurrency=None)
    scene.end(run, DONE)
    order = [user for _ in range(50) for user in users_of(scene.serve(20))]
    assert spread(order, "abc") <= 2


def test_a_capped_user_has_no_advantage_of_leaving_and_coming_back(scene: Scene) -> None:
    scene.limit_user("a", max_concurrency=1)
    for user in "ab":
        scene.push_many(user, 100)
    order = serve_one_by_one(scene, 60)
    assert all(spread(order[:length], "ab") <= 2 for length in range(60))


def test_a_rated_user_has_no_advantage_of_leaving_and_coming_back(scene: Scene) -> None:
    scene.limit_user("a", rate="1/s", burst=1)
    for user in "ab":
        scene.push_many(user, 100)
    order: list[str] = []
    for _ in range(60):
        scene.now += 1000
        order += users_of(scene.serve(1))
    assert all(spread(order[:length], "ab") <= 2 for length in range(60))


def test_deleting_all_that_a_user_has_ready_does_not_move_others(scene: Scene) -> None:
    scene.push("a", *(f"a{n}" for n in range(5)))
    scene.push_many("b", 60)
    scene.serve(8)
    for number in range(5):
        scene.delete("a", f"a{number}")
    assert set(scene.tags()) == {"b"}
    scene.push_many("a", 40)
    assert spread(serve_one_by_one(scene, 40), "ab") <= 2


# --- whoever comes late ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.2, 1, 30])
def test_a_newcomer_after_ten_thousand_starts_joins_at_the_clock(scene: Scene, weight: float) -> None:
    for user in "ab":
        scene.push_many(user, 5300)
    for _ in range(50):
        scene.serve(200)
    scene.limit_user("n", weight=weight)
    scene.push_many("n", 300)
    order = serve_one_by_one(scene, 100)
    assert "n" in order[:3]
    assert order.count("n") == pytest.approx(100 * weight / (2 + weight), abs=2)


def test_a_user_who_asks_for_little_and_then_floods_gets_no_burst(scene: Scene) -> None:
    for user in "ab":
        scene.push_many(user, 700)
    order: list[str] = []
    for step in range(400):
        if step % 20 == 0:
            scene.push_many("little", 1)
        order += users_of(scene.serve(1))
    assert order.count("little") == 20
    scene.push_many("little", 200)
    order = serve_one_by_one(scene, 300)
    assert [order.count(user) for user in ("a", "b", "little")] == pytest.approx([100, 100, 100], abs=2)
    assert order[:30].count("little") <= 11


def test_a_user_who_idles_and_returns_in_turns_neither_gains_nor_loses(declared: Scene) -> None:
    chance = random.Random(6)
    declared.push_many("steady", 600, label="m:f 4")
    served: Counter[str] = Counter()
    for _ in range(150):
        declared.push_many("comer", chance.choice([0, 1, 1, 1, 3]), label="m:f 4")  # more than its share, in bits
        served.update(users_of(declared.serve(1)))
    assert abs(served["steady"] - served["comer"]) <= 2


def test_a_debt_is_paid_however_often_its_user_leaves(declared: Scene) -> None:
    declared.push("a", "dear", label="m:f 50")
    declared.push_many("b", 100, label="m:f 1")
    order = users_of(declared.serve(2))[1:]
    for _ in range(48):
        declared.push("a", "t", label="m:f 1")
        order += users_of(declared.serve(1))
        declared.delete("a", "t")
    assert order == ["b"] * 49
    declared.push("a", "t")
    assert "a" in users_of(declared.serve(3))


# --- nothing is kept for ever ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", ["scene", "declared", "timed"])
def test_tags_of_users_long_gone_are_swept(request: pytest.FixtureRequest, cost: str) -> None:
    scene: Scene = request.getfixturevalue(cost)
    chance = random.Random(7)
    for number in range(400):
        if number % 7 == 0:
            scene.limit_user(f"user:{number}", weight=chance.choice([0.01, 3]), max_concurrency=1)
        scene.push_many(f"user:{number}", 1, label=f"m:f {chance.randint(1, 30)}")
    runs = scene.claim(150)
    scene.now += 1000
    scene.end(runs[:75], DONE, ran=0.5)
    scene.end(runs[75:], RELEASE)
    scene.drain(100)
    clock = scene.stat("clock")
    for _ in range(6):
        scene.settle()
    assert scene.tags("tags") == scene.tags("ring") == {}
    assert scene.stat("clock") >= clock


# --- lists that are served at a pace of their own -------------------------------------------------------------------


@pytest.fixture
def paced(scene: Scene) -> dict[str, claims.Lists]:
    """Let a's list be served slowly and b's a hundred times as fast, until their users' tags are far apart."""
    lists = {"slow": claims.lists_of(["0", "1", "3", "5"], []), "fast": claims.lists_of(["2", "4"], [])}
    for users in (["0", "1", "3", "5"], ["2", "4"]):
        scene.register(users)
    for user in "1234":
        scene.push_many(user, 1000 if user in "24" else 200)
    for _ in range(10):
        scene.serve(1, lists=lists["slow"])
        scene.serve(100, lists=lists["fast"])
    scene.serve(2, lists=lists["slow"])
    assert scene.stat("clock") >= 490
    return lists


def test_a_newcomer_of_a_slow_list_waits_for_one_task_of_each_of_its_peers(
    scene: Scene, paced: dict[str, claims.Lists]
) -> None:
    scene.push_many("5", 20)
    order = serve_one_by_one(scene, 30, paced["slow"])
    assert "5" in order[:3]
    assert spread(order, "135") <= 1


def test_a_newcomer_of_a_fast_list_waits_for_one_task_of_each_of_its_peers(
    scene: Scene, paced: dict[str, claims.Lists]
) -> None:
    scene.register(["2", "4", "6"])
    wider = claims.lists_of(["2", "4", "6"], [])
    scene.push_many("6", 20)
    order = serve_one_by_one(scene, 30, wider)
    assert "6" in order[:3]
    assert spread(order, "246") <= 2
    assert paced["fast"] != wider


@pytest.mark.parametrize("user", ["0", "5"])  # before and behind the others where tags are equal
def test_who_drips_into_a_slow_list_takes_no_more_than_its_turn(
    scene: Scene, paced: dict[str, claims.Lists], user: str
) -> None:
    order: list[str] = []
    for _ in range(60):
        if not scene.client.hexists(scene.key("counts"), user):
            scene.push_many(user, 1)
        order += users_of(scene.serve(1, lists=paced["slow"]))
    assert spread(order, "13" + user) <= 2


@pytest.mark.parametrize("cap", [{"max_concurrency": 1}, {"rate": "1/s", "burst": 1}])
def test_a_capped_user_of_a_slow_list_takes_no_more_than_its_turn(
    scene: Scene, paced: dict[str, claims.Lists], cap: dict[str, Any]
) -> None:
    scene.limit_user("1", **cap)
    order: list[str] = []
    for _ in range(60):
        scene.now += 1000
        order += users_of(scene.serve(1, lists=paced["slow"]))
    assert spread(order, "13") <= 2


def test_who_is_on_a_slow_and_a_fast_list_loses_nothing_on_either(scene: Scene, paced: dict[str, claims.Lists]) -> None:
    scene.register(["2", "4", "both"])
    scene.register(["1", "3", "both"])
    slow, fast = claims.lists_of(["1", "3", "both"], []), claims.lists_of(["2", "4", "both"], [])
    scene.push_many("both", 100)
    order: list[str] = []
    for _ in range(5):
        order += users_of(scene.serve(1, lists=slow))
        order += users_of(scene.serve(9, lists=fast))
    shares = Counter(order)
    assert shares["both"] >= min(shares["2"], shares["4"]) - 1
    assert paced
