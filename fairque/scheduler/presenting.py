"""From what a queue keeps of schedules to what a program sees: schedules, and what came of their fires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from fairque.core.ids import decode_id
from fairque.core.models import Task
from fairque.core.schedule import Fire, Outcome, Overlap, ScheduledTask, State, at_ms, catchup_of, utc
from fairque.queue import reading
from fairque.store.records import Record
from fairque.store.schedules import FireLine, Schedule

_STATES: Final[Mapping[str, State]] = {"A": "active", "P": "paused", "E": "ended"}
_OVERLAPS: Final[Mapping[str, Overlap]] = {"s": "skip", "a": "allow"}
_OUTCOMES: Final[Mapping[str, Outcome]] = {
    "F": "fired",
    "H": "by hand",
    "S": "skipped",
    "U": "skipped",
    "B": "refused",
    "M": "missed",
    "E": "failed",
}
_DETAILS: Final = {
    "S": "the last task had not ended",
    "U": "a task of its unique key had not ended",
    "B": "the backlog was full",
}


def task_of(schedule: Schedule) -> Task[Any]:
    """Return what a schedule pushes."""
    user, level = schedule.user_id, schedule.definition.level
    record = Record(user, schedule.schedule_id, "Q", level, 0, 0, 0, "", None, schedule.body, None)
    _, _, span = schedule.definition.when.partition("/")
    return replace(reading.task_of(record), task_id=None, state=None, expires_in=int(span) / 1000 if span else None)


def scheduled_task(schedule: Schedule) -> ScheduledTask:
    """Return a schedule for people."""
    said = schedule.definition
    return ScheduledTask(
        schedule_id=schedule.schedule_id,
        task=task_of(schedule),
        timing=said.timing,
        catchup=catchup_of(said.catchup),
        overlap=_OVERLAPS[said.overlap],
        state=_STATES[schedule.letter],
        version=schedule.version,
        next_fire=utc(schedule.due_ms),
        origin=said.origin,
        changed=at_ms(said.changed_ms),
    )


def fire_of(line: FireLine) -> Fire:
    """Return what came of a fire, for people."""
    letter, detail = line.letter, line.detail
    task_id = decode_id(detail) if letter in "FHSU" else None
    since = at_ms(int(detail)) if letter == "M" else None
    said = detail if letter == "E" else _DETAILS.get(letter, "")
    outcome, instant, at = _OUTCOMES[letter], at_ms(line.instant_ms), at_ms(line.at_ms)
    return Fire(instant=instant, at=at, outcome=outcome, task_id=task_id, detail=said, since=since)
