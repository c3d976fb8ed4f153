"""Caps of users, of names and of the queue: never exceeded, effective at once, taken together or not at all (I15)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from fairque.core.limits import UserSettings
from fairque.store import claims
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, ids_of, postpone, users_of
from tests.lua.subjects import change, each_subject


def tables(scene: Scene, *names: str) -> dict[str, Any]:
    return {name: scene.client.hgetall(scene.key(name)) for name in names}


DAY = 86_400_000


def missing_tokens(scene: Scene) -> dict[str, float]:
    """Return how many tokens are missing in the buckets of those whose rate is 1/d: a day for each."""
    return {subject: (full - scene.now) / DAY for subject, full in scene.tags("buckets").items() if full > scene.now}


# --- max_concurrency and paused -------------------------------------------------------------------------------------


@each_subject
def test_max_concurrency_is_never_exceeded_and_never_left_unused(scene: Scene, subject: str) -> None:
    change(scene, subject, max_concurrency=3)
    scene.push_many("a", 40)
    chance, runs = random.Random(1), scene.claim(2)
    order: list[str] = []
    while len(order) < 40:
        chance.shuffle(runs)
        count = chance.randint(0, len(runs))
        order += ids_of(runs[:count])
        ended, runs = runs[:count], runs[count:]
        worker, want = chance.choice(["w1", "w2"]), chance.randint(1, 5)
        found = scene.settle([(grant, DONE) for grant in ended], want=want, worker=worker).grants
        left = 40 - len(order) - len(runs)
        assert len(found) == min(want, 3 - len(runs), left)
        runs += found
    assert tables(scene, "busy", "held") == {"busy": {}, "held": {}}


@each_subject
def test_none_may_run_at_zero_and_a_change_counts_at_once_in_both_directions(scene: Scene, subject: str) -> None:
    scene.push_many("a", 30)
    change(scene, subject, max_concurrency=0)
    assert scene.claim(5) == []
    change(scene, subject, max_concurrency=4)
    runs = scene.claim(9)
    assert len(runs) == 4
    change(scene, subject, max_concurrency=2)
    scene.end(runs[:2], DONE)
    assert scene.claim(5) == []
    scene.end(runs[2:3], DONE)
    assert len(scene.claim(5)) == 1
    change(scene, subject, paused=True)
    scene.end(runs[3:], DONE)
    assert scene.claim(5) == []
    change(scene, subject, paused=None, max_concurrency=None)
    assert len(scene.claim(5)) == 5


@each_subject
@pytest.mark.parametrize("way", [DONE, BURY, RELEASE, again(1), postpone(1)], ids=lambda way: type(way).__name__)
def test_every_way_to_end_gives_the_slot_back(scene: Scene, subject: str, way: Any) -> None:
    change(scene, subject, max_concurrency=1)
    scene.push_many("a", 3)
    for _ in range(3):
        runs = scene.claim(2)
        assert len(runs) == 1
        scene.end(runs, way)
        scene.now += 1000
    assert tables(scene, "busy")["busy"] == {}


def test_a_user_at_its_cap_leaves_the_turn_to_others(scene: Scene) -> None:
    scene.limit_user("a", max_concurrency=1)
    scene.push_many("a", 5)
    scene.push_many("b", 5)
    assert users_of(scene.claim(4)) == ["a", "b", "b", "b"]
    assert set(scene.tags()) == {"b"}
    assert scene.held() == {b"a": b"c"}


def test_many_users_that_are_closed_do_not_keep_the_others_from_work(scene: Scene) -> None:
    for number in range(100):
        scene.limit_user(f"user:{number}", paused=True)
        scene.push_many(f"user:{number}", 1)
    scene.push_many("z", 2)
    answer = scene.settle(want=1, block=2.0)
    for _ in range(20):
        if not answer.grants and answer.pause <= 0.001:  # so many at once are looked at; it asks again at once
            answer = scene.settle(want=1, block=2.0)
    assert users_of(answer.grants) == ["z"]


# --- several at once ------------------------------------------------------------------------------------------------


def test_what_one_cap_bars_takes_nothing_of_another(scene: Scene) -> None:
    scene.limit_user("a", rate="1/d", burst=1)
    scene.limit_task("m:f", rate="1/d", burst=1)
    scene.limit_task("m:g", max_concurrency=0)
    scene.limit_queue(rate="1/d", burst=2)
    scene.push("a", "a1", label="m:g")
    assert scene.claim(3) == []
    assert missing_tokens(scene) == {}
    scene.limit_queue(max_concurrency=0)
    scene.push("a", "a2", "a3")
    assert scene.claim(3) == []
    assert missing_tokens(scene) == {}
    scene.limit_queue(max_concurrency=None)
    assert ids_of(scene.claim(3)) == ["a2"]
    assert missing_tokens(scene) == {"a": 1, "|m:f": 1, "||": 1}
    assert tables(scene, "busy")["busy"] == {b"a": b"1", b"|m:f": b"1"}


@pytest.mark.parametrize("seed", range(8))
def test_the_least_of_all_caps_is_what_runs(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    caps = {user: chance.randint(0, 6) for user in "abc"}
    names = {name: chance.randint(0, 8) for name in ("m:f", "m:g")}
    most = chance.randint(1, 14)
    for user, cap in caps.items():
        scene.limit_user(user, max_concurrency=cap)
    for name, cap in names.items():
        scene.limit_task(name, max_concurrency=cap)
    scene.limit_queue(max_concurrency=most)
    ready = Counter({(user, name): 10 for user in caps for name in names})
    for user, name in ready:
        scene.push_many(user, 10, label=name)
    running: Counter[str] = Counter()
    while grants := scene.claim(chance.randint(1, 5)):
        for grant in grants:
            name = grant.body.split(b"|")[0].decode()
            running.update([grant.user_id, name])
            ready[grant.user_id, name] -= 1
    assert all(running[user] <= cap for user, cap in caps.items())
    assert all(running[name] <= cap for name, cap in names.items())
    total = sum(running[user] for user in caps)
    assert total <= most
    could = [key for key in ready if running[key[0]] < caps[key[0]] and running[key[1]] < names[key[1]]]
    assert total == most or could == []
    busy = {field.decode(): int(text) for field, text in tables(scene, "busy")["busy"].items()}
    assert busy == {(key if len(key) == 1 else f"|{key}"): amount for key, amount in running.items()}


def test_a_claim_that_is_sent_twice_takes_slots_and_tokens_once(scene: Scene) -> None:
    scene.limit_user("a", rate="1/h", burst=3, max_concurrency=3)
    scene.limit_task("m:f", max_concurrency=3, rate="1/h", burst=3)
    scene.limit_queue(max_concurrency=3, rate="1/h", burst=3)
    scene.push_many("a", 5)
    call = claims.settle(scene.root, "w", "r-twice", want=2, now=scene.at())
    one, before = scene.run(call), scene.dump()
    assert scene.run(call) == one
    assert scene.dump() == before
    assert len(scene.claim(5)) == 1


def test_an_outcome_that_is_stale_frees_no_slot(scene: Scene) -> None:
    scene.limit_user("a", max_concurrency=1)
    scene.push("a", "a1", "a2")
    lost = scene.claim(1, worker="dead")
    scene.now += int(LEASE * 1000)
    assert ids_of(scene.claim(1)) == ["a1"]
    assert scene.end(lost, DONE) == [0]
    assert scene.claim(1) == []
    assert tables(scene, "busy")["busy"] == {b"a": b"1", b"|m:f": b"1"}


# --- whose settings count -------------------------------------------------------------------------------------------


def test_a_star_stands_for_users_without_a_value_of_their_own(scene: Scene) -> None:
    scene.limit_user("*", max_concurrency=1)
    scene.limit_user("own", max_concurrency=3)
    assert scene.limit_user("b", weight=1) == UserSettings(max_concurrency=1)
    for user in ("a", "b", "own"):
        scene.push_many(user, 3)
    assert Counter(users_of(scene.claim(9))) == {"a": 1, "b": 1, "own": 3}
    scene.limit_user("*", max_concurrency=2)
    assert Counter(users_of(scene.claim(9))) == {"a": 1, "b": 1}
    scene.limit_user("own", mode="reset")
    scene.push_many("own", 1)
    assert scene.claim(9) == []


def test_a_user_may_be_let_on_while_all_others_are_paused(scene: Scene) -> None:
    for user in ("a", "b"):
        scene.push_many(user, 2)
    scene.limit_user("*", paused=True)
    scene.limit_user("a", paused=False)
    assert users_of(scene.claim(9)) == ["a", "a"]
    scene.limit_user("a", paused=None)
    scene.push_many("a", 1)
    assert scene.claim(9) == []
    scene.limit_user("*", paused=None)
    assert len(scene.claim(9)) == 3


def test_a_users_own_values_stand_beside_those_of_the_star(scene: Scene) -> None:
    scene.limit_user("*", max_concurrency=2, rate="3/h", burst=3)
    scene.limit_user("a", max_concurrency=5)
    scene.limit_user("b", rate="1/h", burst=1)
    for user in ("a", "b", "c"):
        scene.push_many(user, 9)
    assert Counter(users_of(scene.claim(20))) == {"a": 3, "b": 1, "c": 2}


def test_a_seed_never_overrides_what_was_set_at_run_time(scene: Scene) -> None:
    assert scene.limit_user("a", mode="seed", weight=2, max_concurrency=5) == UserSettings(weight=2, max_concurrency=5)
    assert scene.limit_user("a", mode="seed", weight=3) == UserSettings(weight=3)
    assert scene.limit_user("a", max_concurrency=7) == UserSettings(weight=3, max_concurrency=7)
    assert scene.limit_user("a", mode="seed", weight=4) == UserSettings(weight=3, max_concurrency=7)
    assert scene.limit_user("a", weight=None, max_concurrency=None) == UserSettings()
    assert scene.limit_user("a", mode="seed", weight=4) == UserSettings()
    assert scene.limit_user("a", mode="reset") == UserSettings()
    assert scene.limit_user("a", mode="seed", weight=4) == UserSettings(weight=4)
