"""Schedules as pages: a line each, what is wrong, one as a whole; the same beside the users of an overview."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fairque import Task
from fairque.core.schedule import Fire, ScheduledTask
from fairque.core.timing import Timing
from fairque.monitoring.overview import Overview
from fairque.monitoring.overview_page import overview_page, schedulers_table
from fairque.monitoring.schedule_page import history_table, offset_text, schedule_page, schedules_page, state_text
from fairque.monitoring.schedules import ScheduleLine, line_json, remarks
from fairque.monitoring.upcoming import upcoming
from tests.monitoring.test_tables import STATS, printed

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
BERLIN = Timing(cron="30 2 * * *", zone="Europe/Berlin")
NIGHT = datetime(2026, 3, 29, 1, tzinfo=UTC)


def scheduled(**changes: Any) -> ScheduledTask:
    given = {
        "schedule_id": "nightly",
        "task": Task(name="jobs:report", user_id="user:1", args=("sesame",)),
        "timing": BERLIN,
        "catchup": "one",
        "overlap": "skip",
        "state": "active",
        "version": 3,
        "next_fire": NIGHT,
        "origin": "yaml",
        "changed": NOW - timedelta(hours=3),
    }
    return ScheduledTask(**given | changes)  # type: ignore[arg-type]


def fire(**changes: Any) -> Fire:
    given = {"instant": NOW, "at": NOW + timedelta(seconds=0.25), "outcome": "fired", "task_id": "nightly/3/1"}
    return Fire(**given | changes)  # type: ignore[arg-type]


def lines_of(page: object) -> list[list[str]]:
    return [line.split() for line in printed(page, terminal=False).splitlines()]


def test_a_line_has_when_whose_next_and_last() -> None:
    page = schedules_page([ScheduleLine(scheduled(), fire())], now=NOW, pretty=False)
    head, line = lines_of(page)
    assert head == ["schedule", "when", "task", "user", "next", "last", "lag"]
    assert " ".join(line) == (
        "nightly 30 2 * * * Europe/Berlin jobs:report user:1 2026-03-29 03:00:00 CEST in 13 h fired 0.2 s"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "paused", "next_fire": None}, "paused - - -"),
        ({"state": "ended", "next_fire": None}, "ended - - -"),
        ({"next_fire": NOW - timedelta(seconds=3)}, "2026-03-28 12:59:57 CET now - -"),
        ({"next_fire": NOW - timedelta(seconds=300)}, "2026-03-28 12:55:00 CET overdue 5 min - -"),
        ({"timing": Timing(every_ms=500), "next_fire": NOW + timedelta(seconds=0.5)}, "12:00:00 UTC in 0.5 s - -"),
    ],
)
def test_a_line_says_what_keeps_it_from_firing(changes: dict[str, Any], said: str) -> None:
    _, line = lines_of(schedules_page([ScheduleLine(scheduled(**changes))], now=NOW, pretty=False))
    assert " ".join(line).endswith(said)


def test_what_is_wrong_stands_behind_the_lines_once_for_all_that_it_is_true_of() -> None:
    silent = "no scheduler is running"
    lines = [ScheduleLine(scheduled(schedule_id=f"s{place}"), None, (silent,)) for place in range(5)]
    page = schedules_page(
        [*lines, ScheduleLine(scheduled(), None, ("no worker knows this task",))], now=NOW, pretty=True
    )
    text = printed(page, terminal=True, width=110)
    assert f"s0, s1, s2 and 2 more: {silent}" in text
    assert "nightly: no worker knows this task" in text
    assert "\x1b[1;31m" in text


@pytest.mark.parametrize(
    ("late", "schedulers", "workers", "said"),
    [
        (4, [], [], []),
        (6, [], [], ["no scheduler is running"]),
        (6, [{"id": "s"}], [], []),
        (-60, [], [{"tasks": ["jobs:other"], "tasks_total": 1}], ["no worker knows this task"]),
        (-60, [], [{"tasks": ["jobs:other"], "tasks_total": 2}], []),
        (-60, [], [{"tasks": []}, {"tasks": ["jobs:report"]}], []),
        (6, [], [{"tasks": []}], ["no scheduler is running", "no worker knows this task"]),
    ],
)
def test_what_is_wrong_about_a_schedule(
    late: float, schedulers: list[Any], workers: list[dict[str, Any]], said: list[str]
) -> None:
    schedule = scheduled(next_fire=NOW - timedelta(seconds=late))
    assert [*remarks(schedule, schedulers, workers, NOW)] == said


def test_a_page_has_all_but_the_arguments() -> None:
    schedule = scheduled(timing=Timing(cron="30 2 * * *", zone="Europe/Berlin", start_ms=0, end_ms=1_900_000_000_000))
    coming = upcoming(BERLIN, [NIGHT], NOW)
    past = [
        fire(),
        fire(outcome="refused", task_id=None, detail="the backlog was\nfull"),
        fire(outcome="missed", task_id=None, since=NOW - timedelta(days=2)),
        fire(outcome="missed", task_id=None, since=NOW),
    ]
    page = schedule_page(
        ScheduleLine(schedule, past[0], ("no worker knows this task",)), coming, past, now=NOW, pretty=False
    )
    text = printed(page, terminal=False)
    assert "sesame" not in text
    for said in (
        "schedule  nightly  version 3",
        "task      jobs:report",
        "fires     30 2 * * * Europe/Berlin",
        "from      1970-01-01 01:00:00 CET +01:00",
        "until     2030-03-17 18:46:40 CET +01:00",
        "overlap   a fire is skipped while the last task has not ended",
        "missed    the last of them happens",
        "next      2026-03-29 03:00:00 CEST +02:00  in 13 h",
        "changed   3 h ago, by a configuration",
        "no worker knows this task",
        "2026-03-29 01:00:00  13 h  clock forward 1 h; 02:30 does not exist",
    ):
        assert said in text
    *_, fired, refused, missed, one = text.splitlines()
    assert fired.endswith("fired    0.2 s  nightly/3/1")
    assert refused.endswith("refused  0.2 s  the backlog was full")
    assert missed.endswith("missed   0.2 s  since 2026-03-26 13:00:00 CET +01:00")
    assert one.endswith("missed   0.2 s")
    assert "it has not fired yet" in printed(
        schedule_page(ScheduleLine(schedule), coming, [], now=NOW, pretty=False), terminal=False
    )


def test_a_history_does_not_steer_the_terminal() -> None:
    page = history_table([fire(outcome="failed", detail="\x1b[2J")], ZoneInfo("UTC"), pretty=False)
    assert "\\x1b[2J" in printed(page, terminal=False)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "UTC"),
        ("Europe/Berlin", "CET +01:00"),
        ("America/Sao_Paulo", "-03:00"),
        ("Asia/Kathmandu", "+05:45"),
    ],
)
def test_an_offset_has_its_abbreviation_where_there_is_one(zone: str, text: str) -> None:
    assert offset_text(NOW.astimezone(ZoneInfo(zone))) == text


def test_how_one_stands_in_words() -> None:
    assert state_text(scheduled(), NOW) == "fires next 2026-03-29 03:00:00 CEST +02:00 in 13 h"
    assert state_text(scheduled(state="paused", next_fire=None), NOW) == "is paused: it does not fire"
    assert state_text(scheduled(state="ended", next_fire=None), NOW) == "has ended: it fires no more"


def test_machines_get_all_but_the_arguments() -> None:
    plain = line_json(ScheduleLine(scheduled(), fire(), ("no worker knows this task",)))
    assert plain == {
        "schedule_id": "nightly",
        "cron": "30 2 * * *",
        "every": None,
        "timezone": "Europe/Berlin",
        "start": None,
        "end": None,
        "task": "jobs:report",
        "user_id": "user:1",
        "priority": 3,
        "catchup": "one",
        "overlap": "skip",
        "state": "active",
        "version": 3,
        "next_fire": "2026-03-29T01:00:00+00:00",
        "origin": "yaml",
        "changed": "2026-03-28T09:00:00+00:00",
        "last": {
            "instant": "2026-03-28T12:00:00+00:00",
            "at": "2026-03-28T12:00:00.250000+00:00",
            "lag": 0.25,
            "outcome": "fired",
            "task_id": "nightly/3/1",
            "detail": "",
            "since": None,
        },
        "remarks": ["no worker knows this task"],
    }


def test_an_overview_shows_schedulers_and_schedules_only_where_there_are_any() -> None:
    bare = Overview(queue="default", stats=STATS, users=(), workers=())
    text = printed(overview_page(bare, address="redis://h", pretty=False), terminal=False)
    assert text.splitlines()[-1] == "no worker is up"
    leader = {"id": "s-1", "host": "here", "pid": 7, "leads": True, "last_seen": NOW.timestamp()}
    full = Overview(
        queue="default",
        stats=STATS,
        users=(),
        workers=(),
        schedulers=(leader,),
        schedules=(ScheduleLine(scheduled(), None, ("no scheduler is running",)),),
        more_schedules=1_200,
    )
    text = printed(overview_page(full, address="redis://h", pretty=False), terminal=False)
    assert "s-1        here:7   leads" in text
    *_, more, _, alarm = text.splitlines()
    assert alarm == "nightly: no scheduler is running"
    assert more == "and 1,200 more schedules: `fairque schedule list` shows all with --json"


def test_a_scheduler_that_has_fallen_silent_is_marked() -> None:
    seen = {"id": "s-1", "host": "here", "pid": 7, "leads": False, "last_seen": 100.0}
    assert lines_of(schedulers_table([seen], now=103, pretty=False))[1][1:] == ["here:7", "stands", "by", "now"]
    assert lines_of(schedulers_table([seen], now=113, pretty=False))[1][-3:] == ["13", "s", "ago"]
