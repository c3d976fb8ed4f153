"""What becomes of tasks that are not wanted: purge, erase, unique keys, bytes kept, and progress under its token."""

from __future__ import annotations

import msgspec
import pytest

from fairque.core.codec import Ending
from fairque.core.models import Progress
from fairque.store import claims, fates, progress, tasks
from tests.lua.scene import BURY, DONE, RELEASE, Scene, again, ids_of, postpone
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


def erase(scene: Scene, user: str) -> int:
    """Erase a user; return how many tasks that were."""
    total, left = 0, 1
    while left:
        left, removed = scene.run(fates.erase(scene.root, user, scene.name("e"), now=scene.at()))
        total += removed
    return total


def cancel(scene: Scene, user: str, task_id: str) -> fates.Canceled:
    return scene.run(fates.cancel(scene.root, user, task_id, 60, now=scene.at()))


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
        left, removed = scene.run(fates.erase(scene.root, "a", scene.name("e"), now=scene.at()))
        assert removed <= 100
        total, steps = total + removed, steps + 1
    assert (total, steps) == (251, 4)
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


def test_erasing_a_run_makes_room_for_what_was_set_aside_for_its_name(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=1)
    scene.push("a", "a1")
    assert ids_of(scene.claim(1)) == ["a1"]
    scene.push("b", "b1", "b2")
    assert scene.claim(5) == []
    assert erase(scene, "a") == 1
    assert ids_of(scene.claim(5)) == ["b1"]


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
