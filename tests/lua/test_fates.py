"""What becomes of tasks that are not wanted: purge, erase, unique keys, bytes kept, and progress under its token."""

from __future__ import annotations

import pytest

from fairque.core.models import Progress
from fairque.store import fates, progress, tasks
from tests.lua.scene import BURY, DONE, Scene, again, ids_of
from tests.lua.test_retention import remaining


def test_purge_forgets_failed_tasks_only_and_sent_twice_acts_once(scene: Scene) -> None:
    scene.push("a", "bad", "good", "waits")
    bad, good = scene.claim(2)
    scene.end([bad], BURY)
    scene.end([good], DONE)
    call = fates.purge(scene.root, "a", ["bad", "good", "waits", "unknown"], "r1", now=scene.at())
    assert scene.run(call) == scene.run(call) == 1
    assert scene.stat("failed") == 0
    assert scene.run(tasks.get(scene.root, "bad", "a")) is None
    assert scene.run(tasks.get(scene.root, "good", "a")) is not None
    assert ids_of(scene.claim(9)) == ["waits"]


def test_erasing_a_user_leaves_nothing_of_it_and_all_of_the_others(scene: Scene) -> None:
    scene.limit_user("a", weight=2, rate="1000/s")
    scene.push_many("a", 250)
    scene.push("a", "later", when="+9000/20000")
    scene.push("b", "t")
    held = scene.claim(6)
    own = [grant for grant in held if grant.user_id == "a"]
    scene.end(own[:1], DONE)
    scene.end(own[1:2], BURY)
    scene.end(own[2:3], again(9))
    scene.run(fates.cancel(scene.root, "a", own[3].task_id, 60, now=scene.at()))
    total, left, steps = 0, 1, 0
    while left:
        left, removed = scene.run(fates.erase(scene.root, "a", now=scene.at()))
        assert removed <= 100
        total, steps = total + removed, steps + 1
    assert (total, steps) == (251, 3)
    assert scene.end(own[4:], DONE) == [*range(len(own[4:]))], "what ran finds no lease"
    assert not [key for key in scene.dump() if b":user:a:" in key]
    assert scene.stat("stopping") == scene.stat("scheduled") == scene.stat("failed") == 0
    others = [grant for grant in held if grant.user_id == "b"]
    scene.end(others, DONE)
    assert scene.claim(9) == []
    scene.now += 3_700_000
    scene.settle()
    assert remaining(scene) == {"stats"}


@pytest.mark.parametrize("when", ["", "+5000"])
def test_a_unique_key_has_one_living_task_of_its_user(scene: Scene, when: str) -> None:
    label = "m:f 2.5 #order 7"
    first, second = scene.push("a", "t1", label=label, when=when), scene.push("a", "t2", label=label)
    assert (first[0].created, second[0].created, second[0].task_id) == (True, False, "t1")
    assert second[0].incarnation == first[0].incarnation
    assert scene.push("b", "t3", label=label)[0].created, "another user's"
    scene.now += 6_000
    scene.settle()
    (run,) = (grant for grant in scene.claim(5) if grant.user_id == "a")
    assert run.cost == 2.5
    assert not scene.push("a", "t4", label=label)[0].created, "it runs"
    scene.end([run], BURY)
    assert scene.push("a", "t5", label=label)[0].created
    taken = fates.requeue(scene.root, "a", ["t1"], "r", now=scene.at())
    assert scene.run(taken) == [fates.Requeued.KEY_TAKEN]


def test_of_a_user_with_too_many_bytes_the_oldest_go_first(scene: Scene) -> None:
    scene.push_many("a", 30)
    scene.push_many("b", 3)
    grants = scene.claim(40)
    scene.kept_bytes = 600
    for grant in grants:
        scene.end([grant], BURY if grant.task_id.endswith("5") else DONE)
    kept = [grant.task_id for grant in grants if scene.run(tasks.get(scene.root, grant.task_id, grant.user_id))]
    of_a = [task_id for task_id in kept if task_id.startswith("a")]
    assert 5 <= len(of_a) <= 15
    assert of_a == [grant.task_id for grant in grants if grant.user_id == "a"][-len(of_a) :]
    assert sum(task_id.startswith("b") for task_id in kept) == 3, "others keep theirs"


def test_progress_is_noted_under_the_runs_token_and_gone_with_the_run(scene: Scene) -> None:
    scene.push("a", "t")
    (run,) = scene.claim(1)
    reports = [progress.Report(run.member, token, Progress(5, "x")) for token in (b"99", run.token)]
    assert scene.run(progress.report(scene.root, reports[:1])) == [False]
    assert b"progress" not in b"".join(scene.dump())
    assert scene.run(progress.report(scene.root, reports)) == [False, True]
    record = scene.run(tasks.get(scene.root, "t", "a"))
    assert record is not None
    assert record.progress == b'[5,"x"]'
    scene.end([run], DONE)
    assert scene.run(progress.report(scene.root, reports)) == [False, False]
    assert b"progress" not in b"".join(scene.dump())


def test_a_task_whose_time_to_start_is_over_is_not_granted_though_nobody_swept_it(scene: Scene) -> None:
    scene.push("a", *(f"t{n}" for n in range(150)), when="/1000")
    scene.push("a", "last")
    scene.now += 1_000
    assert ids_of(scene.claim(5)) == ["last"]
    assert scene.stat("canceled_total") == 150


def test_a_record_that_nobody_can_read_is_a_dead_letter_and_the_others_go_on(scene: Scene) -> None:
    scene.push("a", "t1", "t2", "t3")
    scene.client.hset(scene.key("user:a:tasks"), "t2", b"\x00garbage|")
    assert ids_of(scene.claim(5)) == ["t1", "t3"]
    page = scene.run(fates.failed(scene.root, "a", None, 10))
    assert [place.task_id for place, _ in page] == ["t2"]
    assert page[0][1] is not None
    assert page[0][1].body.startswith(b"7:corrupt")
    assert scene.stat("queued") == 0
