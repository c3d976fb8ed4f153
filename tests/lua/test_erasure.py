"""Erasing a user: what it had running, waiting, set aside or kept is gone, and nothing of the others is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairque.store import fates
from tests.lua.scene import BURY, DONE, Scene, again, ids_of
from tests.lua.test_retention import remaining


def erase(scene: Scene, user: str) -> int:
    """Erase a user; return how many tasks that were."""
    total, left = 0, 1
    while left:
        left, removed = scene.run(fates.erase(scene.root, user, scene.name("e"), now=scene.at()))
        total += removed
    return total


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
    scene.run(fates.cancel(scene.root, "a", own[3].task_id, 60, "c", now=scene.at()))
    total, left, steps = 0, 1, 0
    while left:
        left, removed = scene.run(fates.erase(scene.root, "a", scene.name("e"), now=scene.at()))
        assert removed <= 100
        total, steps = total + removed, steps + 1
    assert total == 251
    assert 3 <= steps <= 5, "some are drawn at random, and may be drawn twice"
    assert scene.end(own[4:], DONE) == [*range(len(own[4:]))], "what ran finds no lease"
    assert not [key for key in scene.dump() if b":user:a:" in key]
    assert scene.stat("stopping") == scene.stat("scheduled") == scene.stat("failed") == 0
    others = [grant for grant in held if grant.user_id == "b"]
    scene.end(others, DONE)
    assert scene.claim(9) == []
    scene.now += 3_700_000
    scene.settle()
    assert remaining(scene) == {"stats"}


def test_erasing_a_run_makes_room_for_what_was_set_aside_for_its_name(scene: Scene) -> None:
    scene.limit_task("m:f", max_concurrency=1)
    scene.push("a", "a1")
    assert ids_of(scene.claim(1)) == ["a1"]
    scene.push("b", "b1", "b2")
    assert scene.claim(5) == []
    assert erase(scene, "a") == 1
    assert ids_of(scene.claim(5)) == ["b1"]


def names(scene: Scene, word: bytes) -> list[bytes]:
    """Return the keys that have a word in their names or in what they hold."""
    client = scene.client
    reads: dict[bytes, Callable[[bytes], Any]] = {
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"string": client.get,
    }
    found: list[tuple[bytes, Any]] = [(key, client.type(key)) for key in client.scan_iter(match=f"{scene.root}*")]
    return [key for key, kind in found if word in key + repr(reads[kind](key)).encode()]


def test_nothing_names_a_user_that_was_erased(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    scene.limit_task("m:g", max_concurrency=0)
    scene.push("erin", "ended", "again", "runs", label="n:f", when="/50000")
    ended, retried, _ = scene.claim(3)
    scene.settle([(ended, DONE), (retried, again(9))])
    scene.push("erin", "aside", "aside too")
    scene.push("erin", "aside as well", label="m:g")
    scene.push("b", "aside")
    assert scene.claim(5) == []
    scene.push("erin", "later", when="+50000/60000")
    scene.push("erin", "damaged", "damaged later", when="+50000/60000")
    scene.client.hset(scene.key("user:erin:tasks"), mapping={"damaged": b"\x00|", "damaged later": b""})
    assert scene.run(fates.cancel(scene.root, "erin", "runs", 60, "c", now=scene.at())) is fates.Canceled.ASKED
    assert erase(scene, "erin") == 9
    assert names(scene, b"erin") == []
    assert [scene.stat(name) for name in ("queued", "scheduled", "failed", "stopping")] == [1, 0, 0, 0]
    scene.limit_task("m:f", mode="reset")
    assert ids_of(scene.claim(5)) == ["aside"]


def test_of_ten_thousand_tasks_set_aside_nothing_stays(scene: Scene) -> None:
    scene.limit_task("m:f", paused=True)
    scene.push_many("a", 10_300)
    while scene.lane("a", 3):
        assert scene.claim(100) == []
    assert erase(scene, "a") == 10_300
    assert remaining(scene) <= {"stats", "limits"}
