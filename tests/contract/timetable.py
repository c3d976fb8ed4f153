"""What tests do with schedules: add one, tell it from what it was before, wait until it has fired."""

from __future__ import annotations

from typing import Any

from fairque import Fire, ScheduledTask, TaskScheduler
from tests.contract.jobs import add
from tests.waiting import wait_until


def told(schedule: ScheduledTask | None) -> tuple[Any, ...]:
    """Return what tells a schedule from what it was before."""
    assert schedule is not None
    timing, how = schedule.timing, (schedule.catchup, schedule.overlap, schedule.state)
    return (schedule.schedule_id, schedule.version, timing, schedule.next_fire, *how, schedule.task.args)


def all_told(scheduler: TaskScheduler) -> list[tuple[Any, ...]]:
    return [told(one) for one in scheduler.list()]


def nightly(scheduler: TaskScheduler, **changes: Any) -> str:
    """Add a schedule for the small hours."""
    given = {"cron_expr": "0 2 * * *", "task": add(1, 2), "schedule_id": "nightly", "user_id": "u", **changes}
    return scheduler.add_schedule(**given)


def wait_until_fired(scheduler: TaskScheduler, schedule_id: str = "nightly") -> Fire:
    """Return the first fire of a schedule."""
    wait_until(lambda: scheduler.history(schedule_id), description="it has fired")
    return scheduler.history(schedule_id)[-1]
