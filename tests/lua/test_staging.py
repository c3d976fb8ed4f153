"""A graph that lacks a part does not begin, and one that nobody goes on with is dropped (I1, I17, I22)."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.errors import FlowGone, UnknownTask
from fairque.store import flows, tasks
from tests.lua.parts import IDS, PARTS, STEPS, Step, hand_in, staged
from tests.lua.scene import Scene, ids_of
from tests.lua.shelf import Contents
from tests.lua.test_retention import remaining
from tests.lua.test_stale import standing
from tests.lua.weaving import (
    MARK,
    OTHER,
    abandon,
    cancel,
    depend,
    flow,
    letters,
    reason,
)
from tests.lua.web import check_webs, look


@pytest.mark.parametrize("missing", range(len(PARTS)))
def test_a_graph_that_lacks_a_part_does_not_begin(scene: Scene, missing: int) -> None:
    scene.push("a", "known", when="+600000")
    refused = [_refused(scene, staged(n)) for n in range(len(PARTS)) if n != missing]
    assert any(refused) == (missing == 0), "without its first part there is none; what counts is that it does not begin"
    assert _refused(scene, STEPS[-1])
    assert scene.claim(9) == []


@pytest.mark.parametrize("spoil", ["cancel", "delete"])
@pytest.mark.parametrize("step", range(1, len(STEPS)))
def test_one_of_whose_tasks_somebody_has_taken_does_not_begin(scene: Scene, spoil: str, step: int) -> None:
    hand_in(scene, until=step)
    if spoil == "cancel":
        cancel(scene, "a2")
    else:
        scene.delete("a", "a2")
    assert all(_refused(scene, later) for later in STEPS[step:])
    assert scene.claim(9) == []
    while scene.run(abandon(scene)):
        check_webs(scene)
    look(scene)
    assert set(letters(scene, IDS)) <= {"-", "C"}
    for task_id in ("known", "a2"):
        scene.delete("a", task_id)
        look(scene)
    assert [name for name in remaining(scene) if "children" in name or "flow" in name] == []


def test_one_that_waits_too_long_is_dropped_part_by_part_and_does_not_grow_meanwhile(scene: Scene) -> None:
    hand_in(scene, until=3)
    scene.now += 61_000
    scene.settle()
    assert letters(scene, "c1 b1 a1") == "-DD"
    check_webs(scene)
    for step in (STEPS[1], STEPS[2], STEPS[3], STEPS[-1]):
        before = standing(scene)
        if step is not STEPS[1]:
            with pytest.raises(FlowGone):
                scene.run(step(scene))
        else:
            assert scene.run(step(scene)) == []  # it was accepted; that it is dropped, the next call tells
        assert standing(scene) == before
    for _ in range(4):
        scene.settle()
        check_webs(scene)
    assert remaining(scene) == {"stats", "counts", "who", "due", "user:a:tasks", "user:a:children:known"}
    hand_in(scene)
    assert ids_of(scene.claim(9)) == ["a1"]


@pytest.mark.parametrize("step", range(1, len(STEPS)))
@pytest.mark.parametrize("how", ["swept", "abandoned"])
def test_what_is_left_halfway_leaves_nothing(scene: Scene, step: int, how: str) -> None:
    scene.push("b", "waits", when="+600000")
    before = _left(scene)
    hand_in(scene, until=step)
    scene.run(flows.wait(scene.root, "a", MARK, "waiter", listed=True))
    scene.run(tasks.wait(scene.root, "a", "a1", "another", listed=True))
    if how == "abandoned":
        while scene.run(abandon(scene)):
            check_webs(scene)
        assert scene.run(abandon(scene)) is False
    else:
        scene.now += 59_000
        scene.settle()
        assert flow(scene).staged
        scene.now += 2_000
        for _ in range(5):
            look(scene)
    assert sorted(scene.woken("waiter", "another")) == ["another", "waiter"]
    assert scene.delete("a", "known")  # with it go the edges to what waited for it
    look(scene)
    assert _left(scene) == before


def test_who_waits_for_what_never_began_is_told(scene: Scene) -> None:
    hand_in(scene, until=3)
    depend(scene, "w", "a2 b1")
    depend(scene, "r", "c2", "r")
    while scene.run(abandon(scene)):
        check_webs(scene)
    look(scene)
    assert letters(scene, "w r") == "CQ"
    assert reason(scene, "w") == "orphaned"


def test_a_flow_that_lives_cannot_be_abandoned(scene: Scene) -> None:
    hand_in(scene)
    there = standing(scene)
    assert scene.run(abandon(scene)) is False
    assert standing(scene) == there
    assert scene.run(abandon(scene, OTHER)) is False


def _refused(scene: Scene, step: Step) -> bool:
    try:
        scene.run(step(scene))
    except (FlowGone, UnknownTask):
        return True
    return False


def _left(scene: Scene) -> tuple[Contents, dict[bytes, bytes]]:
    """Return all that stands there, and of the queue's own numbers those that are not zero."""
    found = {key: value for key, value in standing(scene).items() if b":last:" not in key}
    stats: Any = found.pop(scene.key("stats").encode())
    return found, {name: value for name, value in stats.items() if name != b"seq" and value != b"0"}
