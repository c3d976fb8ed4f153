"""What becomes of tasks that are not wanted: purge, erase, unique keys, bytes kept, and progress under its token."""

from __future__ import annotations

import msgspec
import pytest

from fairque.core.codec import Ending
from fairque.core.outcome import Progress
from fairque.store import claims, fates, progress, readings, tasks
from tests.lua.scene import BURY, DONE, RELEASE, Scene, ids_of, postpone


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


def cancel(scene: Scene, user: str, task_id: str) -> fates.Canceled:
    return scene.run(fates.cancel(scene.root, user, task_id, 60, scene.name("c"), now=scene.at()))


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
    taken = fates.requeue(scene.root, "a", [("t1", None)], "r", now=scene.at())
    assert scene.run(taken) == [fates.Requeued.KEY_TAKEN]


def test_of_a_user_with_too_many_bytes_the_oldest_go_first(scene: Scene) -> None:
    scene.push_many("a", 30)
    scene.push_many("b", 3)
    grants = scene.claim(40)
    scene.kept_bytes = 600
    for grant in grants:
        scene.now += 1
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


# --- leaving a queue in which others stay ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["cancel", "delete", "expiry"])
def test_a_held_user_whose_last_ready_task_goes_keeps_its_debt(timed: Scene, way: str) -> None:
    timed.limit_user("a", max_concurrency=1)
    timed.push("z", "z1", "z2", "z3")
    timed.push("a", "a1", "a2", when="/4000")
    (run,) = [grant for grant in timed.claim(2) if grant.user_id == "a"]
    timed.now += 3_999
    timed.renew(run)
    before = timed.tags("tags")
    assert before["a"] > 3_000, "its run has cost it that already"
    if way == "cancel":
        assert cancel(timed, "a", "a2") is fates.Canceled.CANCELED
    if way == "delete":
        assert timed.delete("a", "a2")
    if way == "expiry":
        timed.now += 1
        timed.settle()
    assert timed.tags("tags") == before


def test_a_task_whose_time_to_start_passed_while_a_worker_had_it_unstarted_is_canceled_when_it_comes_back(
    scene: Scene,
) -> None:
    scene.push("a", "back", "later", "ran", when="/1000")
    back, later, ran = scene.claim(3)
    scene.now += 1_500
    scene.settle()
    scene.limit_user("a", paused=True)
    scene.settle([(back, RELEASE), (later, postpone(600))])
    scene.end([ran], RELEASE, ran=3.0)
    scene.settle()
    letters = {task_id: scene.run(tasks.get(scene.root, task_id, "a")) for task_id in ("back", "later", "ran")}
    assert {task_id: record and record.letter for task_id, record in letters.items()} == {
        "back": "C",
        "later": "C",
        "ran": "Q",
    }


def test_tasks_kept_for_different_times_are_not_forgotten_once_for_each(scene: Scene) -> None:
    ids = scene.push_many("a", 30)
    grants = scene.claim(30)
    scene.end(grants[:20], DONE)
    kept, ends = int(scene.client.hget(scene.key("kept-bytes"), "a") or 0), []
    for grant, seconds in zip(grants[20:23], (60, 120, 180), strict=True):
        ending = Ending("m:f", 0, 0, "w", msgspec.Raw(b"1"))
        ends.append(claims.end(grant.member, grant.token, DONE, ran=None, ending=ending, keep=seconds, keep_failed=60))
    scene.now += 1
    scene.run(claims.settle(scene.root, "w", "r", ended=ends, kept_bytes=kept, now=scene.at()))
    left = [task_id for task_id in ids[:23] if scene.run(tasks.get(scene.root, task_id, "a"))]
    assert len(left) in (19, 20)


@pytest.mark.parametrize(
    "header", ["X3:1:x:0:0:::", "X9:1:1:0:0:::", "Z3:1:1:0:0:::", "X3:1:1:0:0:n:" + "9" * 40 + ":9", "X3", ""]
)
def test_a_dead_letter_with_a_damaged_header_hides_no_other(scene: Scene, header: str) -> None:
    scene.push("a", "t1", "t2", "t3")
    scene.end(scene.claim(3), BURY)
    scene.client.hset(scene.key("user:a:tasks"), "t2", f"{header}|1:xm:f|[]")
    page = scene.run(fates.failed(scene.root, "a", None, 10))
    assert {place.task_id: record is not None for place, record in page} == {"t1": True, "t2": False, "t3": True}
    assert scene.run(fates.purge(scene.root, "a", ["t2"], "r", now=scene.at())) == 1


@pytest.mark.parametrize("place", ["scheduled", "aside", "ready"])
def test_a_damaged_record_is_a_dead_letter_wherever_it_waits(scene: Scene, place: str) -> None:
    scene.push("a", "bad", when="+1000" if place == "scheduled" else "")
    if place == "aside":
        scene.limit_task("m:f", paused=True)
        assert scene.claim(1) == []
    scene.client.hset(scene.key("user:a:tasks"), "bad", b"\x00garbage|")
    scene.now += 1_000
    scene.limit_task("m:f", mode="reset")
    assert scene.claim(1) == []
    assert scene.run(readings.sizes(scene.root, "a")) == (0, 0, 0, 0, 0, 1)
    assert [scene.stat(name) for name in ("queued", "scheduled", "failed")] == [0, 0, 1]
    (page,) = scene.run(fates.failed(scene.root, "a", None, 10))
    assert page[0].task_id == "bad"
    assert scene.serve(1) == []


def test_what_ended_just_now_is_there_to_be_read_however_much_its_user_keeps(scene: Scene) -> None:
    scene.push_many("a", 31)
    grants = scene.claim(31)
    scene.end(grants[:30], DONE)
    scene.kept_bytes = int(scene.client.hget(scene.key("kept-bytes"), "a") or 0)
    scene.end(grants[30:], DONE, keep=120)
    assert scene.run(tasks.get(scene.root, grants[30].task_id, "a")) is not None
