"""A schedule is written over what was read, or not at all; it leaves nothing behind, and a damaged one stops nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairque.errors import ScheduleMoved
from fairque.store import fates, schedules
from tests.lua.scene import Scene
from tests.lua.test_erasure import erase, names
from tests.lua.timetable import EVERY, due, entered, fire, firing, known, lines, plan, planned, task_of, write
from tests.lua.weaving import record


def test_a_change_is_written_over_what_was_read_or_not_at_all(scene: Scene) -> None:
    there = planned(scene)
    with pytest.raises(ScheduleMoved):
        write(scene, plan(due=scene.now + 1))
    fire(scene, firing(there))
    with pytest.raises(ScheduleMoved):
        write(scene, there._replace(letter="P", due_ms=None), there)
    fired = known(scene)
    paused = write(scene, fired._replace(letter="P", due_ms=None), fired)
    assert (paused.version, known(scene), entered(scene)) == (2, paused, {})
    with pytest.raises(ScheduleMoved):
        write(scene, plan(due=scene.now), fired)
    assert known(scene) == paused


def test_a_schedule_whose_user_is_changed_leaves_nothing_with_the_one_before(scene: Scene) -> None:
    there = planned(scene, user="erin", overlap="s")
    fire(scene, firing(there))
    before = known(scene)
    write(scene, before._replace(user_id="b"), before)
    assert (lines(scene), scene.client.smembers(scene.key("user:b:schedules"))) == ([], {b"s"})
    assert not [key for key in scene.dump() if b":user:erin:" in key and (b"schedules" in key or b"fires" in key)]
    assert erase(scene, "erin") == 1
    assert names(scene, b"erin") == []
    scene.now += EVERY
    assert fire(scene, firing(known(scene))) == [True], "the other user's task was never in its way"
    assert [grant.user_id for grant in scene.claim(9)] == ["b"]


def test_one_that_is_removed_leaves_its_tasks_and_nothing_else(scene: Scene) -> None:
    there = planned(scene)
    fire(scene, firing(there))
    assert scene.run(schedules.remove(scene.root, "s", "one"))
    assert not scene.run(schedules.remove(scene.root, "s", "two"))
    assert record(scene, task_of(there)) is not None
    left = {key.partition(b":queue:")[2] for key in scene.dump(without=["last"])}
    assert not {key for key in left if b"schedules" in key or b"fires" in key}
    planned(scene)
    assert scene.run(schedules.remove(scene.root, "s", "one")), "it removed the first, and says so"
    assert known(scene).version == 1


def test_erasing_a_user_takes_its_schedules_along_and_leaves_the_others(scene: Scene) -> None:
    for n in range(250):
        planned(scene, f"s{n}", "erin")
    other = planned(scene, "other", "b")
    fire(scene, *(firing(known(scene, f"s{n}")) for n in range(3)), firing(other))
    left, steps = 1, 0
    while left:
        left, _ = scene.run(fates.erase(scene.root, "erin", scene.name("e"), now=scene.at()))
        steps += 1
    assert steps == 3
    assert names(scene, b"erin") == []
    assert entered(scene) == {"other": known(scene, "other").due_ms}


def test_a_users_list_that_names_anothers_schedule_does_not_cost_it_that(scene: Scene) -> None:
    there = planned(scene, "s", "b")
    scene.client.sadd(scene.key("user:erin:schedules"), "s", "gone")
    erase(scene, "erin")
    assert known(scene) == there
    assert names(scene, b"erin") == []


# --- damage -----------------------------------------------------------------------------------------------------------

DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda _: b"\xff\xfe:\x00%",
    "half": lambda text: text[: text.index(b"|")],
    "no number": lambda text: b"x" + text,
    "a number beyond all": lambda text: b"9" * 400 + text[1:],
    "an instant beyond all": lambda text: text.replace(b"1:A:", b"1:A:" + b"9" * 400, 1),
    "a user that is no text": lambda text: text.replace(b":a:", b":\xff:", 1),
    "another user": lambda text: text.replace(b":a:", b":b:", 1),
    "a state of its own": lambda text: text.replace(b":A:", b":Z:", 1),
    "paused": lambda text: text.replace(b":A:", b":P:", 1),
    "no next fire": lambda text: text.replace(b":A:1000000000000:", b":A::", 1),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_record_is_taken_off_what_is_due_and_stops_nobody(scene: Scene, what: str) -> None:
    planned(scene)
    other = planned(scene, "t", "c")
    text: Any = scene.client.hget(scene.key("schedules"), "s")
    assert DAMAGED[what](text) != text
    scene.client.hset(scene.key("schedules"), "s", DAMAGED[what](text))
    assert due(scene) == ["t"]
    assert entered(scene) == {"t": other.due_ms}
    assert fire(scene, firing(other)) == [True]
    assert scene.run(schedules.remove(scene.root, "s", "r"))
    assert scene.client.hkeys(scene.key("schedules")) == [b"t"]


def test_what_is_due_by_mistake_is_put_right(scene: Scene) -> None:
    later = planned(scene, ms=9000)
    scene.client.zadd(scene.key("schedules-due"), {"s": scene.now - 1, "nobody": scene.now - 2})
    assert due(scene) == []
    assert entered(scene) == {"s": later.due_ms}


def test_a_users_key_of_a_wrong_type_stops_nobody_else(scene: Scene) -> None:
    for schedule_id, user in (("s", "a"), ("t", "b")):
        planned(scene, schedule_id, user)
    scene.client.delete(scene.key("user:a:schedules"))
    scene.client.set(scene.key("user:a:schedules"), "not fairque's")
    assert due(scene) == ["t"]
