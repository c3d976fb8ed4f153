"""Schedules: added, read and changed, and what is refused, the same in both colours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fairque import ScheduleError, TaskScheduler
from fairque.errors import TaskValidationError
from tests.contract.jobs import Point, add, double, echo, move
from tests.contract.timetable import all_told, nightly, told

BERLIN = ZoneInfo("Europe/Berlin")
SOON = datetime.now(UTC) + timedelta(hours=1)


def test_what_was_added_is_read_as_it_was_written(scheduler: TaskScheduler) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    task = move(Point(1, 2), when).with_(user_id="u", priority=5, expires_in=60, max_retries=7)
    assert (
        nightly(scheduler, task=task, user_id=None, timezone="Europe/Berlin", end=SOON + timedelta(days=9)) == "nightly"
    )
    found = scheduler.get("nightly")
    assert found is not None
    assert (found.schedule_id, found.version, found.state, found.origin) == ("nightly", 1, "active", "code")
    assert (found.cron_expr, found.every, found.timezone) == ("0 2 * * *", None, "Europe/Berlin")
    assert (found.catchup, found.overlap) == ("one", "skip")
    assert (found.user_id, found.task_name, found.start) == ("u", "tests.contract.jobs:move", None)
    assert (found.task.args, found.task.priority, found.task.expires_in) == ((Point(1, 2), when), 5, 60)
    assert found.task.max_retries == 7
    assert found.next_fire is not None
    assert found.next_fire.astimezone(BERLIN).strftime("%H:%M") == "02:00"
    assert timedelta(0) < found.next_fire - datetime.now(UTC) <= timedelta(hours=25)
    assert found.fires(3) == scheduler.next_fires("nightly", 3)
    assert [fire.astimezone(BERLIN).hour for fire in found.fires(3)] == [2, 2, 2]
    assert all_told(scheduler) == [told(found)]
    assert scheduler.list(user_id="another") == []


def test_adding_the_same_again_changes_nothing(scheduler: TaskScheduler) -> None:
    first = scheduler.add_schedule(every=3600, task=echo("x"), user_id="u")
    assert first.startswith("contract.echo-")
    scheduler.pause(first)
    before = all_told(scheduler)
    assert scheduler.add_schedule(every=3600, task=echo("x"), user_id="u") == first
    assert all_told(scheduler) == before
    for other in (echo("y"), echo("x").with_(priority=6), echo("x").with_(expires_in=5)):
        assert scheduler.add_schedule(every=3600, task=other, user_id="u") != first
    assert scheduler.add_schedule(every=3600, task=echo("x"), user_id="v") != first
    assert scheduler.add_schedule(every=3601, task=echo("x"), user_id="u") != first
    assert len(scheduler.list()) == 6


def test_another_definition_replaces_what_was_added_under_its_id(scheduler: TaskScheduler) -> None:
    nightly(scheduler)
    scheduler.update("nightly", catchup="none")
    nightly(scheduler)  # what was added last: what has been changed since stays
    kept = scheduler.get("nightly")
    assert kept is not None
    assert (kept.version, kept.catchup) == (2, "none")
    scheduler.pause("nightly")
    nightly(scheduler, cron_expr="0 3 * * *")
    replaced = scheduler.get("nightly")
    assert replaced is not None
    assert (replaced.version, replaced.catchup, replaced.cron_expr, replaced.state) == (4, "one", "0 3 * * *", "paused")


def test_an_interval_counts_from_its_start(scheduler: TaskScheduler) -> None:
    nightly(scheduler, cron_expr=None, every=1800, start=SOON, end=SOON + timedelta(hours=1))
    assert scheduler.next_fires("nightly", 10) == [
        SOON.replace(microsecond=SOON.microsecond // 1000 * 1000) + timedelta(minutes=30 * n) for n in range(3)
    ]
    nightly(scheduler, schedule_id="from now", cron_expr=None, every=60)
    first, second = scheduler.next_fires("from now", 2)
    assert second - first == timedelta(seconds=60)
    assert timedelta(seconds=50) < first - datetime.now(UTC) <= timedelta(seconds=60)


def test_a_change_makes_a_version_and_moves_the_next_fire_only_where_it_says_so(scheduler: TaskScheduler) -> None:
    nightly(scheduler, cron_expr=None, every=60)
    before = scheduler.get("nightly")
    assert before is not None
    after = scheduler.update("nightly", task=add(3, 4), overlap="allow", catchup="all(7)")
    assert (after.version, after.next_fire, after.overlap, after.catchup) == (2, before.next_fire, "allow", "all(7)")
    assert (after.task.args, after.user_id) == ((3, 4), "u")
    moved = scheduler.update("nightly", every=7200)
    assert moved.next_fire is not None
    assert moved.next_fire - datetime.now(UTC) > timedelta(hours=1)
    cron = scheduler.update("nightly", cron_expr="30 4 * * *", timezone="Asia/Kolkata")
    assert (cron.every, cron.cron_expr, cron.timezone, cron.version) == (None, "30 4 * * *", "Asia/Kolkata", 4)
    assert cron.next_fire is not None
    assert cron.next_fire.strftime("%H:%M") == "23:00"
    assert scheduler.update("nightly", user_id="v").user_id == "v"
    assert (scheduler.list(user_id="u"), len(scheduler.list(user_id="v"))) == ([], 1)


def test_a_refused_change_changes_nothing(scheduler: TaskScheduler) -> None:
    nightly(scheduler)
    before = all_told(scheduler)
    refused: list[tuple[str, dict[str, Any]]] = [
        ("cron", {"cron_expr": "0 0 31 2 *"}),
        ("zone", {"timezone": "Europe/Atlantis"}),
        ("every", {"every": 0}),
        ("one of the two", {"every": 60, "cron_expr": "* * * * *"}),
        ("end: has passed", {"end": datetime(2020, 1, 1, tzinfo=UTC)}),
        ("overlap", {"overlap": "no"}),
        ("catchup", {"catchup": "all(0)"}),
        ("did you mean catchup", {"catch_up": "one"}),
    ]
    for message, change in refused:
        with pytest.raises(TaskValidationError, match=message):
            scheduler.update("nightly", **change)
    assert all_told(scheduler) == before


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("give cron_expr or every", {"cron_expr": None}),
        ("give cron_expr or every", {"every": 5}),
        ("expected a task", {"task": None}),
        ("call it", {"task": add}),
        ("by itself", {"task": add(1, 2).with_(depends_on=["x"])}),
        ("by itself", {"task": add(1, 2).with_(on_success=echo(1))}),
        ("task_id: each fire", {"task": add(1, 2).with_(task_id="mine")}),
        ("delay: the schedule", {"task": add(1, 2).with_(delay=5)}),
        ("execute_after: the schedule", {"task": add(1, 2).with_(execute_after=SOON)}),
        ("push_key", {"task": add(1, 2).with_(auto_xcom=True)}),
        ("rows", {"task": double()}),
        ("args", {"task": add(1, "2")}),  # type: ignore[arg-type]
        ("has no user", {"user_id": None}),
        ("user_id", {"user_id": "*"}),
        ("schedule_id", {"schedule_id": ""}),
        ("schedule_id", {"schedule_id": "x" * 201}),
        ("schedule_id", {"schedule_id": "a\nb"}),
        ("start: needs a time zone", {"start": datetime(2027, 1, 1)}),
        ("end: is before start", {"start": SOON, "end": SOON - timedelta(seconds=1)}),
        ("end: has passed", {"end": datetime(2026, 1, 1, tzinfo=UTC)}),
        ("zone", {"timezone": "../etc/passwd"}),
        ("catchup", {"catchup": "two"}),
        ("catchup", {"catchup": "all(1001)"}),
        ("overlap", {"overlap": True}),
    ],
)
def test_what_is_no_schedule_is_refused_and_nothing_is_written(
    scheduler: TaskScheduler, dump: Any, message: str, change: dict[str, Any]
) -> None:
    scheduler.list()
    before = dump()
    with pytest.raises(TaskValidationError, match=message):
        nightly(scheduler, **change)
    assert dump() == before


def test_an_id_that_another_user_has_is_not_taken_from_it(scheduler: TaskScheduler) -> None:
    nightly(scheduler)
    before = all_told(scheduler)
    with pytest.raises(ScheduleError, match="'nightly' is a schedule of another user"):
        nightly(scheduler, user_id="v")
    assert all_told(scheduler) == before
    assert scheduler.update("nightly", task=add(5, 6).with_(user_id="v")).user_id == "v"
    assert scheduler.update("nightly", task=add(7, 8)).user_id == "v"
