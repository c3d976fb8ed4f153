"""Schedules in a scene: written, fired and read by the store's own Calls."""

from __future__ import annotations

from typing import Any, Final

from fairque.core.timing import Timing
from fairque.store import schedules
from fairque.store.call import Call
from fairque.store.schedules import Definition, FireLine, Firing, Schedule
from tests.lua.scene import Scene

EVERY: Final = 60_000
"""ms between two fires of a schedule."""
MEMBER: Final = schedules.member_of("s1", "here", 1)


def plan(
    schedule_id: str = "s", user: str = "a", *, due: int | None, label: str = "m:f", letter: str = "A", **said: Any
) -> Schedule:
    """Return a schedule that was not written yet. `said`: more of its definition."""
    given: dict[str, Any] = {"timing": Timing(every_ms=EVERY, anchor_ms=due or 0), "level": 3, "overlap": "a"}
    definition = Definition(**(given | said))
    return Schedule(schedule_id, 0, letter, due, user, definition, f"{label}|call".encode())


def write(scene: Scene, schedule: Schedule, over: Schedule | None = None) -> Schedule:
    """Write a schedule; return it as it stands."""
    return schedule._replace(version=scene.run(schedules.write(scene.root, schedule, over, scene.at())))


def planned(scene: Scene, schedule_id: str = "s", user: str = "a", *, ms: int = 0, **said: Any) -> Schedule:
    """Write a new schedule that is due so much later."""
    return write(scene, plan(schedule_id, user, due=scene.now + ms, **said))


def firing(schedule: Schedule, count: int = 1, passed: tuple[int, int] | None = None) -> Firing:
    """Return the next fires of a schedule."""
    due = schedule.due_ms or 0
    return Firing(schedule, [due + EVERY * n for n in range(count)], due + EVERY * count, passed)


def fire(scene: Scene, *firings: Firing) -> list[bool]:
    """Fire; return which have moved on."""
    return scene.run(schedules.fire(scene.root, firings, scene.at()))


def by_hand(scene: Scene, schedule: Schedule, name: str = "now", nonce: str = "n") -> Call[Any]:
    """Return the call that fires a schedule by hand, as a task of that name."""
    return schedules.fire_by_hand(
        scene.root, schedule, schedules.entry_of(schedule, name, nonce), scene.now, scene.at()
    )


def tick(scene: Scene, token: str = "token", *, ms: int = 0, lease: float = schedules.LEASE) -> Call[schedules.Tick]:
    """Return a scheduler's tick, so much later."""
    return schedules.tick(scene.root, token, MEMBER, lease, str(scene.now + ms))


def due(scene: Scene) -> list[str]:
    """Return what a scheduler hears to be due."""
    found = scene.run(tick(scene))
    assert found.leads
    return [schedule_id for schedule_id, _ in found.due]


def known(scene: Scene, schedule_id: str = "s") -> Schedule:
    """Return a schedule as it stands."""
    found = scene.run(schedules.read(scene.root, schedule_id)).schedule
    assert found is not None
    return found


def lines(scene: Scene, schedule_id: str = "s") -> list[FireLine]:
    """Return what came of a schedule's fires, the oldest first."""
    return list(scene.run(schedules.read(scene.root, schedule_id, schedules.FIRES)).fires)[::-1]


def letters(scene: Scene, schedule_id: str = "s") -> str:
    """Return what came of a schedule's fires, a letter each."""
    return "".join(line.letter for line in lines(scene, schedule_id))


def task_of(schedule: Schedule, instant: int | None = None) -> str:
    """Return the id of the task of a fire."""
    return schedules.entry_at(schedule, schedule.due_ms or 0 if instant is None else instant).task_id


def entered(scene: Scene) -> dict[str, int]:
    """Return when schedules are due, as a scheduler looks."""
    found: Any = scene.client.zrange(scene.key("schedules-due"), 0, -1, withscores=True)
    return {schedule_id.decode(): int(at) for schedule_id, at in found}
