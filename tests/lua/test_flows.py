"""A graph is accepted whole or not at all, once, in one call or behind a gate (I3, I19)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fairque.errors import BacklogFull, TaskConflict, UnknownTask
from fairque.store import fates
from tests.lua.parts import IDS, PARTS, STEPS, TASKS, hand_in, staged
from tests.lua.scene import DONE, Scene, ids_of
from tests.lua.test_retention import remaining
from tests.lua.test_stale import standing
from tests.lua.weaving import (
    MARK,
    OTHER,
    Knot,
    depend,
    enqueue,
    flow,
    launch,
    letters,
    run_of,
    weave,
)
from tests.lua.web import check_webs


def test_a_whole_graph_is_there_at_once(scene: Scene) -> None:
    weave(scene, Knot("x", key="rows"), Knot("y", "x"), Knot("hook", "y", "f"), run_id="run")
    check_webs(scene)
    found = flow(scene, "run")
    assert found[:9] == (MARK, False, scene.now, 3, 2, 0, 0, 0, "run")
    assert [task_id for task_id, _ in found.members] == ["x", "y", "hook"]
    assert scene.client.hgetall(scene.key(f"user:a:keys:{MARK}")) == {b"rows": b"x"}
    assert letters(scene, "x y hook") == "QDD"


def test_nothing_of_a_graph_starts_before_its_last_part_is_there(scene: Scene) -> None:
    for until in range(len(STEPS)):
        hand_in(scene, until=until)
        assert scene.claim(9) == []
        assert flow(scene).staged if until else True
    scene.run(launch(scene, TASKS))
    check_webs(scene)
    assert ids_of(scene.claim(9)) == ["a1"]
    assert [task_id for task_id, _ in flow(scene).members] == IDS.split()


def test_a_graph_that_was_handed_in_by_parts_runs_to_its_end(scene: Scene) -> None:
    hand_in(scene)
    scene.now += 2000
    for _ in range(4):
        scene.drain()
        check_webs(scene)
        scene.now += 200_000
    assert letters(scene, IDS) == "FFFF-FFF"
    assert flow(scene)[3:8] == (TASKS - 1, 0, TASKS - 1, 0, 0)


@pytest.mark.parametrize("seed", range(12))
def test_each_step_may_be_sent_twice_and_late(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    scene.push("a", "known", when="+600000")
    for n, step in enumerate(STEPS):
        scene.run(step(scene))
        there = standing(scene)
        for earlier in chance.sample(STEPS[: n + 1], chance.randint(1, n + 1)):
            scene.run(earlier(scene))
        assert standing(scene) == there
        check_webs(scene)
    scene.now += 2000
    for _ in range(4):
        scene.drain()
        there = standing(scene)
        for step in STEPS[:3] + STEPS[-1:]:
            scene.run(step(scene))
        assert standing(scene) == there


def test_one_that_goes_on_with_a_graph_begins_anew_and_checks_first(scene: Scene) -> None:
    for died in range(len(STEPS) + 1):
        hand_in(scene, until=died)
        for n in range(len(PARTS)):
            assert scene.run(staged(n, "check")(scene)) == []
        hand_in(scene)
        assert ids_of(scene.claim(1)) == ["a1"]
        while scene.run(fates.erase(scene.root, "a", scene.name("e"), scene.at()))[0]:
            pass
        scene.settle()
        for key in scene.client.scan_iter(match=f"{scene.key('last:')}*"):
            scene.client.delete(key)
        assert remaining(scene) == {"stats"}


@pytest.mark.parametrize("mode", ["whole", "first", "check"])
@pytest.mark.parametrize("what", ["task", "unique key", "run", "staged run", "parent", "backlog", "backlog of all"])
def test_what_stands_in_the_way_refuses_it_and_nothing_is_written(scene: Scene, what: str, mode: str) -> None:
    graph, refusal = [Knot("x"), Knot("y", "x", label="m:g #key"), Knot("z", "x")], TaskConflict
    options: dict[str, Any] = {"mode": mode, "run_id": "run"}
    expected = "y"
    if what == "task":
        scene.push("a", "y")
    elif what == "unique key":
        scene.push("a", "other", label="m:g #key")
    elif what.endswith("run"):
        scene.run(
            enqueue(scene, Knot("other"), mark=OTHER, run_id="run", mode="first" if "staged" in what else "whole")
        )
        expected = "run"
    elif what == "parent":
        graph[2], refusal, expected = Knot("z", "x", outside="nobody"), UnknownTask, "nobody"  # type: ignore[assignment]
    elif what == "backlog":
        scene.limit_user("a", max_backlog=2)
        refusal, expected = BacklogFull, "max_backlog is 2, 3 more"  # type: ignore[assignment]
    else:
        scene.limit_queue(max_backlog=5)
        options["beyond"] = 3
        refusal, expected = BacklogFull, "max_backlog is 5, 6 more"  # type: ignore[assignment]
    scene.now += 7
    before = scene.dump()
    for _ in range(2):
        with pytest.raises(refusal, match=expected):
            scene.run(enqueue(scene, *graph, **options))
    assert scene.dump() == before


def test_a_check_writes_nothing(scene: Scene) -> None:
    scene.push("a", "known")
    scene.now += 7
    before = scene.dump()
    assert scene.run(staged(0, "check")(scene)) == []
    assert scene.dump() == before


def test_max_backlog_counts_what_waits_for_others_and_all_of_a_graph_once(scene: Scene) -> None:
    scene.limit_user("a", max_backlog=TASKS + 1)
    hand_in(scene)
    with pytest.raises(BacklogFull):
        scene.push("a", "more")
    with pytest.raises(BacklogFull):
        depend(scene, "more", "known")
    scene.end([run_of(scene, "a1")], DONE)
    scene.push("a", "more", "and more")  # a1 has ended, and b2 is not wanted any more
    scene.limit_user("a", max_backlog=TASKS + 2)
    for step in STEPS:
        scene.run(step(scene))


def test_a_run_id_is_free_again_when_its_run_has_ended(scene: Scene) -> None:
    for mark in (MARK, OTHER, MARK[:-1] + "0"):
        weave(scene, Knot("run/x", key="rows"), Knot("run/y", "run/x"), run_id="run", mark=mark)
        with pytest.raises(TaskConflict, match="run"):
            weave(scene, Knot("other"), run_id="run", mark="g00000000000000")
        assert scene.drain() == ["run/x", "run/y"]
        check_webs(scene)
        assert flow(scene, "run").mark == mark
    assert scene.client.hlen(scene.key("flows")) == 1
    assert scene.client.exists(scene.key(f"user:a:keys:{MARK}"), scene.key(f"user:a:flow:{MARK}")) == 0


def test_run_ids_are_their_users_own(scene: Scene) -> None:
    for user, mark in (("a", MARK), ("b", OTHER)):
        weave(scene, Knot("x"), run_id="run", user=user, mark=mark)
    assert (flow(scene, "run", "a").mark, flow(scene, "run", "b").mark) == (MARK, OTHER)
