"""Calls about schedules, against a stage that has some."""

from __future__ import annotations

from functools import partial

from fairque.store import schedules
from tests.lua.book import AnyCall, call
from tests.lua.stages import LONG, Stage
from tests.lua.timetable import by_hand, firing, plan, tick

LAPSED = int(LONG * 1000)
"""ms after which the lock is free."""


def write(stage: Stage, schedule_id: str, user: str, letter: str = "A") -> AnyCall:
    """Return a change of a schedule, which may become another user's."""
    over = stage.schedules[schedule_id]
    fresh = plan(schedule_id, user, due=stage.scene.now + 1 if letter == "A" else None, letter=letter)
    return schedules.write(stage.scene.root, fresh, over, stage.scene.at())


call("schedule", "a new one")(
    lambda stage: schedules.write(stage.scene.root, plan("new", due=stage.scene.now), None, stage.scene.at())
)
for name, user, letter in (("due", "a", "A"), ("due", "a", "P"), ("again", "a", "E"), ("other", "b", "A")):
    call("schedule", f"{name} for {user}: {letter}")(partial(write, schedule_id=name, user=user, letter=letter))
for name in ("due", "again", "later", "none"):
    call("unschedule", name)(
        lambda stage, name=name: schedules.remove(stage.scene.root, name, "matrix")  # type: ignore[misc]
    )
call("tick", "of the one that leads")(lambda stage: tick(stage.scene))
call("tick", "of the one that leads, a little later")(lambda stage: tick(stage.scene, ms=1))
call("tick", "of one that stands by")(lambda stage: tick(stage.scene, "other", ms=1))
call("tick", "of one that takes over")(lambda stage: tick(stage.scene, "other", ms=LAPSED))
call("tick", "the last one")(lambda stage: tick(stage.scene, lease=0))


def fire(stage: Stage, *names: str, count: int = 1) -> AnyCall:
    """Return the fires of these schedules."""
    firings = [firing(stage.schedules[name], count) for name in names]
    return schedules.fire(stage.scene.root, firings, stage.scene.at())


for names in ("due", "unique", "again", "due other again unique"):
    call("fire", names)(lambda stage, names=names: fire(stage, *names.split()))  # type: ignore[misc]
call("fire", "all that was missed")(lambda stage: fire(stage, "due", "again", count=3))
call("fire", "the last of many, which is the last one")(
    lambda stage: schedules.fire(
        stage.scene.root, [firing(stage.schedules["due"], 1, (7, 3))._replace(following=None)], stage.scene.at()
    )
)
for name in ("due", "later"):
    call("fire", f"{name} by hand")(
        lambda stage, name=name: by_hand(stage.scene, stage.schedules[name])  # type: ignore[misc]
    )
call("fire", "put off")(
    lambda stage: schedules.postpone(stage.scene.root, stage.schedules["due"], "why", stage.scene.at())
)
call("fires", "of one")(lambda stage: schedules.read(stage.scene.root, stage.schedules["again"].schedule_id, 9))
call("fires", "of none")(lambda stage: schedules.read(stage.scene.root, None))
