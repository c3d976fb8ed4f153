"""A scheduler's tick: who has the lock, until when, and what it hears to be due."""

from __future__ import annotations

from typing import Any

from fairque.store import schedules
from fairque.store.schedules import DUE, LEASE, Tick
from tests.lua.scene import Scene
from tests.lua.timetable import EVERY, MEMBER, fire, firing, known, planned, tick

MS = int(LEASE * 1000)


def leads(scene: Scene, token: str) -> bool:
    return scene.run(tick(scene, token)).leads


def held(scene: Scene) -> bytes:
    found: Any = scene.client.get(scene.key("scheduler-lock"))
    return bytes(found or b"")


def listed(scene: Scene) -> dict[str, int]:
    found: Any = scene.client.zrange(scene.key("schedulers"), 0, -1, withscores=True)
    return {member.decode(): int(at) for member, at in found}


# --- the lock -------------------------------------------------------------------------------------------------------


def test_one_has_the_lock_and_the_others_hear_when_to_look_again(scene: Scene) -> None:
    planned(scene, ms=-1)
    assert scene.run(tick(scene, "one")) == Tick(True, scene.now, None, [("s", known_text(scene))])
    scene.now += 400
    assert scene.run(tick(scene, "two")) == Tick(False, scene.now, MS - 400, [])
    assert held(scene) == f"{scene.now - 400 + MS}:one:{MEMBER}".encode()


def known_text(scene: Scene) -> bytes:
    found: Any = scene.client.hget(scene.key("schedules"), "s")
    return bytes(found)


def test_it_is_renewed_by_whoever_has_it_and_free_when_it_lapses(scene: Scene) -> None:
    for _ in range(4):
        assert leads(scene, "one")
        scene.now += MS - 1
        assert not leads(scene, "two")
    scene.now += 1
    assert leads(scene, "two")
    assert not leads(scene, "one"), "who lost it without knowing stands by"


def test_whoever_leaves_frees_it_at_once_but_only_its_own(scene: Scene) -> None:
    assert leads(scene, "one")
    assert scene.run(tick(scene, "two", lease=0)) == Tick(False, scene.now, None, [])
    assert not leads(scene, "three")
    scene.run(tick(scene, "one", lease=0))
    assert held(scene) == b""
    assert leads(scene, "three")


def test_it_lapses_by_the_servers_clock_too(scene: Scene) -> None:
    leads(scene, "one")
    ttl: Any = scene.client.pttl(scene.key("scheduler-lock"))
    assert 0 < ttl <= 2 * MS


def test_a_clock_that_is_set_back_leaves_the_lock_where_it_is(scene: Scene) -> None:
    assert leads(scene, "one")
    scene.now -= 3_600_000
    assert not leads(scene, "two")
    assert leads(scene, "one")


def test_schedulers_are_listed_until_they_leave_or_fall_silent(scene: Scene) -> None:
    other = schedules.member_of("s2", "there", 2)
    scene.run(schedules.tick(scene.root, "two", other, now=scene.at()))
    scene.now += 9000
    leads(scene, "one")
    assert listed(scene) == {MEMBER: scene.now, other: scene.now - 9000}
    assert scene.run(schedules.read(scene.root, None, now=scene.at())).holder == MEMBER
    scene.now += 1000
    leads(scene, "one")
    assert listed(scene) == {MEMBER: scene.now}
    scene.run(tick(scene, "one", lease=0))
    assert listed(scene) == {}
    assert scene.run(schedules.read(scene.root, None, now=scene.at())).holder == ""


# --- what is due ----------------------------------------------------------------------------------------------------


def test_it_is_told_what_is_due_and_when_more_will_be(scene: Scene) -> None:
    assert scene.run(tick(scene)).wait_ms is None
    for schedule_id, ms in (("late", -5), ("now", 0), ("soon", 70), ("then", 9000)):
        planned(scene, schedule_id, ms=ms)
    found = scene.run(tick(scene))
    assert ([schedule_id for schedule_id, _ in found.due], found.wait_ms) == (["late", "now"], 70)
    assert schedules.read_schedule(*found.due[0]) == known(scene, "late")
    fire(scene, *(firing(known(scene, name)) for name in ("late", "now")))
    scene.now += 70
    found = scene.run(tick(scene))
    assert ([schedule_id for schedule_id, _ in found.due], found.wait_ms) == (["soon"], 9000 - 70)


def test_of_very_many_it_is_told_the_oldest_first_in_turns(scene: Scene) -> None:
    ids = [f"s{n:03}" for n in range(2 * DUE + 5)]
    for n, schedule_id in enumerate(ids):
        planned(scene, schedule_id, ms=n)
    scene.now += 1000
    told = []
    while found := scene.run(tick(scene)).due:
        assert len(found) <= DUE
        told += [schedule_id for schedule_id, _ in found]
        assert all(fire(scene, *(firing(known(scene, schedule_id)) for schedule_id, _ in found)))
    assert told == ids


def test_of_large_ones_it_is_told_a_few_at_a_time(scene: Scene) -> None:
    for n in range(7):
        planned(scene, f"s{n}", ms=n, label="m:f|" + 1_000_000 * "x")
    scene.now += 1000
    told = []
    while found := scene.run(tick(scene)).due:
        assert len(found) <= 4
        told += [schedule_id for schedule_id, _ in found]
        fire(scene, *(firing(known(scene, schedule_id)) for schedule_id, _ in found))
    assert told == [f"s{n}" for n in range(7)]
    assert known(scene, "s6").due_ms == scene.now - 1000 + 6 + EVERY
