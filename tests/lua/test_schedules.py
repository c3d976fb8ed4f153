"""A fire of a schedule is pushed once, whoever fires it and however often, and by hand beside its fires (I18)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairque.errors import BacklogFull, ScheduleMoved
from fairque.store import schedules
from fairque.store.schedules import FireLine, Firing, Schedule
from tests.lua.scene import Scene, ids_of
from tests.lua.test_erasure import erase
from tests.lua.timetable import (
    EVERY,
    by_hand,
    due,
    entered,
    fire,
    firing,
    known,
    letters,
    lines,
    plan,
    planned,
    task_of,
    write,
)

# --- a fire is pushed once --------------------------------------------------------------------------------------------


def test_a_fire_pushes_its_task_and_moves_the_schedule_on(scene: Scene) -> None:
    there = planned(scene, ms=1000)
    assert due(scene) == []
    scene.now += 1003
    assert due(scene) == ["s"]
    assert fire(scene, firing(there)) == [True]
    assert due(scene) == []
    after = known(scene)
    assert after == there._replace(due_ms=(there.due_ms or 0) + EVERY)
    assert entered(scene) == {"s": after.due_ms}
    assert lines(scene) == [FireLine("F", there.due_ms or 0, scene.now, task_of(there))]
    (grant,) = scene.claim(5)
    assert (grant.user_id, grant.task_id, grant.level) == ("a", f"s/1/{there.due_ms}", 3)


def test_however_many_schedulers_fire_it_it_is_pushed_once(scene: Scene) -> None:
    there = planned(scene)
    assert [fire(scene, firing(there)) for _ in range(5)] == [[True]] * 5
    assert (letters(scene), len(scene.serve(9))) == ("F", 1)
    later = known(scene)
    scene.now += EVERY
    assert fire(scene, firing(there)) == [True], "it was fired, and nothing since"
    assert fire(scene, firing(later)) == [True]
    assert fire(scene, firing(there)) == [False]
    assert (letters(scene), len(scene.claim(9))) == ("FF", 1)


MEDDLING: dict[str, Callable[[Scene, Schedule], object]] = {
    "changed": lambda scene, there: write(scene, plan(due=scene.now), there),
    "paused": lambda scene, there: write(scene, there._replace(letter="P", due_ms=None), there),
    "ended": lambda scene, there: write(scene, there._replace(letter="E", due_ms=None), there),
    "another user's": lambda scene, there: write(scene, there._replace(user_id="b"), there),
    "removed": lambda scene, _: scene.run(schedules.remove(scene.root, "s", scene.name("r"))),
    "removed and added again": lambda scene, there: (
        scene.run(schedules.remove(scene.root, "s", scene.name("r"))),
        write(scene, there._replace(due_ms=scene.now + EVERY)),
    ),
    "erased with its user": lambda scene, _: erase(scene, "a"),
    "damaged": lambda scene, _: scene.client.hset(scene.key("schedules"), "s", "1:A:1:1:a"),
}


@pytest.mark.parametrize("what", MEDDLING)
def test_what_is_not_as_it_was_read_is_left_alone(scene: Scene, what: str) -> None:
    there, other = planned(scene), planned(scene, "t", "c")
    MEDDLING[what](scene, there)
    before = scene.dump()
    assert fire(scene, firing(there)) == [False]
    scene.run(schedules.postpone(scene.root, there, "why", scene.at()))
    assert scene.dump() == before
    assert fire(scene, firing(there, 3), firing(other)) == [False, True], "the others of its call are fired"
    assert ids_of(scene.claim(9)) == [task_of(other)]


def test_a_clock_that_is_set_back_fires_nothing_early_and_nothing_twice(scene: Scene) -> None:
    there = planned(scene)
    fire(scene, firing(there))
    scene.now -= 3_600_000
    assert due(scene) == []
    assert fire(scene, firing(there)) == [True]
    assert letters(scene) == "F"
    assert lines(scene)[0].at_ms == scene.now + 3_600_000


def test_the_last_fire_ends_it(scene: Scene) -> None:
    there = planned(scene)
    assert fire(scene, firing(there)._replace(following=None)) == [True]
    assert (known(scene).letter, known(scene).due_ms, entered(scene)) == ("E", None, {})
    assert fire(scene, firing(there)._replace(following=None)) == [True]
    assert (letters(scene), len(scene.claim(9))) == ("F", 1)


def test_several_fires_of_several_schedules_go_in_one_call(scene: Scene) -> None:
    first, second = planned(scene), planned(scene, "t", "b", label="m:g", level=6, when="/5000")
    scene.now += 3 * EVERY
    assert fire(scene, firing(first, 3), firing(second, 2)) == [True, True]
    grants = scene.claim(9)
    assert sorted(ids_of(grants)) == sorted(
        [*(task_of(first, scene.now - n * EVERY) for n in (1, 2, 3)), task_of(second), f"t/1/{scene.now - 2 * EVERY}"]
    )
    assert {(grant.user_id, grant.level) for grant in grants} == {("a", 3), ("b", 6)}
    assert (letters(scene), letters(scene, "t")) == ("FFF", "FF")
    assert known(scene).due_ms == scene.now


def test_what_is_passed_over_is_one_line(scene: Scene) -> None:
    there = planned(scene)
    scene.now += 9 * EVERY
    last, missed = scene.now, ((there.due_ms or 0) + 8 * EVERY, there.due_ms or 0)
    assert fire(scene, Firing(there, [last], last + EVERY, missed)) == [True]
    assert lines(scene) == [
        FireLine("M", missed[0], scene.now, str(missed[1])),
        FireLine("F", last, scene.now, task_of(there, last)),
    ]
    scene.now += EVERY
    assert fire(scene, Firing(known(scene), [], scene.now + EVERY, (scene.now, scene.now))) == [True]
    assert letters(scene) == "MFM"


# --- by hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", "APE")
def test_by_hand_it_is_pushed_beside_its_fires(scene: Scene, letter: str) -> None:
    there = write(scene, plan(due=scene.now if letter == "A" else None, letter=letter))
    for _ in range(2):  # sent twice
        assert scene.run(by_hand(scene, there)).created
    assert known(scene) == there
    assert lines(scene) == [FireLine("H", scene.now, scene.now, "now")]
    assert ids_of(scene.claim(9)) == ["now"]
    assert (due(scene), entered(scene)) == ((["s"], {"s": scene.now}) if letter == "A" else ([], {}))


def test_by_hand_it_is_pushed_while_the_last_task_lives_and_then_lives_itself(scene: Scene) -> None:
    there = planned(scene, overlap="s")
    fire(scene, firing(there))
    assert scene.run(by_hand(scene, known(scene))).created
    assert ids_of(scene.serve(1)) == [task_of(there)]
    scene.now += EVERY
    fire(scene, firing(known(scene)))
    assert [(line.letter, line.detail) for line in lines(scene)[1:]] == [("H", "now"), ("S", "now")]


def test_by_hand_what_stands_in_its_way_is_answered_and_not_noted(scene: Scene) -> None:
    scene.push("a", "mine", label="m:f #key")
    there = planned(scene, label="m:f #key")
    found = scene.run(by_hand(scene, there))
    assert (found.created, found.task_id, letters(scene)) == (False, "mine", "")
    scene.limit_user("a", max_backlog=0)
    other = planned(scene, "t")
    with pytest.raises(BacklogFull):
        scene.run(by_hand(scene, other))
    assert letters(scene, "t") == ""


def test_by_hand_it_is_refused_where_it_was_changed_or_removed(scene: Scene) -> None:
    there = planned(scene)
    write(scene, there._replace(user_id="b"), there)
    for _ in range(2):
        before = scene.dump()
        with pytest.raises(ScheduleMoved):
            scene.run(by_hand(scene, there))
        assert scene.dump() == before
        scene.run(schedules.remove(scene.root, "s", "r"))
