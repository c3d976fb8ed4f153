"""What has ended is kept for its time and then gone, with every key of it (I22)."""

from __future__ import annotations

import pytest

from fairque.core.outcome import Outcome
from fairque.store import removal, tasks
from tests.lua.scene import BURY, DONE, Scene, again, ids_of

MINUTE = 60_000


def is_kept(scene: Scene, task_id: str = "t", user: str = "a") -> bool:
    return scene.run(tasks.get(scene.root, task_id, user)) is not None


def remaining(scene: Scene) -> set[str]:
    """Return the names of the keys that are left, but for those that expire by themselves."""
    keys = [key for key in scene.dump() if scene.client.ttl(key) == -1]
    return {key.decode().partition("}:queue:")[2] for key in keys}


@pytest.mark.parametrize("way", [DONE, BURY])
@pytest.mark.parametrize("keep", [60, 61, 3_600])
def test_an_ended_task_is_kept_for_its_time_and_gone_a_minute_later(scene: Scene, way: Outcome, keep: int) -> None:
    scene.push("a", "t")
    scene.end(scene.claim(1), way, keep=keep)
    scene.now += keep * 1000 - 1
    scene.settle()
    assert is_kept(scene)
    scene.now += MINUTE
    scene.settle()
    assert not is_kept(scene)
    assert remaining(scene) == {"stats"}
    assert scene.stat("failed") == 0


def test_a_record_goes_by_its_own_stamp_and_not_by_an_earlier_ones(scene: Scene) -> None:
    scene.push("a", "t")
    scene.end(scene.claim(1), DONE, keep=60)
    scene.push("a", "t")
    scene.end(scene.claim(1), DONE, keep=600)
    scene.now += 3 * MINUTE
    scene.settle()
    assert is_kept(scene)
    scene.now += 8 * MINUTE
    scene.settle()
    assert not is_kept(scene)


def test_a_task_that_was_pushed_again_and_waits_is_not_swept_by_its_old_entry(scene: Scene) -> None:
    scene.push("a", "t")
    scene.end(scene.claim(1), BURY, keep=60)
    scene.push("a", "t")
    scene.now += 3 * MINUTE
    scene.settle()
    assert ids_of(scene.claim(1)) == ["t"]


def test_a_dead_letter_that_is_pushed_again_is_no_dead_letter_any_more(scene: Scene) -> None:
    scene.push("a", "t", "u")
    scene.end(scene.claim(2), BURY)
    scene.push("a", "t")
    assert scene.stat("failed") == 1
    assert scene.client.zrange(scene.key("user:a:failed"), 0, -1) == [b"u"]


@pytest.mark.parametrize("way", [DONE, BURY])
def test_thousands_of_records_expire_in_bounded_steps(scene: Scene, way: Outcome) -> None:
    for number in range(10):
        scene.push_many(f"user:{number}", 120)
    while grants := scene.claim(200):
        scene.end(grants, way)
    scene.now += 3 * MINUTE
    steps = 0
    while remaining(scene) != {"stats"}:
        before = sum(scene.client.hlen(scene.key(f"user:user%3A{number}:tasks")) for number in range(10))
        scene.settle()
        after = sum(scene.client.hlen(scene.key(f"user:user%3A{number}:tasks")) for number in range(10))
        assert before - after <= 200
        steps += 1
        assert steps < 30
    assert steps > 5


def test_while_tasks_flow_what_is_past_is_cleared_faster_than_it_comes(scene: Scene) -> None:
    for _ in range(60):
        scene.push_many("a", 50)
        scene.end(scene.claim(50), DONE, keep=60)
        scene.now += 10_000
    assert scene.client.hlen(scene.key("user:a:tasks")) <= 50 * (60 + 60 + 20) / 10


def test_everything_that_can_happen_to_tasks_leaves_nothing_behind(scene: Scene) -> None:
    scene.register(["a", "b"])
    for user in ("a", "b", "c"):
        scene.push(user, *(f"t{number}" for number in range(8)), level=1 + len(user) * 3 % 6)
        scene.push(user, "critical", level=6)
        scene.push(user, "later", when="+4000")
    scene.end(scene.claim(3), DONE)
    scene.end(scene.claim(3), BURY)
    scene.end(scene.claim(3), again(2))
    scene.claim(3, worker="dead")
    scene.delete("c", "later")
    scene.delete("b", "t7")
    scene.run(tasks.wait(scene.root, "a", "t7", "waiter", listed=True))
    scene.now += 20_000
    scene.beat("w")
    scene.drain()
    scene.now += 20 * MINUTE
    for _ in range(6):
        scene.settle()
        scene.beat("w")
    scene.now += 20 * MINUTE
    scene.beat("last")
    assert remaining(scene) <= {"stats", "workers", "workers-seen"}
    totals = ("queued", "scheduled", "failed", "scopes")
    assert [scene.stat(name) for name in totals] == [0, 0, 0, 0]


def test_a_deleted_task_leaves_nothing_behind(scene: Scene) -> None:
    scene.push("a", "ready")
    scene.push("a", "critical", level=6)
    scene.push("a", "later", when="+5000")
    for task_id in ("ready", "critical", "later"):
        assert scene.delete("a", task_id)
        assert not scene.delete("a", task_id)
    assert remaining(scene) == {"stats"}


def test_a_queue_that_is_dropped_leaves_nothing_and_takes_no_others_keys(scene: Scene) -> None:
    scene.push_many("a", 20)
    scene.end(scene.claim(5), DONE)
    other = Scene.beside(scene)
    other.push("a", "t")
    cursor = removal.BEGIN
    while (cursor := scene.run(removal.drop(scene.root, cursor))) != removal.BEGIN:
        pass
    assert [key for key in scene.dump() if scene.key("").encode() in key] == []
    assert ids_of(other.claim(1)) == ["t"]
    other.close()
