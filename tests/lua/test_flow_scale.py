"""Large graphs are handed in, dropped, opened and read in small steps (I20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from fairque.store import flows
from fairque.store.call import carry
from tests.lua.scene import Scene
from tests.lua.test_scale import MOST_MS, ROUNDS, typical_ms
from tests.lua.weaving import (
    MARK,
    Knot,
    enqueue,
    launch,
    link,
)
from tests.lua.web import check_webs


def wide(part: int, size: int = 200) -> list[Knot]:
    return [Knot(f"p{part}-{n}", f"p{part}-{n - 1} p{part}-{n - 2}" if n > 1 else "") for n in range(size)]


def parts(scene: Scene, count: int, mark: str = MARK) -> Iterator[Callable[[], object]]:
    for part in range(count):
        yield partial(scene.run, enqueue(scene, *wide(part), mode="stage" if part else "first", mark=mark))


@pytest.mark.timeout(300)
def test_handing_in_and_dropping_take_little_time(scene: Scene) -> None:
    assert typical_ms(scene, parts(scene, ROUNDS)) < MOST_MS
    scene.now += 61_000
    assert typical_ms(scene, (scene.settle for _ in range(ROUNDS))) < MOST_MS


@pytest.mark.timeout(300)
def test_adding_edges_takes_little_time(scene: Scene) -> None:
    for call in parts(scene, ROUNDS):
        call()
    scene.run(enqueue(scene, Knot("last", later=400 * ROUNDS), mode="stage"))
    edges = [[("last", "w", f"p{part}-{n % 200}") for n in range(400)] for part in range(ROUNDS)]
    calls = [link(scene, f"late-{n}", *some) for n, some in enumerate(edges)]
    assert typical_ms(scene, (partial(scene.run, call) for call in calls)) < MOST_MS


@pytest.mark.timeout(300)
def test_opening_the_gate_of_very_many_takes_little_time(scene: Scene) -> None:
    for part in range(20):
        knots = [Knot(f"t{part}-{n}") for n in range(200)]
        scene.run(enqueue(scene, *knots, mode="stage" if part else "first"))
    scene.run(launch(scene, 4000))
    assert 0 < len(scene.lane("a", 3)) <= 200
    assert typical_ms(scene, (scene.settle for _ in range(ROUNDS))) < MOST_MS
    check_webs(scene)
    assert len(scene.drain()) == 4000


@pytest.mark.timeout(300)
def test_a_page_of_tasks_takes_little_time(scene: Scene) -> None:
    for call in parts(scene, 3):
        call()
    ids = [f"p{part}-{n}" for part in range(3) for n in range(200)]

    def read() -> None:
        for reading in (flows.read_many, flows.read_heads):
            found = carry(reading(scene.root, "a", ids[:250]), scene.run)
            assert len([one for one in found if one]) == 250

    assert typical_ms(scene, (read for _ in range(ROUNDS))) < 2 * MOST_MS  # two calls
