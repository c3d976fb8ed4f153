"""Rates: kept in every window, used up, changed at run time (I15)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.lua.scene import Scene
from tests.lua.subjects import change, each_subject


def tables(scene: Scene, *names: str) -> dict[str, Any]:
    return {name: scene.client.hgetall(scene.key(name)) for name in names}


@each_subject
@pytest.mark.parametrize(
    ("rate", "burst", "per_ms"), [("100/s", 10, 0.1), ("10/m", None, 1 / 6000), ("7.5/s", 3, 0.0075)]
)
def test_a_rate_is_kept_in_every_window_and_used_up(
    scene: Scene, subject: str, rate: str, burst: int | None, per_ms: float
) -> None:
    change(scene, subject, rate=rate, burst=burst)
    scene.push_many("a", 400)
    chance, begin, starts = random.Random(2), scene.now, []
    for _ in range(120):
        starts += [scene.now] * len(scene.serve(chance.choice([1, 2, 5, 50])))
        scene.now += chance.choice([1, 7, int(0.3 / per_ms), int(2 / per_ms)])
    starts += [scene.now] * len(scene.serve(200))
    most = burst or 1
    for first, at in enumerate(starts):
        for last in range(first, min(first + 60, len(starts))):
            assert last - first + 1 <= most + (starts[last] - at) * per_ms + 1e-6
    assert len(starts) <= most + (scene.now - begin) * per_ms
    scene.now += int(1000 / per_ms)
    assert len(scene.claim(200)) == min(most, 400 - len(starts))


@pytest.mark.parametrize("starts", [1, 7, 29, 57, 58, 113, 997])
def test_the_default_burst_is_what_the_rate_allows_in_a_second(scene: Scene, starts: int) -> None:
    assert change(scene, "user", rate=f"{starts}/s").bucket == starts
    scene.push_many("a", starts + 5)
    assert sum(len(scene.claim(200)) for _ in range(6)) == starts


def test_buckets_of_users_without_a_rate_are_not_kept(scene: Scene) -> None:
    scene.limit_user("*", rate="10/s")
    for number in range(20):
        scene.push_many(f"user:{number}", 1)
    assert len(scene.drain()) == 20
    scene.now += 3_600_000
    scene.limit_user("*", mode="reset")
    for _ in range(5):
        scene.settle()
    assert (scene.tags("buckets"), tables(scene, "limits")) == ({}, {"limits": {}})


@pytest.mark.parametrize("whose", ["*", "a"])
def test_a_rate_given_to_all_that_is_raised_counts_from_the_next_look_on(scene: Scene, whose: str) -> None:
    scene.limit_user("*", rate="1/h", burst=1)
    scene.push_many("a", 50)
    assert len(scene.claim(5)) == 1
    scene.settle(want=1, worker="idle", block=2.0)
    scene.limit_user(whose, rate="10/s", burst=10)
    assert scene.woken("idle") == ["idle"]
    answer = scene.settle(want=50, worker="idle", block=2.0)
    assert (len(answer.grants), answer.pause) in {(0, 0.1), (10, 0.1)}
    scene.now += 100
    assert len(scene.claim(50)) == 1


@pytest.mark.parametrize("whose", ["*", "a"])
def test_a_rate_given_to_all_that_is_lowered_is_kept_from_the_change_on(scene: Scene, whose: str) -> None:
    scene.limit_user("*", rate="100/s", burst=7)
    scene.push_many("a", 50)
    assert len(scene.claim(50)) == 7
    scene.limit_user(whose, rate="2/h", burst=2)
    starts = 0
    for _ in range(8):
        starts += len(scene.claim(50))
        scene.now += 450_000
    assert starts <= 2 + 2
    assert starts >= 1
