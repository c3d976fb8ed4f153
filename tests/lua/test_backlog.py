"""max_backlog: a push that would make too many wait is refused whole, and nothing else is (I3, I15, I19)."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.core.outcome import Outcome
from fairque.errors import BacklogFull
from fairque.store import tasks
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, ids_of, postpone
from tests.lua.subjects import change, each_subject
from tests.lua.weaving import Knot, weave


def entry(task_id: str, *, user: str = "a", nonce: str = "", when: str = "", label: str = "m:f") -> tasks.Entry:
    return tasks.Entry(user, task_id, 3, nonce, when, f"{label}|".encode())


@each_subject
def test_a_push_beyond_the_backlog_is_refused_and_writes_nothing(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=3)
    scene.push("a", "a1", "a2")
    scene.push("a", "late", when="+5000")
    scene.now += 7
    before = scene.dump()
    with pytest.raises(BacklogFull, match="3"):
        scene.push("a", "a4")
    with pytest.raises(BacklogFull):
        scene.push("a", "a5", when="+1000")
    with pytest.raises(BacklogFull):
        scene.push_entries([entry("b1", user="b", label="m:g"), entry("a6")])
    assert scene.dump() == before
    change(scene, subject, max_backlog=4)
    scene.push("a", "a4")
    assert ids_of(scene.claim(9)) == ["a1", "a2", "a4"]


@each_subject
def test_tasks_that_wait_for_others_count(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=3)
    weave(scene, Knot("a1"), Knot("a2", "a1"), Knot("a3", "a2"))
    with pytest.raises(BacklogFull, match="3 tasks wait"):
        scene.push("a", "a4")
    scene.end(scene.claim(1), DONE)
    scene.push("a", "a4")


@each_subject
def test_a_batch_goes_in_whole_or_not_at_all(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=5)
    before = scene.dump()
    with pytest.raises(BacklogFull):
        scene.push("a", *(f"t{n}" for n in range(6)))
    assert scene.dump() == before
    scene.push("a", *(f"t{n}" for n in range(5)))
    assert scene.stat("queued") == 5


def test_refusals_name_who_is_full(scene: Scene) -> None:
    scene.limit_user("a|b", max_backlog=1)
    scene.limit_task("m:f", max_backlog=2)
    scene.limit_queue(max_backlog=3)
    scene.push("a|b", "t1")
    with pytest.raises(BacklogFull, match=r"^a\|b: 1 tasks wait, max_backlog is 1"):
        scene.push("a|b", "t2", label="m:g")
    scene.push("b", "t1")
    with pytest.raises(BacklogFull, match="m:f: 2 tasks wait"):
        scene.push("c", "t1")
    scene.push("b", "t2", label="m:g")
    with pytest.raises(BacklogFull, match="the queue: 3 tasks wait"):
        scene.push("c", "t1", label="m:g")


@each_subject
@pytest.mark.parametrize("nonce", ["", "own"], ids=["generated id", "chosen id"])
def test_a_push_sent_again_is_answered_as_before_though_the_backlog_is_full_now(
    scene: Scene, subject: str, nonce: str
) -> None:
    change(scene, subject, max_backlog=1)
    call = tasks.push(scene.root, [entry("t1", nonce=nonce)], scene.at())
    first = scene.run(call)
    before = scene.dump()
    assert scene.run(call) == first == [tasks.Accepted(True, nonce, "t1")]
    assert scene.dump() == before
    with pytest.raises(BacklogFull):
        scene.run(tasks.push(scene.root, [entry("t2", nonce=nonce)], scene.at()))


@each_subject
def test_a_batch_sent_again_counts_only_what_is_new(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=3)
    one = [entry("t1"), entry("t2")]
    scene.push_entries(one)
    assert [answer.created for answer in scene.push_entries([*one, entry("t3")])] == [True, True, True]
    with pytest.raises(BacklogFull):
        scene.push_entries([*one, entry("t4")])
    assert scene.stat("queued") == 3


def test_a_chosen_id_that_lives_is_answered_though_the_backlog_is_full(scene: Scene) -> None:
    scene.limit_user("a", max_backlog=1)
    first = scene.push("a", "t1")[0]
    again_ = scene.push("a", "t1")[0]
    assert (again_.created, again_.incarnation) == (False, first.incarnation)


@each_subject
@pytest.mark.parametrize("way", [again(1), postpone(1), RELEASE], ids=lambda way: type(way).__name__)
def test_retries_and_what_is_given_back_pass(scene: Scene, subject: str, way: Any) -> None:
    change(scene, subject, max_backlog=1)
    scene.push("a", "t1")
    runs = scene.claim(1)
    scene.push("a", "t2")
    assert scene.end(runs, way) == []
    scene.now += 1000
    assert sorted(ids_of(scene.claim(5))) == ["t1", "t2"]


@each_subject
def test_what_a_dead_worker_held_passes(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=1)
    scene.push("a", "t1")
    scene.claim(1)
    scene.push("a", "t2")
    scene.now += int(LEASE * 1000)
    assert ids_of(scene.claim(5)) == ["t1", "t2"]


@each_subject
@pytest.mark.parametrize("way", ["claim", "delete", "delete late", "delete aside"])
def test_what_waits_no_more_makes_room(scene: Scene, subject: str, way: str) -> None:
    change(scene, subject, max_backlog=1)
    if way == "delete aside":
        scene.limit_task("m:f", paused=True)
    scene.push("a", "t1", when="+9000" if way == "delete late" else "")
    if way == "delete aside":
        assert scene.claim(1) == []
    with pytest.raises(BacklogFull):
        scene.push("a", "t2")
    if way == "claim":
        assert len(scene.claim(1)) == 1
    else:
        assert scene.delete("a", "t1")
    scene.push("a", "t2")
    with pytest.raises(BacklogFull):
        scene.push("a", "t3")


@each_subject
def test_what_is_set_aside_or_held_still_waits(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=4)
    scene.limit_task("m:f", max_concurrency=0)
    scene.push("a", "t1", "t2")
    assert scene.claim(5) == []
    scene.limit_user("a", paused=True, max_backlog=4 if subject in ("user", "*") else None)
    scene.push("a", "t3", "t4")
    assert scene.claim(5) == []
    with pytest.raises(BacklogFull):
        scene.push("a", "t5")


def test_nothing_may_wait_at_zero_and_others_are_not_concerned(scene: Scene) -> None:
    scene.limit_user("a", max_backlog=0)
    scene.limit_task("m:g", max_backlog=0)
    with pytest.raises(BacklogFull):
        scene.push("a", "t1")
    with pytest.raises(BacklogFull):
        scene.push("b", "t1", label="m:g")
    scene.push("b", "t1")
    scene.limit_user("a", max_backlog=None)
    scene.push("a", "t1")
    assert len(scene.drain()) == 2


def test_a_lower_bound_takes_nothing_away_from_what_waits(scene: Scene) -> None:
    scene.push_many("a", 10)
    scene.limit_user("a", max_backlog=3)
    assert scene.stat("queued") == 10
    scene.serve(7)
    with pytest.raises(BacklogFull):
        scene.push("a", "one more")
    scene.serve(1)
    scene.push("a", "one more")


@each_subject
def test_the_count_of_what_waits_survives_every_way_to_end(scene: Scene, subject: str) -> None:
    change(scene, subject, max_backlog=6)
    ways: list[Outcome] = [DONE, BURY, RELEASE, again(1), postpone(1), DONE]
    for _ in range(5):
        scene.push_many("a", 6 - int(scene.stat("queued") + scene.stat("scheduled")))
        for grant, way in zip(scene.claim(6), ways, strict=True):
            scene.end([grant], way)
        assert scene.stat("queued") + scene.stat("scheduled") == 3
        scene.now += 1000
        scene.settle()
    scene.push_many("a", 3)
    with pytest.raises(BacklogFull):
        scene.push_many("a", 1)
