"""How the schedules of a queue stand: each with its last fire, and with what is wrong about it. Never the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from fairque.core.schedule import Fire, ScheduledTask, utc
from fairque.core.timing import Timing
from fairque.errors import UnknownSchedule
from fairque.queue.explaining import knows, workers_up
from fairque.scheduler.scheduler import TaskScheduler

OVERDUE: Final = 5.0
"""Seconds by which a fire may be late: where a scheduler dies, another goes on within two."""


class ScheduleLine(NamedTuple):
    """A schedule, what came of its last fire, and what a person should know of it."""

    schedule: ScheduledTask
    last: Fire | None = None
    remarks: tuple[str, ...] = ()


def schedule_lines(
    scheduler: TaskScheduler, schedules: Iterable[ScheduledTask], workers: Iterable[Mapping[str, Any]], now: datetime
) -> tuple[ScheduleLine, ...]:
    """Return how these schedules stand, given the queue's workers; what is removed meanwhile is left out."""
    leaders, up = schedulers_up(scheduler.schedulers(), now), workers_up(workers, now.timestamp())
    found: list[ScheduleLine] = []
    for one in schedules:
        try:
            last = scheduler.history(one.schedule_id, 1)
        except UnknownSchedule:
            continue
        found.append(ScheduleLine(one, last[0] if last else None, tuple(remarks(one, leaders, up, now))))
    return tuple(found)


def remarks(
    schedule: ScheduledTask, schedulers: Sequence[object], workers: Sequence[Mapping[str, Any]], now: datetime
) -> Iterator[str]:
    """Yield what is wrong about a schedule, given the schedulers and the workers that are up."""
    if overdue(schedule, now) > OVERDUE and not schedulers:
        yield "no scheduler is running"
    if schedule.task_name and workers and not any(knows(worker, schedule.task_name) for worker in workers):
        yield "no worker knows this task"


def schedulers_up(schedulers: Iterable[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return the schedulers that have been heard of lately enough to be up."""
    return [one for one in schedulers if now.timestamp() - one["last_seen"] < OVERDUE]


def overdue(schedule: ScheduledTask, now: datetime) -> float:
    """Return by how many seconds a schedule's next fire is late; 0 where it is not."""
    return 0.0 if schedule.next_fire is None else max(0.0, (now - schedule.next_fire).total_seconds())


def line_json(line: ScheduleLine) -> dict[str, Any]:
    """Return a schedule as plain values, with its last fire and the remarks."""
    last = None if line.last is None else fire_json(line.last)
    return schedule_json(line.schedule) | {"last": last, "remarks": [*line.remarks]}


def schedule_json(schedule: ScheduledTask) -> dict[str, Any]:
    """Return a schedule as plain values; instants are ISO 8601 in UTC."""
    return {
        "schedule_id": schedule.schedule_id,
        **timing_json(schedule.timing),
        "task": schedule.task_name,
        "user_id": schedule.user_id,
        "priority": int(schedule.task.priority),
        "catchup": schedule.catchup,
        "overlap": schedule.overlap,
        "state": schedule.state,
        "version": schedule.version,
        "next_fire": _iso(schedule.next_fire),
        "origin": schedule.origin,
        "changed": _iso(schedule.changed),
    }


def timing_json(timing: Timing) -> dict[str, Any]:
    """Return when a schedule fires as plain values."""
    return {
        "cron": timing.cron,
        "every": None if timing.every_ms is None else timing.every_ms / 1000,
        "timezone": timing.zone,
        "start": _iso(utc(timing.start_ms)),
        "end": _iso(utc(timing.end_ms)),
    }


def fire_json(fire: Fire) -> dict[str, Any]:
    """Return what came of a fire as plain values."""
    return {
        "instant": _iso(fire.instant),
        "at": _iso(fire.at),
        "lag": fire.lag,
        "outcome": fire.outcome,
        "task_id": fire.task_id,
        "detail": fire.detail,
        "since": _iso(fire.since),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
