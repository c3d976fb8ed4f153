"""What came of a fire that pushed nothing: skipped, refused or missed; and the history that tells it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from fairque.core.outcome import Done
from fairque.errors import BacklogFull, QueueFull
from fairque.store import fates, schedules
from fairque.store.schedules import FIRES, FireLine
from tests.lua.scene import BURY, DONE, Scene, again, ids_of
from tests.lua.timetable import EVERY, by_hand, due, entered, fire, firing, known, letters, lines, planned, task_of
from tests.worker.own_server import own_server

# --- what pushes nothing ----------------------------------------------------------------------------------------------


def end_it(scene: Scene, outcome: Any) -> None:
    (grant,) = scene.claim(1)
    scene.end([grant], outcome, keep=3600)


def only_task(scene: Scene) -> str:
    found: Any = scene.client.hkeys(scene.key("user:a:tasks"))
    (task_id,) = found
    return str(task_id.decode())


def delete_it(scene: Scene) -> None:
    assert scene.delete("a", only_task(scene))


def push_it_again(scene: Scene) -> None:
    """Let it end, and another task have its id."""
    (grant,) = scene.claim(1)
    scene.end([grant], DONE)
    scene.push("a", grant.task_id)


def cancel_it(scene: Scene) -> None:
    scene.run(fates.cancel(scene.root, "a", only_task(scene), 3600, "c", now=scene.at()))


LAST: dict[str, tuple[Callable[[Scene], object], str]] = {
    "queued": (lambda _: None, "S"),
    "running": (lambda scene: scene.claim(1, lease=3600), "S"),
    "waiting for a retry": (lambda scene: end_it(scene, again(3600)), "S"),
    "finished": (lambda scene: end_it(scene, Done(b"1")), "F"),
    "failed": (lambda scene: end_it(scene, BURY), "F"),
    "canceled": (cancel_it, "F"),
    "deleted": (delete_it, "F"),
    "another of its id": (push_it_again, "F"),
}
"""What became of the last task, and what the next fire comes to."""


@pytest.mark.parametrize("what", LAST)
@pytest.mark.parametrize("overlap", "sa")
def test_a_fire_is_skipped_while_the_last_task_lives(scene: Scene, what: str, overlap: str) -> None:
    there = planned(scene, overlap=overlap)
    assert fire(scene, firing(there)) == [True]
    LAST[what][0](scene)
    scene.now += EVERY
    assert fire(scene, firing(known(scene))) == [True]
    expected = LAST[what][1] if overlap == "s" else "F"
    assert letters(scene) == "F" + expected
    detail = task_of(there) if expected == "S" else task_of(there, scene.now)
    assert lines(scene)[-1].detail == detail
    assert known(scene).due_ms == scene.now + EVERY


def test_of_several_fires_at_once_the_first_is_in_the_others_way(scene: Scene) -> None:
    there = planned(scene, overlap="s")
    assert fire(scene, firing(there, 3)) == [True]
    assert [(line.letter, line.detail) for line in lines(scene)] == [
        ("F", task_of(there)), ("S", task_of(there)), ("S", task_of(there))
    ]  # fmt: skip


def test_a_unique_key_that_is_taken_is_in_the_way(scene: Scene) -> None:
    scene.push("a", "mine", label="m:f #key")
    there = planned(scene, label="m:f #key")
    assert fire(scene, firing(there)) == [True]
    assert [(line.letter, line.detail) for line in lines(scene)] == [("U", "mine")]
    scene.serve(1)
    scene.now += EVERY
    fire(scene, firing(known(scene)))
    assert letters(scene) == "UF"


def test_a_living_task_of_the_fires_own_id_is_in_the_way(scene: Scene) -> None:
    there = planned(scene)
    scene.push("a", task_of(there))
    assert fire(scene, firing(there)) == [True]
    assert [(line.letter, line.detail) for line in lines(scene)] == [("U", task_of(there))]
    assert len(scene.claim(9)) == 1


def test_a_full_backlog_refuses_one_fire_and_it_is_noted(scene: Scene) -> None:
    scene.limit_user("a", max_backlog=0)
    there = planned(scene)
    assert fire(scene, firing(there)) == [True]
    assert lines(scene) == [FireLine("B", there.due_ms or 0, scene.now, "")]
    assert known(scene).due_ms == (there.due_ms or 0) + EVERY
    assert (fire(scene, firing(there)), letters(scene)) == ([True], "B")


@pytest.mark.parametrize("count", [1, 2])
def test_a_full_backlog_refuses_several_fires_whole(scene: Scene, count: int) -> None:
    scene.limit_user("a", max_backlog=1)
    full, other = planned(scene), planned(scene, "t", "b")
    calls = [firing(full, 2)] if count == 1 else [firing(other), firing(full, 2)]
    before = scene.dump(without=["stats"])
    with pytest.raises(BacklogFull):
        fire(scene, *calls)
    assert scene.dump(without=["stats"]) == before
    assert fire(scene, firing(full)) == [True]
    assert letters(scene) == "F"


# --- history ----------------------------------------------------------------------------------------------------------


def test_of_its_fires_a_hundred_are_kept_for_a_month(scene: Scene) -> None:
    planned(scene)
    for count in (60, 60):
        fire(scene, firing(known(scene), count))
    found = lines(scene)
    assert (len(found), found[-1].instant_ms) == (FIRES, scene.now + 119 * EVERY)
    assert [line.instant_ms for line in found] == sorted(line.instant_ms for line in found)
    ttl: Any = scene.client.pttl(scene.key("user:a:fires:s"))
    assert 0 < ttl <= 30 * 86_400_000


def test_what_nobody_can_make_sense_of_is_looked_at_again_in_a_minute_and_told_once(scene: Scene) -> None:
    there = planned(scene)
    for minute in range(3):
        assert due(scene) == ["s"]
        for _ in range(2):  # two schedulers, or one that sends it twice
            assert scene.run(schedules.postpone(scene.root, there, "no: zone", scene.at()))
        assert due(scene) == []
        assert entered(scene) == {"s": scene.now + 60_000}
        assert lines(scene) == [FireLine("E", there.due_ms or 0, scene.now - minute * 60_000, "no: zone")]
        scene.now += 60_000
    scene.run(schedules.postpone(scene.root, there, "another reason", scene.at()))
    assert letters(scene) == "EE"
    assert fire(scene, firing(there)) == [True], "whoever can make sense of it may fire it all the while"
    assert letters(scene) == "EEF"


# --- a full Redis -----------------------------------------------------------------------------------------------------


def test_a_full_redis_fires_nothing_and_all_once_there_is_room(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        scene = Scene(server.url, "full", client)
        there, gone = planned(scene), planned(scene, "t")
        server.command("CONFIG", "SET", "maxmemory", "1")
        before = scene.dump()
        for act in (
            lambda: fire(scene, firing(there), firing(gone)),
            lambda: scene.run(by_hand(scene, there)),
            lambda: planned(scene, "u"),
        ):
            with pytest.raises(QueueFull):
                act()
        assert scene.dump() == before
        assert due(scene) == ["s", "t"], "schedulers go on looking"
        assert scene.run(schedules.remove(scene.root, "t", "r"))
        server.command("CONFIG", "SET", "maxmemory", "0")
        assert fire(scene, firing(there), firing(gone)) == [True, False]
        assert ids_of(scene.claim(9)) == [task_of(there)]
        scene.close()
