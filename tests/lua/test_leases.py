"""Leases: one at a time (I4), found when they lapse (I9, I11), and an old token changes nothing (I5-I7)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fairque.core.outcome import Outcome
from fairque.store import claims, tasks
from fairque.store.records import Record
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, ids_of, postpone

LEASE_MS = int(LEASE * 1000)
WAYS: list[Outcome] = [DONE, BURY, RELEASE, again(5), postpone(5)]


def record(scene: Scene, task_id: str = "t", user: str = "a") -> Record:
    found = scene.run(tasks.get(scene.root, task_id, user))
    assert found is not None
    return found


# --- lapse ----------------------------------------------------------------------------------------------------------


def test_a_lease_holds_until_its_deadline_and_not_a_millisecond_longer(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    scene.now += LEASE_MS - 1
    assert scene.claim(1, worker="alive") == []
    scene.now += 1
    (grant,) = scene.claim(1, worker="alive")
    assert (grant.task_id, grant.attempt, grant.lost, grant.failures) == ("t", 2, 1, 0)


def test_any_settle_by_anyone_finds_what_has_lapsed(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    scene.now += LEASE_MS
    scene.settle(worker="somebody")
    assert record(scene).run is None
    assert scene.stat("lost_total") == 1
    assert scene.stat("queued") == 1


def test_a_sleeper_wakes_when_the_next_lease_lapses(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1, worker="dead")
    scene.now += LEASE_MS - 300
    assert scene.settle(want=1, worker="alive", block=2.0).pause == pytest.approx(0.3)


def test_many_leases_lapse_in_bounded_steps_and_none_is_missed(scene: Scene) -> None:
    scene.push_many("a", 45)
    scene.claim(45, worker="dead")
    scene.now += LEASE_MS
    found = []
    for _ in range(5):
        scene.settle(worker="alive")
        found.append(scene.stat("queued"))
    assert found == [10, 20, 30, 40, 45]


def test_the_third_loss_is_a_failure_and_there_is_no_fourth_run(scene: Scene) -> None:
    scene.push("a", "t")
    for attempt in (1, 2, 3):
        (grant,) = scene.claim(1, worker=f"w{attempt}")
        assert grant.attempt == attempt
        scene.now += LEASE_MS
    assert scene.claim(1) == []
    found = record(scene)
    assert (found.letter, found.lost, found.attempt) == ("X", 3, 3)
    assert found.body.startswith(b"4:lost")
    assert (scene.stat("failed"), scene.stat("failed_total"), scene.stat("lost_total")) == (1, 1, 3)


def test_losses_and_failures_are_counted_apart(scene: Scene) -> None:
    scene.push("a", "t")
    scene.claim(1)
    scene.now += LEASE_MS
    scene.end(scene.claim(1), again(1))
    scene.now += 1_000
    (grant,) = scene.claim(1)
    assert (grant.attempt, grant.lost, grant.failures) == (3, 1, 1)


# --- renewal --------------------------------------------------------------------------------------------------------


def test_a_renewed_lease_counts_from_the_renewal(scene: Scene) -> None:
    scene.push("a", "t")
    (grant,) = scene.claim(1)
    scene.now += LEASE_MS - 1
    assert scene.run(claims.renew(scene.root, [(grant.member, grant.token)], LEASE, scene.at())) == [True]
    scene.now += LEASE_MS - 1
    assert scene.claim(1) == []
    scene.now += 1
    assert ids_of(scene.claim(1)) == ["t"]


def test_a_lease_that_lapsed_is_still_good_until_somebody_reaps_it(scene: Scene) -> None:
    scene.push("a", "t")
    (grant,) = scene.claim(1)
    scene.now += 10 * LEASE_MS
    assert scene.run(claims.renew(scene.root, [(grant.member, grant.token)], LEASE, scene.at())) == [True]
    assert scene.end([grant], DONE) == []


def test_a_reaped_lease_cannot_be_renewed_and_does_not_come_back(scene: Scene) -> None:
    scene.push("a", "t", "u")
    lost, kept = scene.claim(1, lease=1.0), scene.claim(1)
    scene.now += 1_000
    scene.settle(worker="alive")
    leases = [(grant.member, grant.token) for grant in (*lost, *kept)]
    assert scene.run(claims.renew(scene.root, leases, LEASE, scene.at())) == [False, True]
    assert scene.client.zcard(scene.key("leases")) == 1


def test_a_clock_that_steps_back_reaps_nothing_and_starts_nothing_early(scene: Scene) -> None:
    scene.push("a", "t")
    scene.push("a", "later", when="+5000")
    scene.claim(1)
    scene.now -= 3_600_000
    assert scene.claim(2) == []
    scene.now += 3_600_000 + 5_000
    assert ids_of(scene.claim(2)) == ["later"]


# --- fencing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=lambda way: type(way).__name__)
@pytest.mark.parametrize(
    "state", ["granted again", "ready again", "finished", "failed", "scheduled", "deleted", "pushed anew"]
)
def test_an_old_token_changes_nothing_whatever_became_of_the_task(scene: Scene, way: Outcome, state: str) -> None:
    scene.push("a", "t")
    scene.push("b", "other")
    (old,) = scene.claim(1)
    scene.now += LEASE_MS
    if state == "ready again":
        scene.settle()
    else:
        (new,) = (grant for grant in scene.claim(2, worker="new") if grant.task_id == "t")
        endings: dict[str, Outcome] = {"finished": DONE, "failed": BURY, "scheduled": again(5)}
        endings |= {"deleted": DONE, "pushed anew": DONE}
        if state in endings:
            scene.end([new], endings[state])
        if state == "deleted":
            scene.delete("a", "t")
        if state == "pushed anew":
            scene.push("a", "t")
    scene.settle()
    before = scene.dump(without=["last:"])
    assert scene.end([old], way) == [0]
    assert scene.run(claims.renew(scene.root, [(old.member, old.token)], LEASE, scene.at())) == [False]
    assert scene.dump(without=["last:"]) == before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: type(way).__name__)
def test_a_run_ends_once(scene: Scene, way: Outcome) -> None:
    scene.push("a", "t")
    grants = scene.claim(1)
    assert scene.end([*grants, *grants], way) == [1]
    assert scene.end(grants, way) == [0]
    assert scene.client.hgetall(scene.key("busy")) == {}


def test_stale_outcomes_are_told_by_place_and_the_others_are_accepted(scene: Scene) -> None:
    scene.push_many("a", 4)
    grants = scene.claim(4)
    scene.end([grants[0], grants[2]], DONE)
    assert scene.end(grants, DONE) == [0, 2]
    assert scene.stat("finished_total") == 4


def test_a_token_of_another_task_opens_nothing(scene: Scene) -> None:
    scene.push("a", "t", "u")
    one, other = scene.claim(2)
    assert scene.end(
        [replace(one, token=other.token), replace(one, token=one.token[:-1]), replace(one, token=b"")], DONE
    )
    assert record(scene).run is not None


def test_tokens_and_attempts_rise_with_every_grant(scene: Scene) -> None:
    scene.push("a", "t")
    tokens: list[int] = []
    for attempt in range(1, 6):
        (grant,) = scene.claim(1)
        assert grant.attempt == attempt
        tokens.append(int(grant.token))
        scene.end([grant], RELEASE)
    assert tokens == sorted(set(tokens))


# --- sent twice -----------------------------------------------------------------------------------------------------


def test_the_same_request_is_answered_the_same_and_acts_once(scene: Scene) -> None:
    scene.push_many("a", 5)
    first = scene.claim(1)[0]
    ended = claims.end(first.member, first.token, BURY, ran=None, ending=None, keep=60, keep_failed=60)
    call = claims.settle(scene.root, "w", "r-twice", want=2, ended=(ended,), now=scene.at())
    one = scene.run(call)
    before = scene.dump()
    assert scene.run(call) == one
    assert scene.dump() == before
    assert (scene.stat("failed_total"), len(one.grants), one.stale) == (1, 2, [])


def test_a_request_that_is_repeated_late_does_not_give_away_what_others_hold_by_now(scene: Scene) -> None:
    scene.push_many("a", 2)
    call = claims.settle(scene.root, "slow", "r-late", want=2, now=scene.at())
    one, _ = scene.run(call).grants
    scene.now += LEASE_MS
    assert one.task_id in ids_of(scene.claim(2, worker="quick"))
    assert scene.run(call).grants == []
