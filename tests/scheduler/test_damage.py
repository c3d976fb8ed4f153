"""Damage in what Redis holds of schedules: whoever reads it is told or sees what is there, and all others are fired."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
import redis

from fairque.errors import FairqueError
from fairque.scheduler.rounds import round_of
from fairque.scheduler.verbs import ScheduleVerbs
from fairque.store.call import Call, carry
from tests.badinput.damage import DAMAGES
from tests.lua.scene import Scene
from tests.lua.timetable import EVERY, MEMBER, lines, planned

VICTIM, OTHER = "victim", "bystander"


@pytest.fixture
def scene(redis_url: str, prefix: str, redis_client: redis.Redis) -> Iterator[Scene]:
    """Give a queue with two users' schedules, of their names, which were fired and are due again."""
    scene = Scene(redis_url, prefix, redis_client)
    scene.now = int(time.time() * 1000)  # rounds are never behind Redis's clock, by which the verbs go
    for user in (VICTIM, OTHER):
        planned(scene, user, user)
    make_round(scene)
    scene.now += EVERY
    yield scene
    scene.close()


def make_round(scene: Scene) -> None:
    carry(round_of(scene.root, "token", MEMBER, scene.at()), scene.run)


def value_of(found: Any) -> bytes:
    return bytes(found)


class Place:
    """Something that Redis holds, as it is read and written: `item` of the key `ending`."""

    def __init__(self, kind: str, ending: str, item: str = "") -> None:
        self._kind, self._ending, self._item = kind, ending, item

    def spoil(self, scene: Scene, damage: Callable[[bytes], bytes]) -> None:
        client, key, item = scene.client, scene.key(self._ending), self._item
        match self._kind:
            case "hash":
                client.hset(key, item, damage(value_of(client.hget(key, item))))
            case "list":
                client.lset(key, 0, damage(value_of(client.lindex(key, 0))))  # type: ignore[arg-type]
            case "string":
                client.set(key, damage(value_of(client.get(key))), keepttl=True)
            case "set":
                client.srem(key, item)
                client.sadd(key, damage(item.encode()))
            case "zset":
                client.zrem(key, item)
                client.zadd(key, {damage(item.encode()): scene.now})


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Return the damage that puts something in the place of what a schedule says."""

    def swap(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new, 1)

    return swap


TWISTED: Final = {
    "a user that is no text": swapped(b":victim:", b":\xff\xfe:"),
    "another's": swapped(b":victim:", b":bystander:"),
    "no interval": swapped(b'"every_ms":60000', b'"every_ms":0'),
    "an interval back in time": swapped(b'"every_ms":60000', b'"every_ms":-60000'),
    "no timing": swapped(b'"every_ms":60000', b'"every_s":60'),
    "an expression that is none": swapped(b'"every_ms":60000', b'"cron":"at teatime"'),
    "a zone that is none": swapped(b'"every_ms":60000', b'"cron":"* * * * *","zone":"Europe/Atlantis"'),
    "a level that is none": swapped(b'"level":3', b'"level":7'),
    "a time to start that is none": swapped(b'"level":3', b'"level":3,"when":"soon"'),
}
"""What reads as a schedule, and means nothing."""
PLACES: Final = {
    "the schedule": Place("hash", "schedules", VICTIM),
    "what is due": Place("zset", "schedules-due", VICTIM),
    "what the user has": Place("set", f"user:{VICTIM}:schedules", VICTIM),
    "what came of a fire": Place("list", f"user:{VICTIM}:fires:{VICTIM}"),
    "who has the lock": Place("string", "scheduler-lock"),
    "who is up": Place("zset", "schedulers", MEMBER),
}


def use_all(scene: Scene) -> None:
    """Ask for all that there is to know of the victim's schedule, and turn it off and on."""
    verbs = ScheduleVerbs(scene.root, "UTC")
    calls: list[Call[Any]] = [verbs.get(VICTIM), verbs.history(VICTIM, 100), verbs.next_fires(VICTIM, 3)]
    for call in calls:
        with suppress(FairqueError):
            scene.run(call)
    for steps in (verbs.all(None), verbs.schedulers(), verbs.turn(VICTIM, "P"), verbs.turn(VICTIM, "A")):
        with suppress(FairqueError):
            carry(steps, scene.run)


@pytest.mark.parametrize(
    ("place", "damage"), [*itertools.product(PLACES, DAMAGES), *(("the schedule", damage) for damage in TWISTED)]
)
def test_it_stops_nobody(scene: Scene, place: str, damage: str) -> None:
    before = scene.dump()
    PLACES[place].spoil(scene, (DAMAGES | TWISTED)[damage])
    assert scene.dump() != before
    make_round(scene)
    use_all(scene)
    for _ in range(2):
        scene.now += EVERY
        make_round(scene)
    last = lines(scene, OTHER)[-1]
    assert (last.letter, last.instant_ms, last.at_ms) == ("F", scene.now, scene.now)
