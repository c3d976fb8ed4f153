"""Cost `time` for those outside the ring, and while a run goes on: what is owed is not forgiven (I13, I24)."""

from __future__ import annotations

import pytest

from fairque.store.records import Grant
from tests.lua.scene import DONE, LEASE, Scene, users_of

UNKNOWN = 1000.0
"""ms that a run of a name is expected to take until one has ended."""
LEASE_MS = int(LEASE * 1000)


def mean_of(scene: Scene, name: str = "m:f") -> tuple[float, int]:
    ms, runs = (scene.client.hget(scene.key("means"), name) or b"").split()
    return float(ms), int(runs)


def tag_of(scene: Scene, user: str) -> float:
    return {**scene.tags("tags"), **scene.tags("ring")}.get(user, -1)  # -1: swept, the clock has overtaken it


def start(scene: Scene, user: str = "a", *, label: str = "m:f") -> Grant:
    """Start a task of a user that has more of them."""
    scene.push_many(user, 2, label=label)
    return scene.claim(1)[0]


# --- a user that has left the ring meanwhile ------------------------------------------------------------------------


def leave_behind(scene: Scene, user: str, *, beyond: float) -> None:
    """Let another user start so much at once that the clock overtakes the user's tag."""
    crowd = scene.name("crowd")
    scene.push_many(crowd, 200, label=f"m:{crowd}")
    while scene.stat("clock") <= beyond:
        assert set(users_of(scene.claim(5))) == {crowd}
    scene.settle()
    assert user not in scene.tags()
    assert scene.tags("tags").get(user, 0.0) <= scene.stat("clock")


def test_an_overrun_of_a_user_whose_tag_was_swept_is_not_forgiven(timed: Scene) -> None:
    timed.push("a", "a1")
    run = timed.claim(1)
    leave_behind(timed, "a", beyond=2 * UNKNOWN)
    timed.now += 14_000
    timed.end(run, DONE, ran=14)
    assert tag_of(timed, "a") == pytest.approx(14_000)


def test_overruns_of_several_runs_add_up_though_the_tag_was_swept_between_their_ends(timed: Scene) -> None:
    timed.push("a", "a1", "a2")
    first, second = timed.claim(2)
    timed.now += 14_000
    timed.end([first], DONE, ran=10)
    assert tag_of(timed, "a") == pytest.approx(11_000)
    leave_behind(timed, "a", beyond=11_000)
    timed.end([second], DONE, ran=14)
    assert tag_of(timed, "a") == pytest.approx(24_000)


def test_an_underrun_of_a_user_whose_tag_was_swept_earns_nothing(timed: Scene) -> None:
    timed.push("a", "a1")
    run = timed.claim(1)
    leave_behind(timed, "a", beyond=2 * UNKNOWN)
    clock = timed.stat("clock")
    timed.end(run, DONE, ran=0.001)
    timed.push_many("a", 1)
    assert tag_of(timed, "a") == clock


# --- renewing -------------------------------------------------------------------------------------------------------


def test_renewing_charges_what_has_elapsed_beyond_the_estimate(timed: Scene) -> None:
    timed.limit_user("a", weight=2)
    run = start(timed)
    for elapsed in (500, 1000, 6000, 6000, 14_000, 20_000):
        timed.now = run.start_ms + elapsed
        assert timed.renew(run) == [True]
        assert tag_of(timed, "a") == pytest.approx(max(UNKNOWN, elapsed) / 2)
    timed.now += 5000
    timed.end([run], DONE, ran=21)
    assert tag_of(timed, "a") == pytest.approx(21_000 / 2)
    assert mean_of(timed) == (21_000, 1)


def test_what_was_charged_at_renewals_is_given_back_if_the_run_took_less(timed: Scene) -> None:
    run = start(timed)
    timed.now += 9000
    timed.renew(run)
    timed.end([run], DONE, ran=0.5)
    assert tag_of(timed, "a") == pytest.approx(500)


def test_a_lost_lease_after_renewals_is_charged_once(timed: Scene) -> None:
    run = start(timed)
    timed.now += 9000
    timed.renew(run)
    timed.now += LEASE_MS
    timed.settle()
    assert tag_of(timed, "a") == pytest.approx(9000 + LEASE_MS, abs=1)


def test_a_renewal_that_comes_too_late_charges_nothing(timed: Scene) -> None:
    run = start(timed)
    timed.now += LEASE_MS
    timed.settle()
    before = timed.dump()
    assert timed.renew(run) == [False]
    assert timed.dump() == before


def test_renewals_of_several_runs_of_one_user_each_add(timed: Scene) -> None:
    timed.push("a", "a1", "a2", "a3")
    runs = timed.claim(2)
    timed.now += 5000
    timed.renew(*runs)
    assert tag_of(timed, "a") == pytest.approx(10_000)
    timed.now += 5000
    timed.renew(*runs)
    assert tag_of(timed, "a") == pytest.approx(20_000)
    timed.end(runs[:1], DONE, ran=10)
    timed.now += 1000
    timed.end(runs[1:], DONE, ran=11)
    assert tag_of(timed, "a") == pytest.approx(21_000)


def test_a_long_run_of_a_user_outside_the_ring_is_a_debt_while_it_goes_on(timed: Scene) -> None:
    timed.push("a", "a1")
    run = timed.claim(1)
    timed.now += 10_000
    timed.renew(*run)
    timed.push("a", "a2")
    timed.push_many("b", 20)
    assert users_of(timed.claim(10)) == ["b"] * 10


@pytest.mark.parametrize("cost", ["scene", "declared"])
def test_renewing_charges_nothing_where_time_is_not_the_cost(request: pytest.FixtureRequest, cost: str) -> None:
    scene: Scene = request.getfixturevalue(cost)
    run = start(scene)
    scene.now += 9000
    assert scene.renew(run) == [True]
    assert tag_of(scene, "a") == 1


def test_deleting_what_a_running_user_has_ready_forgives_nothing(timed: Scene) -> None:
    timed.push("z", "z1", "z2")
    run = timed.claim(1)
    timed.push_many("crowd", 30, label="m:crowd")
    assert users_of(timed.claim(1) + timed.claim(1)) == ["crowd", "crowd"]  # the clock is at z's tag now
    assert timed.delete("z", "z2")
    timed.claim(3)
    assert timed.stat("clock") == 4000
    timed.now += 14_000
    timed.end(run, DONE, ran=14)
    timed.push("z", "z3")
    assert tag_of(timed, "z") == pytest.approx(14_000)
