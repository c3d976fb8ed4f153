"""Ids of schedules, and of users at whatever takes a schedule: refused without effect, or taken as they are (I23)."""

from __future__ import annotations

import inspect
from functools import partial

import pytest

from fairque import TaskScheduler
from tests.badinput.ground import COLOURS, Ground, cell, refused, untouched
from tests.badinput.id_entries import Entry
from tests.badinput.ids import IDS, SCHEDULE, USER, safe
from tests.badinput.schedule_entries import OWNER_COMMANDS, OWNER_ENTRIES, SCHEDULE_COMMANDS, SCHEDULE_ENTRIES, added
from tests.badinput.test_ids import TEXTS, each, try_all


@pytest.mark.parametrize("colour", COLOURS)
@each(SCHEDULE_ENTRIES)
def test_a_schedule(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: Entry) -> None:
    try_all(ground, caplog, ground.schedulers[colour], SCHEDULE, entry)


@pytest.mark.parametrize("colour", COLOURS)
@each(OWNER_ENTRIES)
def test_an_owner(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: Entry) -> None:
    try_all(ground, caplog, ground.schedulers[colour], USER, entry)


@pytest.mark.parametrize("colour", COLOURS)
def test_another_owner(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    scheduler = ground.schedulers[colour]
    added(scheduler, "given away")
    with untouched(ground, caplog):
        for row in IDS:
            if USER not in row.names:
                with cell(row.name):
                    refused(partial(scheduler.update, "given away", user_id=row.value))
    for user in safe(USER):
        assert scheduler.update("given away", user_id=user).user_id == user
        assert [one.schedule_id for one in scheduler.list(user_id=user)] == ["given away"]
    assert scheduler.remove("given away")


@each(SCHEDULE_COMMANDS)
def test_a_schedule_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    try_all(ground, caplog, ground, SCHEDULE, entry, TEXTS)


@each(OWNER_COMMANDS)
def test_an_owner_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    try_all(ground, caplog, ground, USER, entry, TEXTS)


def test_every_verb_that_takes_one_is_in_the_table() -> None:
    for kind, entries in {
        "schedule_id": SCHEDULE_ENTRIES.keys() | {"run_now"},
        "user_id": OWNER_ENTRIES.keys(),
    }.items():
        taking = {
            name
            for name, verb in inspect.getmembers(TaskScheduler, inspect.isfunction)
            if not name.startswith("_") and kind in inspect.signature(verb).parameters
        }
        assert taking <= entries
