"""Ticks and fires take little time, however many schedules and users there are (I20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairque.store import checkup
from fairque.store.schedules import DUE, Schedule
from tests.lua.scene import Scene
from tests.lua.test_scale import MOST_MS, spent_ms, typical_ms
from tests.lua.timetable import EVERY, due, fire, firing, known, planned, tick

MANY = 100_000
GROWTH = 1.7
"""How many times as long a tick may take among 100,000 schedules as among 100."""


def multiply(scene: Scene, count: int, by: int = 10_000) -> None:
    """Let there be so many schedules, as if each had been written: none is due within the hour."""
    if not scene.client.hexists(scene.key("schedules"), "first"):
        planned(scene, "first", ms=3_600_000)
    text: Any = scene.client.hget(scene.key("schedules"), "first")
    there, at = scene.client.hlen(scene.key("schedules")), scene.now + 3_600_000
    for begin in range(there, count, by):
        ids = [f"many-{n}" for n in range(begin, min(begin + by, count))]
        scene.client.hset(scene.key("schedules"), mapping=dict.fromkeys(ids, text))
        scene.client.zadd(scene.key("schedules-due"), {name: at + n for n, name in enumerate(ids)})
        scene.client.sadd(scene.key("user:a:schedules"), *ids)


def fires(scene: Scene, there: list[Schedule], count: int = 1) -> Iterator[Callable[[], object]]:
    """Yield calls that fire all of these, again and again."""
    for _ in range(9):
        firings = [firing(one, count) for one in there]
        yield lambda firings=firings: fire(scene, *firings)  # type: ignore[misc]
        there = [one._replace(due_ms=(one.due_ms or 0) + EVERY * count) for one in there]


@pytest.mark.parametrize(("users", "each", "count"), [(DUE, 1, 1), (1, DUE, 1), (1, 1, DUE), (10, 1, 10)], ids=str)
def test_a_call_that_fires_a_hundred_takes_little_time(scene: Scene, users: int, each: int, count: int) -> None:
    multiply(scene, 10_000)
    there = [
        planned(scene, f"s{n}-{m}", f"user:{n}", overlap="sa"[count > 1]) for n in range(users) for m in range(each)
    ]
    took = typical_ms(scene, fires(scene, there, count))
    assert known(scene, "s0-0").due_ms == scene.now + 9 * count * EVERY
    assert took < MOST_MS, took


def test_a_tick_with_a_hundred_due_takes_little_time(scene: Scene) -> None:
    multiply(scene, 10_000)
    for n in range(DUE + 20):
        planned(scene, f"s{n}", f"user:{n}")
    took = typical_ms(scene, (lambda: scene.run(tick(scene)) for _ in range(9)))
    assert len(due(scene)) == DUE
    assert took < MOST_MS, took


@pytest.mark.parametrize("table", ["schedules", "schedules-due"])
def test_a_look_at_a_page_of_them_takes_little_time(scene: Scene, table: str) -> None:
    multiply(scene, 10_000)
    call = checkup.look_at_page(scene.root, table, checkup.BEGIN)
    assert scene.run(call).seen >= 100
    assert typical_ms(scene, (lambda: scene.run(call) for _ in range(9))) < MOST_MS


def test_a_page_of_large_ones_is_short(scene: Scene) -> None:
    for n in range(200):
        planned(scene, f"s{n}", ms=1000, label="m:f|" + 100_000 * "x")
    page = scene.run(checkup.look_at_page(scene.root, "schedules", checkup.BEGIN))
    assert (0 < page.seen < 30, page.faults) == (True, ())


@pytest.mark.timeout(300)
def test_a_tick_costs_next_to_nothing_more_among_a_hundred_thousand(scene: Scene) -> None:
    scenes = {100: scene}
    for count in (1_000, 10_000, MANY):
        scenes[count] = Scene.beside([*scenes.values()][-1])
    for count, one in scenes.items():
        multiply(one, count)
    idle = ticks(scenes)
    for one in scenes.values():
        for n in range(10):
            planned(one, f"late-{n}", f"user:{n}", ms=-5)
        assert len(due(one)) == 10
    busy = ticks(scenes)
    for one in [*scenes.values()][1:]:
        one.close()
    for took in (idle, busy):
        assert max(took.values()) < GROWTH * took[100], (idle, busy)


def ticks(scenes: dict[int, Scene]) -> dict[int, float]:
    """Return how many us a tick takes in each: the best of many, made in turn, for others share the machine."""
    times: dict[int, list[float]] = {count: [] for count in scenes}
    for _ in range(100):
        for count, scene in scenes.items():
            begin, call = spent_ms(scene), tick(scene)
            for _ in range(10):
                scene.run(call)
            times[count].append((spent_ms(scene) - begin) * 100)
    return {count: min(took) for count, took in times.items()}
