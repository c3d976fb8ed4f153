"""A thousand users, one with very many tasks: a quiet one waits for one round, and no script takes long (I13, I20)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest

from fairque.store import tasks
from fairque.store.claims import MAX_WANT
from fairque.store.records import Grant
from tests.lua.scene import DONE, RELEASE, Scene, users_of

TASKS = int(os.environ.get("FAIRQUE_TASKS", "100000"))
"""Tasks of the one user; a million takes half a minute more."""
MOST_MS = 5.0
SEEN_MOST = 80
"""Tasks that one call grants where each has to be looked at (scripts/lua/lib/claim.lua)."""
CROWD = [f"user:{number}" for number in range(1000)]
ROUNDS = 9


# The machine that these tests share with others runs at two thirds of its speed at times. So what a script takes is
# compared with this one, which takes so many ms when the machine is idle.
REFERENCE = """
for i = 1, 1000 do
  redis.call('HSET', KEYS[1], i % 200, string.format('%d:%d:%s', i, i * 7, ARGV[1]))
  string.match(redis.call('HGET', KEYS[1], i % 200), '^(%d+):(%d+):')
end
redis.call('DEL', KEYS[1])
"""
REFERENCE_MS = 3.65


def spent_ms(scene: Scene) -> float:
    """Return the time that scripts have taken on this server so far."""
    stats: Any = scene.client.info("commandstats")
    return float(stats.get("cmdstat_evalsha", {"usec": 0})["usec"]) / 1000


def typical_ms(scene: Scene, calls: Iterator[Callable[[], object]]) -> float:
    """Return the median over calls of what their scripts take on an idle machine; the first call is to warm up."""
    reference = scene.client.register_script(REFERENCE)
    times = []
    for call in calls:
        begin = spent_ms(scene)
        call()
        middle = spent_ms(scene)
        reference(keys=[scene.key("reference")], args=["x" * 40])
        times.append(REFERENCE_MS * (middle - begin) / (spent_ms(scene) - middle or math.inf))
    assert len(times) >= 6
    return median(times[1:])


def push_one_each(scene: Scene, users: list[str], *, label: str = "m:f", level: int = 3) -> None:
    scene.push_entries([tasks.Entry(user, scene.name("t"), level, "", "", f"{label}|".encode()) for user in users])


def flood(scene: Scene, count: int, *, label: str = "m:f") -> None:
    scene.push_entries([tasks.Entry("flood", f"t{n}", 3, "", "", f"{label}|".encode()) for n in range(count)])


@pytest.mark.timeout(300)
def test_a_quiet_users_task_is_granted_within_one_round_whatever_others_have_piled_up(scene: Scene) -> None:
    flood(scene, TASKS)
    for _ in range(2):
        push_one_each(scene, CROWD)
    for _ in range(3):
        scene.serve(MAX_WANT)
    scene.push("quiet", "t")
    order = [user for _ in range(10) for user in users_of(scene.serve(MAX_WANT))]
    assert order.index("quiet") <= len(CROWD) + 1
    assert order[: order.index("quiet")].count("flood") <= 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["count", "levels", "weights", "rates", "names", "declared", "time"])
def test_claims_stay_quick_among_a_thousand_users(request: pytest.FixtureRequest, kind: str) -> None:
    scene: Scene = request.getfixturevalue({"declared": "declared", "time": "timed"}.get(kind, "scene"))
    if kind == "weights":
        for number, user in enumerate(CROWD):
            scene.limit_user(user, weight=1 + number % 7, max_concurrency=50)
    if kind == "rates":
        scene.limit_user("*", rate="1000/s")
    if kind == "names":
        scene.limit_task("m:f", max_concurrency=100_000, rate="100000/s")
    flood(scene, TASKS // 4)
    for level in (3, 1, 6, 5) if kind == "levels" else (3, 3, 3, 3):
        push_one_each(scene, CROWD, level=level, label="m:f 3")
    held: list[list[Grant]] = []
    granted = SEEN_MOST if kind in ("names", "declared", "time") else MAX_WANT

    def claim() -> None:
        held.append(scene.claim(MAX_WANT))
        assert len(held[-1]) == granted

    def finish_and_claim() -> None:
        ended = [(grant, DONE) for grant in held.pop(0)]
        held.append(scene.settle(ended, want=MAX_WANT, ran=0.5).grants)
        assert len(held[-1]) == granted

    assert typical_ms(scene, (claim for _ in range(6))) < MOST_MS
    scene.now += 600
    assert typical_ms(scene, (finish_and_claim for _ in range(ROUNDS))) < MOST_MS
    assert typical_ms(scene, (lambda: push_one_each(scene, CROWD[:250]) for _ in range(ROUNDS))) < MOST_MS


@pytest.mark.parametrize("want", [1, MAX_WANT])
def test_a_closed_names_flood_does_not_delay_others(scene: Scene, want: int) -> None:
    scene.limit_task("m:f", paused=True)
    flood(scene, 5000)
    for user in ("quiet", "calm"):
        scene.push(user, "t", label="m:g")
    granted = [user for _ in range(4) for user in users_of(scene.claim(want))]
    assert sorted(granted) == ["calm", "quiet"]


@pytest.mark.timeout(300)
def test_setting_very_many_tasks_aside_is_done_in_small_steps(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    flood(scene, TASKS // 4)
    assert typical_ms(scene, (lambda: scene.claim(MAX_WANT) for _ in range(ROUNDS))) < MOST_MS
    aside = TASKS // 4 - len(scene.lane("flood", 3))
    assert aside > ROUNDS

    def open_a_little(most: int) -> Callable[[], object]:
        return lambda: scene.limit_task("m:f", max_concurrency=most)

    change = typical_ms(scene, (open_a_little(most) for most in range(ROUNDS)))
    assert change < MOST_MS
    scene.limit_task("m:f", mode="reset")
    assert typical_ms(scene, (lambda: scene.serve(MAX_WANT) for _ in range(ROUNDS))) < 2 * MOST_MS  # two calls each


@pytest.mark.timeout(300)
@pytest.mark.parametrize("want", [1, 20, MAX_WANT])
def test_looking_at_a_thousand_users_that_are_barred_is_done_in_small_steps(scene: Scene, want: int) -> None:
    scene.limit_user("*", paused=True)
    push_one_each(scene, CROWD)
    push_one_each(scene, CROWD)

    def look() -> None:
        assert scene.settle(want=want, block=2.0).grants == []

    assert typical_ms(scene, (look for _ in range(6))) < MOST_MS
    for _ in range(1000 // want):
        look()
    assert len(scene.held()) == 1000
    scene.limit_user("*", mode="reset")
    assert len(scene.tags()) == 1000
    assert len(scene.claim(MAX_WANT)) == MAX_WANT


def test_freeing_held_users_takes_little_time(scene: Scene) -> None:
    for _ in range(2):
        push_one_each(scene, CROWD)

    def free() -> None:
        scene.limit_user("*", mode="reset")
        assert scene.held() == {}

    def hold_and_free() -> Iterator[Callable[[], object]]:
        for _ in range(ROUNDS):
            scene.limit_user("*", paused=True)
            for _ in range(10):
                scene.settle(want=MAX_WANT)
            assert len(scene.held()) == 1000
            yield free

    assert typical_ms(scene, hold_and_free()) < 3 * MOST_MS  # the change, and two calls for 500 users each


def test_giving_back_a_full_batch_takes_little_time(timed: Scene) -> None:
    flood(timed, 10_000)
    push_one_each(timed, CROWD)

    def release() -> None:
        runs = timed.claim(MAX_WANT)
        timed.end(runs, RELEASE)

    assert typical_ms(timed, (release for _ in range(ROUNDS))) < 2 * MOST_MS
