"""Cost `time`: users share run time, whatever their tasks are like; the end corrects the estimate (I13)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from fairque.core.outcome import Outcome
from fairque.store.records import Grant
from tests.lua.farm import Farm
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, postpone, users_of

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


# --- shares ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "slots", "longest"),
    [
        ({"a": 1, "b": 1, "c": 3}, (4, 4), 2000),
        ({"a": 1, "b": 1, "c": 1}, (8, 1, 3), 2000),
        ({"a": 1, "b": 7, "c": 2}, (2, 2), 10_000),
    ],
)
def test_shares_of_run_time_are_the_weights_whatever_the_tasks_are_like(
    timed: Scene, weights: dict[str, int], slots: tuple[int, ...], longest: int
) -> None:
    chance = random.Random(4)
    lengths: dict[str, Callable[[], int]] = {
        "a": lambda: longest if chance.random() < 1000 / longest else longest // 1000,
        "b": lambda: 1000,
        "c": lambda: chance.randint(1, 999),
    }
    for user, weight in weights.items():
        timed.limit_user(user, weight=weight)
        timed.push_many(user, 7000, label="m:mixed" if user == "a" else "m:even")
    farm = Farm(timed, lambda grant: lengths[grant.user_id]())
    most = (sum(slots) + 1) * longest

    def no_two_are_further_apart_than_what_runs() -> None:
        spent = farm.spent()
        given = [spent[user] / weight for user, weight in weights.items()]
        assert max(given) - min(given) <= most

    farm.after_each = no_two_are_further_apart_than_what_runs
    for number, count in enumerate(slots):
        farm.hire(f"w{number}", count)
    farm.work(timed.now + 4_000_000 // sum(slots))
    wanted = {user: weight / sum(weights.values()) for user, weight in weights.items()}
    assert all(timed.client.hexists(timed.key("counts"), user) for user in weights), "somebody ran out of tasks"
    assert farm.shares() == {user: pytest.approx(share, rel=0.02) for user, share in wanted.items()}


def test_with_one_slot_users_differ_by_one_task_at_most_however_long_each_is(timed: Scene) -> None:
    chance = random.Random(5)
    farm = Farm(timed, lambda grant: 1000 if grant.user_id == "a" else chance.choice([1, 10, 1000]))
    for user in ("a", "b", "c"):
        timed.push_many(user, 600)

    def differ_little() -> None:
        spent = [farm.served[user] for user in ("a", "b", "c")]
        assert max(spent) - min(spent) <= 2 * 1000

    farm.after_each = differ_little
    farm.hire("w", 1)
    farm.work(timed.now + 300_000)
    assert len(farm.starts) > 600


# --- the estimate ---------------------------------------------------------------------------------------------------


def test_the_estimate_is_the_running_mean_of_the_name(timed: Scene) -> None:
    times = [100, 300, 5, 7.5, 1000]
    for count, ms in enumerate(times, 1):
        run = start(timed)
        timed.now += 2000
        timed.end([run], DONE, ran=ms / 1000)
        mean, runs = mean_of(timed)
        assert (mean, runs) == pytest.approx((sum(times[:count]) / count, count), rel=1e-5)
    before = tag_of(timed, "a")
    start(timed)
    assert tag_of(timed, "a") - before == pytest.approx(sum(times) / len(times), rel=1e-5)


def test_an_unknown_name_is_taken_for_a_second_and_names_do_not_mix(timed: Scene) -> None:
    run = start(timed, label="m:f")
    assert tag_of(timed, "a") == UNKNOWN
    timed.now += 9
    timed.end([run], DONE, ran=0.009)
    timed.drain()
    timed.push_many("b", 2, label="m:g")
    before = timed.stat("clock")
    timed.claim(1)
    assert tag_of(timed, "b") - before == UNKNOWN


def test_the_mean_forgets_what_was_long_ago(timed: Scene) -> None:
    timed.push_many("a", 400)
    for number in range(400):
        run = timed.claim(1)
        timed.now += 100
        timed.end(run, DONE, ran=0.1 if number < 100 else 0.01)
    assert mean_of(timed)[0] == pytest.approx(10, rel=0.15)


# --- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [DONE, BURY, again(1), postpone(1), RELEASE], ids=lambda way: type(way).__name__)
@pytest.mark.parametrize("ran", [0.001, 0.9, 1.0, 7.0])
@pytest.mark.parametrize("weight", [1, 4])
def test_the_end_corrects_the_charge_to_what_the_run_took(timed: Scene, way: Outcome, ran: float, weight: int) -> None:
    timed.limit_user("a", weight=weight)
    run = start(timed)
    assert tag_of(timed, "a") == UNKNOWN / weight
    timed.now += 10_000
    timed.end([run], way, ran=ran)
    assert tag_of(timed, "a") == pytest.approx(ran * 1000 / weight)


def test_the_correction_is_by_the_weight_of_the_start(timed: Scene) -> None:
    timed.limit_user("a", weight=2)
    run = start(timed)
    timed.limit_user("a", weight=8)
    timed.now += 3000
    timed.end([run], DONE, ran=3)
    assert tag_of(timed, "a") == pytest.approx(1500)


def test_a_worker_that_does_not_know_is_charged_what_has_passed(timed: Scene) -> None:
    run = start(timed)
    timed.now += 4321
    timed.end([run], DONE)
    assert tag_of(timed, "a") == pytest.approx(4321, abs=1)


def test_nobody_is_charged_for_more_than_has_passed(timed: Scene) -> None:
    run = start(timed)
    timed.now += 50
    timed.end([run], DONE, ran=1e6)
    assert tag_of(timed, "a") == pytest.approx(50, abs=1)
    assert mean_of(timed)[0] == pytest.approx(50, abs=1)


def test_a_lost_lease_is_charged_what_elapsed(timed: Scene) -> None:
    start(timed)
    timed.now += LEASE_MS
    timed.settle()
    assert tag_of(timed, "a") == pytest.approx(LEASE_MS, abs=1)
    assert not timed.client.exists(timed.key("means"))


def test_what_was_released_before_it_ran_costs_nothing_and_teaches_nothing(timed: Scene) -> None:
    timed.push_many("b", 3)
    run = start(timed, "a")
    timed.now += 9000
    timed.end([run], RELEASE)
    assert tag_of(timed, "a") == 0
    assert not timed.client.exists(timed.key("means"))
    assert users_of(timed.claim(2)) == ["a", "b"]


def test_a_batch_of_ends_corrects_each(timed: Scene) -> None:
    timed.push_many("a", 5)
    runs = timed.claim(4)
    timed.now += 60_000
    timed.end(runs, DONE, ran=3)
    assert tag_of(timed, "a") == pytest.approx(4 * 3000)
    assert mean_of(timed) == (3000, 4)
