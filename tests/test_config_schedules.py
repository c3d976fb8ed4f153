"""Schedules in a configuration: what a file may say of them, and how each fault is told."""

from __future__ import annotations

import logging
import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fairque import FairQueueConfig
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import Settings
from fairque.errors import ConfigError

WHOLE = """
redis: {url: "redis://localhost:6379/0"}
queue: {name: default, prefix: fq, default_max_retries: 3, xcom_ttl_seconds: 3600, result_ttl_seconds: 3600}
fairness: {cost: count, aging_seconds: 60}
users: {"user:vip": {weight: 4, max_concurrency: 10, rate: "100/s"}}
tasks: [myapp.tasks]
workers:
  - id: worker-001
    assigned_users: ["user:1", "user:3"]
    steal_targets: ["user:2"]
    max_concurrent_tasks: 10
    task_timeout_seconds: 300
    graceful_shutdown_timeout: 30
scheduler: {id: scheduler-001, timezone: UTC}
schedules: [{id: nightly, cron: "0 2 * * *", task: "myapp.tasks:report", user_id: "user:1"}]
"""


def schedule(**fields: Any) -> ScheduleSettings:
    given: dict[str, Any] = {"id": "s", "every": 60, "task": "jobs:run", "user_id": "user:1"}
    return ScheduleSettings(**given | fields)


def faults_of(**fields: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        schedule(**fields)
    assert isinstance(caught.value, ValueError)
    return caught.value.problems


def test_the_whole_file_of_the_contract_loads_and_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "fq.yaml"
    path.write_text(WHOLE)
    with caplog.at_level(logging.INFO):
        config = FairQueueConfig.from_yaml(path, environ={})
    assert config.worker.steal_targets == ("user:2",)
    assert config.scheduler == SchedulerSettings(id="scheduler-001", timezone="UTC", embedded=False)
    assert config.schedules == (
        ScheduleSettings(id="nightly", cron="0 2 * * *", task="myapp.tasks:report", user_id="user:1"),
    )
    assert caplog.records == []


def test_the_defaults_are_those_of_the_contract() -> None:
    assert Settings().scheduler == SchedulerSettings(id="scheduler-001", timezone="UTC", embedded=False)
    assert Settings().schedules == ()
    one = schedule()
    assert (one.cron, one.timezone, one.start, one.end, one.catchup, one.overlap) == (*4 * (None,), "one", "skip")
    assert (one.args, one.kwargs, one.options) == ((), {}, {"user_id": "user:1"})
    assert one.how == {"catchup": "one", "overlap": "skip"}


def test_every_fault_is_one_line_with_file_and_path_and_all_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "fq.yaml"
    path.write_text(
        "scheduler: {id: a b, embedded: 1, timezon: UTC}\n"
        "schedules:\n"
        "  - {id: a, every: 60, task: 'a:b', user_id: u, start: 2026-03-01, priority: 9, overlap: maybe, zone: x}\n"
        "  - {id: a, every: 60, cron: '0 2 * * *', task: 'a b', user_id: '*', args: [2026-03-01], kwargs: {1: 2}}\n"
        "  - {task: 'jobs:run', user_id: 7, catchup: some, start: '2026-03-01T09:00', end: soon, kwargs: [1]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        FairQueueConfig.from_yaml(path, environ={})
    quoted = "(put it in quotes: YAML reads unquoted 1:30, 007, on and 2026-01-01 as numbers, booleans and dates)"
    instant = "must be an instant such as 2026-03-01T09:00:00+01:00, not"
    assert [problem.removeprefix(f"{path}: ") for problem in caught.value.problems] == [
        "scheduler.embedded: must be true or false, not 1",
        "scheduler.timezon: unknown key; did you mean timezone?",
        "scheduler.id: must be 1 to 128 printable characters without blanks, not the text 'a b'",
        f"schedules[0].start: {instant} a date {quoted}",
        "schedules[0].overlap: must be one of allow, skip, not the text 'maybe'",
        "schedules[0].priority: must be a whole number from 1 to 6, not 9",
        "schedules[0].zone: unknown key; did you mean timezone?",
        "schedules[1].cron: cannot be combined with every: give one of them",
        "schedules[1].task: expected 1 to 512 printable characters without blanks or '|'",
        "schedules[1].user_id: '*' means every user in a worker's lists; a user cannot be called that",
        "schedules[1].args[0]: date is not JSON: put it in quotes",
        "schedules[1].kwargs: the key 1 is not a string",
        "schedules[2].id: is missing",
        f"schedules[2].user_id: must be text, not 7 {quoted}",
        "schedules[2].kwargs: must be a mapping of parameters to values",
        "schedules[2].cron: is missing: give cron or every",
        "schedules[2].catchup: expected none, one, all or all(N) with N from 1 to 1000, not the text 'some'",
        "schedules[2].start: has no offset from UTC: write it as in 2026-03-01T09:00:00+01:00, or Z for UTC itself",
        f"schedules[2].end: {instant} the text 'soon'",
        "schedules[1].id: is already the id of schedules[0]: a",
    ]


@pytest.mark.parametrize("cron", ["0 9 * * *", "*/15 * * * * *", "@daily", "0 9 29 2 *"])
def test_an_expression_is_checked_when_it_is_read(cron: str) -> None:
    assert schedule(cron=cron, every=None).cron == cron


@pytest.mark.parametrize("cron", ["", "* * * *", "60 * * * *", "0 0 31 2 *", "R * * * *", "@reboot", "0 " * 5_000])
def test_an_expression_that_is_none_is_told_at_its_place(cron: str) -> None:
    (problem,) = faults_of(cron=cron, every=None)
    assert problem.startswith("cron: ")
    assert not problem.startswith("cron: cron")
    assert len(problem) < 400
    assert problem.isprintable()


@pytest.mark.parametrize("zone", ["", "Nowhere/Else", "../etc/passwd", "Europe/", "x" * 10_000])
def test_a_zone_that_is_none_is_told_at_its_place(zone: str) -> None:
    (problem,) = faults_of(timezone=zone)
    assert problem.startswith("timezone: ")
    assert len(problem) < 400
    with pytest.raises(ConfigError, match=r"^timezone: "):
        SchedulerSettings(timezone=zone)


@pytest.mark.parametrize("name", ["", " ", "a\n", "x" * 201, "é" * 101, "a\u202e", "\ud800"])
def test_an_id_has_room_behind_it(name: str) -> None:
    (problem,) = faults_of(id=name)
    assert problem.startswith("id: ")
    assert schedule(id="x" * 200).id == "x" * 200


@pytest.mark.parametrize("catchup", ["none", "one", "all", "all(1)", "all(1000)"])
def test_what_is_caught_up_with(catchup: str) -> None:
    assert schedule(catchup=catchup).catchup == catchup


@pytest.mark.parametrize("catchup", ["", "None", "all(0)", "all(1001)", "all()", "all(-1)", "all(1)\n", "2"])
def test_what_cannot_be_caught_up_with(catchup: str) -> None:
    (problem,) = faults_of(catchup=catchup)
    assert problem.startswith("catchup: expected none, one, all or all(N) with N from 1 to 1000")


def test_instants_name_their_offset_and_the_end_lies_behind_the_start() -> None:
    one = schedule(timezone="Asia/Tokyo", start="2026-03-01T09:00:00+01:00", end="2026-03-01 08:00:01Z")
    start, end = (datetime(2026, 3, 1, 8, 0, second, tzinfo=UTC) for second in (0, 1))
    assert one.when == {"cron_expr": None, "every": 60, "timezone": "Asia/Tokyo", "start": start, "end": end}
    assert schedule().when["start"] is None
    assert faults_of(start="2026-03-01T09:00:01Z", end="2026-03-01T10:00:00+01:00") == ("end: is before start",)
    assert faults_of(start="1969-03-01T09:00:00Z") == ("start: must lie between 1970 and 9998, got the year 1969",)
    assert faults_of(end="9999-12-31T23:59:59-05:00") == ("end: is out of the range of UTC datetimes",)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"args": [1, [{"a": math.nan}]]}, "args[1][0]['a']: nan does not survive JSON"),
        ({"args": [{"a": date(2026, 3, 1)}]}, "args[0]['a']: date is not JSON: put it in quotes"),
        ({"kwargs": {"a": [{1: 2}]}}, "kwargs['a'][0]: the key 1 is not a string"),
        ({"kwargs": {"a": "\ud800"}}, "kwargs['a']: has a character that UTF-8 cannot hold"),
    ],
)
def test_arguments_are_what_json_has(given: dict[str, Any], fault: str) -> None:
    assert faults_of(**given) == (fault,)


def test_of_many_bad_arguments_only_the_first_are_told() -> None:
    problems = faults_of(args=[math.inf] * 100_000)
    assert len(problems) == 6
    assert problems[-1] == "args: 99,995 more items are wrong"


def test_arguments_are_never_shown() -> None:
    assert "sesame" not in repr(schedule(args=["sesame"], kwargs={"word": "sesame"}))
    for wrong in ({"args": "sesame"}, {"kwargs": "sesame"}, {"args": {"word": "sesame"}}):
        assert "sesame" not in "".join(faults_of(**wrong))


def test_the_options_of_its_task_are_those_that_are_given() -> None:
    given = {"priority": 6, "max_retries": 0, "timeout": 2.5, "expires_in": 9.0, "unique_key": "k", "cost": 2.0}
    assert schedule(**given).options == {"user_id": "user:1", **given}
    assert schedule(result_ttl=0, executor="process").options == {
        "user_id": "user:1",
        "result_ttl": 0,
        "executor": "process",
    }


def test_the_environment_sets_what_is_of_the_scheduler() -> None:
    environ = {"FAIRQUE_SCHEDULER__ID": "s-2", "FAIRQUE_SCHEDULER__TIMEZONE": "Asia/Tokyo"}
    config = FairQueueConfig.create_default(environ=environ | {"FAIRQUE_SCHEDULER__EMBEDDED": "true"})
    assert config.scheduler == SchedulerSettings(id="s-2", timezone="Asia/Tokyo", embedded=True)
    with pytest.raises(ConfigError) as caught:
        FairQueueConfig.create_default(environ={"FAIRQUE_SCHEDULER__ID": "a b", "FAIRQUE_SCHEDULER__ZONE": "x"})
    assert caught.value.problems == (
        "FAIRQUE_SCHEDULER__ZONE: unknown key; did you mean FAIRQUE_SCHEDULER__TIMEZONE?",
        "FAIRQUE_SCHEDULER__ID: must be 1 to 128 printable characters without blanks, not the text 'a b'",
    )
