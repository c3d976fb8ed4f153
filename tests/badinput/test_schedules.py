"""Schedules: what is no cron expression, no time zone, no interval, no id; in a program, a file, on a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from fairque import FairQueueConfig, TaskScheduler
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from tests.badinput.ground import COLOURS, Ground, cell, refused, try_values, untouched
from tests.badinput.jobs import echo
from tests.badinput.numbers import ON_A_LINE, READ_BY_PYTHON, VALUES
from tests.badinput.schedule_entries import added
from tests.badinput.test_config_ids import in_yaml

NO_CRON: Final = {
    "empty": "",
    "blank": "  ",
    "a-word": "daily",
    "four-fields": "0 9 * *",
    "seven-fields": "0 0 9 * * 1 2027",
    "minute-60": "60 * * * *",
    "hour-24": "0 24 * * *",
    "day-0": "0 0 0 * *",
    "day-32": "0 0 32 * *",
    "month-13": "0 0 1 13 *",
    "weekday-8": "0 0 * * 8",
    "step-0": "*/0 * * * *",
    "step-too-long": "*/100 * * * *",
    "backwards": "50-10 * * * *",
    "negative": "-1 * * * *",
    "fraction": "0.5 * * * *",
    "nothing-in-a-list": "1,,2 * * * *",
    "open-range": "1- * * * *",
    "two-stars": "** * * * *",
    "31-february": "0 0 31 2 *",
    "30-february": "0 0 30 FEB *",
    "31-april": "0 0 31 4 *",
    "random": "R * * * *",
    "random-within": "R(1-5) * * * *",
    "hashed": "H * * * *",
    "at-boot": "@reboot",
    "every": "@every 5m",
    "unknown-name": "@fortnightly",
    "arabic-digits": "\u0665 * * * *",
    "full-width": "\uff10 * * * *",
    "nul": "0 9 * * *\0",
    "escape": "0 9 * * \x1b[2J",
    "lone-surrogate": "0 9 * * \ud800",
    "10-KB": "0 " * 5_000,
    "a-long-list": ",".join(map(str, range(60))) * 20 + " * * * *",
}
CRON: Final = {
    "five-fields": "0 9 * * 1-5",
    "six-fields": "*/10 0 9 * * *",
    "29-february": "0 0 29 2 *",
    "a-skipped-time": "30 2 * * *",
    "a-name": "@daily",
    "names": "0 9 * JAN MON",
    "last-day": "0 0 L * *",
    "third-friday": "0 0 * * 5#3",
}
NO_ZONE: Final = {
    "empty": "",
    "blank": " ",
    "unknown": "Nowhere",
    "half-a-name": "Europe/",
    "a-directory": "Europe",
    "a-path": "../etc/passwd",
    "absolute": "/etc/passwd",
    "a-file-beside": "tzdata.zi",
    "the-machines": "localtime",
    "nul": "Europe/Berlin\0",
    "newline": "Europe/Berlin\n",
    "lone-surrogate": "Europe/\ud800",
    "offset": "+01:00",
    "10-KB": "x" * 10_240,
}
ZONE: Final = {"utc": "UTC", "berlin": "Europe/Berlin", "half-hours": "Australia/Lord_Howe"}
NO_TEXT: Final = {"int": 9, "bool": True, "bytes": b"0 9 * * *", "list": ["0 9 * * *"], "dict": {"a": 1}}
NO_CATCHUP: Final = {"empty": "", "one-too-many": "all(1001)", "nought": "all(0)", "negative": "all(-1)", "word": "two"}
NO_OVERLAP: Final = {"empty": "", "upper": "SKIP", "word": "maybe"}


def entries(scheduler: TaskScheduler, argument: str) -> dict[str, Callable[[Any], object]]:
    """Return the verbs that take this argument; each leaves nothing behind."""
    when = {} if argument == "cron_expr" else {"cron_expr": "@daily"}

    def add(value: Any) -> object:
        name = scheduler.add_schedule(task=echo(1), schedule_id="s", user_id="u", **when | {argument: value})
        return scheduler.remove(name)

    def update(value: Any) -> object:
        added(scheduler, "s")
        try:
            return scheduler.update("s", **{argument: value})
        finally:
            scheduler.remove("s")

    return {"add_schedule": add, "update": update}


def in_a_file(tmp_path: Path, key: str, value: object) -> object:
    path = tmp_path / "fq.yaml"
    given = {"id": "s", "cron": "'@daily'", "task": "'a:b'", "user_id": "u"} | {key: in_yaml(value)}
    path.write_text(f"schedules: [{{{', '.join(f'{name}: {text}' for name, text in given.items())}}}]", "utf-8")
    return getattr(FairQueueConfig.from_yaml(path, environ={}).schedules[0], key)


def in_a_program(key: str, value: object) -> object:
    given: dict[str, Any] = {"id": "s", "cron": "@daily", "task": "a:b", "user_id": "u", key: value}
    return getattr(ScheduleSettings(**given), key)


ARGUMENTS: Final[dict[str, tuple[str, Mapping[str, Any], Mapping[str, str]]]] = {
    "cron_expr": ("cron", NO_CRON | NO_TEXT, CRON),
    "timezone": ("timezone", NO_ZONE | NO_TEXT, ZONE),
    "catchup": ("catchup", NO_CATCHUP | NO_TEXT, {"none": "none", "all": "all", "seven": "all(7)"}),
    "overlap": ("overlap", NO_OVERLAP | NO_TEXT, {"skip": "skip", "allow": "allow"}),
}
"""Of each argument: its key in a file, and what is refused and taken."""


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("colour", COLOURS)
def test_an_argument(
    ground: Ground,
    caplog: pytest.LogCaptureFixture,
    colour: str,
    argument: str,
) -> None:
    _, bad, good = ARGUMENTS[argument]
    for verb, act in entries(ground.schedulers[colour], argument).items():
        before = ground.snapshot()
        for name, value in bad.items():
            with cell(verb, name):
                refused(partial(act, value))
        assert ground.snapshot().keys() - before.keys() == set()
        for name, value in good.items():
            with cell(verb, name):
                act(value)
    assert caplog.records == []


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_key_of_a_file(tmp_path: Path, argument: str) -> None:
    key, bad, good = ARGUMENTS[argument]
    for name, value in bad.items():
        with cell(name):
            refused(partial(in_a_program, key, value))
            refused(partial(in_a_file, tmp_path, key, value))
    for name, value in good.items():
        with cell(name):
            assert in_a_program(key, value) == in_a_file(tmp_path, key, value) == value


def test_a_zone_of_a_scheduler() -> None:
    for name, value in (NO_ZONE | NO_TEXT).items():
        with cell(name):
            refused(partial(lambda zone: SchedulerSettings(timezone=zone), value))
            if isinstance(value, str) and "\0" not in value:
                variable = {"FAIRQUE_SCHEDULER__TIMEZONE": value}
                refused(partial(FairQueueConfig.create_default, environ=variable))


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_option_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, argument: str) -> None:
    key, bad, good = ARGUMENTS[argument]
    add = ("schedule", "add", "s", "--task=badinput.echo", "--user=u", *(() if key == "cron" else ("--cron=@daily",)))
    commands = [add] if key in {"catchup", "overlap"} else [add, ("schedule", "next", *add[5:])]
    with untouched(ground, caplog):
        for name, value in bad.items():
            for words in commands if isinstance(value, str) else ():
                with cell(words[1], name):
                    refused(partial(ground.command, *words, f"--{key}={value}"))
    for name, value in good.items():
        for words in commands:
            with cell(words[1], name):
                ground.command(*words, f"--{key}={value}")
    ground.command("schedule", "remove", "s")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_number(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    scheduler = ground.schedulers[colour]

    def add(value: Any) -> None:
        assert scheduler.remove(scheduler.add_schedule(every=value, task=echo(1), user_id="u"))

    try_values(ground, caplog, {"1", "7", "3.5"}, add, VALUES)
    added(scheduler, "numbers")
    try_values(ground, caplog, {"1", "7"}, lambda value: scheduler.history("numbers", value), VALUES)
    try_values(ground, caplog, {"1", "7"}, lambda value: scheduler.next_fires("numbers", value), VALUES)
    scheduler.remove("numbers")


def test_a_number_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    added(ground.schedulers["sync"], "numbers")
    add = ("schedule", "add", "s", "--task=badinput.echo", "--user=u")
    for words, taken in {
        (*add, "--every=%s"): {"1", "7", "3.5"} | READ_BY_PYTHON,
        ("schedule", "next", "--every=%s"): {"1", "7", "3.5"} | READ_BY_PYTHON,
    }.items():
        command = partial(lambda words, text: ground.command(*(word.replace("%s", text) for word in words)), words)
        try_values(ground, caplog, taken, command, ON_A_LINE)
    for name in ("numbers", "s"):
        ground.schedulers["sync"].remove(name)
