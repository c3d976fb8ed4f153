"""A task that was lost is a suspect: a worker holds one at a time (I11). Redis that stood still reaps nobody (I10)."""

from __future__ import annotations

import pytest

from fairque.store import claims
from tests.lua.scene import DONE, LEASE, Scene, ids_of, users_of

LEASE_MS = int(LEASE * 1000)


def test_a_worker_holds_one_task_at_a_time_that_was_lost_before(scene: Scene) -> None:
    for user in ("a", "b"):
        scene.push_many(user, 2)
    scene.claim(4, worker="dead")
    scene.now += LEASE_MS
    first = scene.claim(4, worker="w1")
    second = scene.claim(4, worker="w2")
    assert (len(first), len(second), scene.claim(4, worker="w1")) == (1, 1, [])
    scene.end(first, DONE)
    assert len(scene.claim(4, worker="w1")) == 1


def test_a_worker_with_a_suspect_goes_on_with_what_was_never_lost(scene: Scene) -> None:
    scene.push("a", "poison", "suspect")
    scene.claim(2, worker="dead")
    scene.now += LEASE_MS
    scene.push_many("a", 3)
    scene.push_many("b", 3)
    got = scene.claim(8, worker="w1")
    assert sorted(users_of(got)) == ["a"] * 4 + ["b"] * 3, "a user's other tasks do not wait for its suspect"
    assert sum(grant.lost for grant in got) == 1


def test_a_suspect_whose_worker_dies_frees_its_place(scene: Scene) -> None:
    scene.push("a", "poison")
    for worker in ("w1", "w2"):
        assert scene.claim(1, worker=worker)
        scene.now += LEASE_MS
    assert ids_of(scene.claim(1, worker="w2")) == ["poison"]
    assert scene.client.hlen(scene.key("suspects")) == 1


# --- Redis stood still ----------------------------------------------------------------------------------------------


def test_after_redis_stood_still_leases_may_be_renewed_before_any_is_reaped(scene: Scene) -> None:
    scene.push("a", "t", "u")
    kept, lost = scene.claim(2, worker="w1")
    scene.beat("w1", holds=True)
    scene.now += 2 * LEASE_MS
    scene.settle(worker="w2")
    assert scene.client.hlen(scene.key("runs")) == 2
    assert scene.run(claims.renew(scene.root, [(kept.member, kept.token)], LEASE, scene.at())) == [True]
    scene.now += LEASE_MS // 3
    assert ids_of(scene.claim(2, worker="w2")) == [lost.task_id]


@pytest.mark.parametrize(("holds", "gap"), [(True, 3_001), (False, 10_001)])
def test_silence_is_a_standstill_where_somebody_would_have_spoken(scene: Scene, *, holds: bool, gap: int) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="w1", lease=gap / 1000)
    scene.beat("w1", holds=holds)
    scene.now += gap
    scene.settle(worker="w2")
    assert scene.client.hlen(scene.key("runs")) == 1
    scene.now += LEASE_MS // 3
    assert ids_of(scene.claim(1, worker="w2")) == ["t"]


def test_while_somebody_beats_silence_of_one_worker_is_its_death(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    for _ in range(15):
        scene.beat("alive")
        scene.now += 1_000
    assert ids_of(scene.claim(1, worker="alive")) == ["t"]


def test_an_idle_worker_that_looks_every_five_seconds_reaps_in_time(scene: Scene) -> None:
    scene.push("a", "t")
    scene.beat("alive")
    scene.claim(1, worker="dead")
    scene.beat("dead", holds=True)
    for _ in range(2):  # after the first of them, the last beat of the dead one is long ago
        scene.now += 5_000
        scene.settle(want=1, worker="alive", block=5.0)
        scene.beat("alive")
    scene.now += LEASE_MS - 10_000
    assert ids_of(scene.claim(1, worker="alive")) == ["t"]


def test_who_has_put_down_all_tasks_may_be_silent(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead", lease=5.0)
    scene.beat("w1", holds=True)
    scene.beat("w1")
    scene.now += 5_000
    assert ids_of(scene.claim(1, worker="w1")) == ["t"]


def test_while_reaping_waits_a_sleeper_sleeps(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    scene.beat("w1", holds=True)
    scene.now += 2 * LEASE_MS
    pauses = [scene.settle(want=1, worker="w1", block=2.0).pause for _ in range(3)]
    assert min(pauses) >= 0.1, "else it asks again each millisecond until the renewal is over"


@pytest.mark.parametrize("gap", [0, 2_900])
def test_a_short_silence_is_none(scene: Scene, gap: int) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead", lease=1.0)
    scene.beat("w1", holds=True)
    scene.now += 1_000 + gap // 2
    scene.settle()
    assert scene.client.hlen(scene.key("runs")) == 0


def test_suspects_that_were_passed_over_stand_in_their_places_beside_what_was_set_aside(scene: Scene) -> None:
    scene.push("A", "poison", label="m:h")
    scene.push("a", "f1")
    scene.push("a", "g2", label="m:g")
    assert len(scene.claim(3, worker="dead")) == 3
    scene.now += LEASE_MS
    assert ids_of(scene.claim(1)) == ["poison"]
    scene.push("B", "g3", "g4", label="m:g")  # B comes after a in the ring, and before it at the name's next slot
    scene.serve(2, worker="other", lists=only_b(scene))
    scene.push("@", "f0")
    run = scene.claim(1)
    assert ids_of(run) == ["f0"]
    scene.limit_task("m:f", max_concurrency=1)
    scene.push("B", "f5")
    assert scene.claim(5) == []
    scene.push("a", "f6")
    scene.settle([(run[0], DONE)], want=1)
    places = [int(entry.split(b":")[0]) for entry in scene.lane("a", 3)]
    assert len(places) >= 2
    assert places == sorted(places)


@pytest.mark.parametrize("named", [False, True])
def test_a_user_with_suspects_is_asked_for_the_rest_of_what_is_wanted(scene: Scene, *, named: bool) -> None:
    if named:
        scene.limit_task("m:f", max_concurrency=100)
    for user in ("a", "b", "c"):
        scene.push(user, f"{user}0")
    scene.claim(3, worker="dead")
    scene.now += LEASE_MS
    assert ids_of(scene.claim(1)) == ["a0"]
    scene.push("c", "c1", "c2", "c3")
    answer = scene.settle(want=2, block=2.0)
    assert ids_of(answer.grants) == ["c1", "c2"] or answer.pause <= 0.001
    assert ids_of(answer.grants + scene.claim(2 - len(answer.grants))) == ["c1", "c2"]


def only_b(scene: Scene) -> claims.Lists:
    scene.register(["B"])
    return claims.lists_of(["B"], [])
