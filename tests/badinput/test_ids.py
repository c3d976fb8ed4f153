"""Ids at every verb and command that takes one: refused without effect, or taken as they are, nobody else's (I23)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import click
import pytest

from fairque import TaskQueue, TaskState
from fairque.cli.main import fairque
from fairque.core.ids import encode_id
from tests.badinput.command_entries import ERASE_COMMAND, TASK_COMMANDS, USER_COMMANDS
from tests.badinput.ground import COLOURS, Ground, Snapshot, cell, opened, refused, untouched
from tests.badinput.id_entries import (
    ERASE,
    EVERYONE,
    HOST,
    KEY_ENTRIES,
    OPTIONAL,
    TASK_ENTRIES,
    USER_ENTRIES,
    WRITES,
    Entry,
    build,
)
from tests.badinput.ids import IDS, TASK, USER, Id, safe
from tests.badinput.jobs import echo
from tests.badinput.schedule_entries import OWNER_COMMANDS, SCHEDULE_COMMANDS


@pytest.fixture(scope="module")
def ground(redis_url: str) -> Iterator[Ground]:
    """Give a queue in which everybody of the table lives."""
    with opened(redis_url) as ground:
        build(ground.queues["sync"])
        yield ground


def try_all(
    ground: Ground, caplog: pytest.LogCaptureFixture, where: Any, kind: str, entry: Entry, rows: Sequence[Id] = IDS
) -> None:
    """Try the table's rows at one entry: ids are refused, or come out as they went in."""
    given = [row for row in rows if row.value is not None or OPTIONAL not in entry.flags]
    taken = [row for row in given if kind in row.names or (EVERYONE in entry.flags and row.value == "*")]
    with untouched(ground, caplog):
        for row in given:
            with cell(row.name):
                if row not in taken:
                    refused(partial(entry.act, where, row.value))
                elif WRITES not in entry.flags:
                    assert entry.act(where, row.value) == row.value
    before = ground.snapshot()
    for row in taken if WRITES in entry.flags else ():
        with cell(row.name):
            assert entry.act(where, row.value) == row.value
            after = ground.snapshot()
            others = {*map(encode_id, safe(kind))} - {encode_id(row.value)}
            assert not owners(before.items() ^ after.items()) & others
            before = after


def owners(changed: set[tuple[tuple[bytes, bytes], bytes]]) -> set[str]:
    """Return who and what is named by keys, fields and members that have changed, as Redis holds them."""
    named: set[str] = set()
    for (key, item), _ in changed:
        place = key.decode().partition("}:queue:")[2]
        if place != "stats":
            named.update(item.decode().split("|"))
        if found := re.match("user:([^:]*):", place):
            named.update([found[1], item.decode().split(":", 2)[-1]])
    return named


def each(entries: Mapping[str, Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in entries.items()])


@pytest.mark.parametrize("colour", COLOURS)
@each(USER_ENTRIES)
def test_a_user(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: Entry) -> None:
    try_all(ground, caplog, ground.queues[colour], USER, entry)


@pytest.mark.parametrize("colour", COLOURS)
@each(TASK_ENTRIES)
def test_a_task(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: Entry) -> None:
    try_all(ground, caplog, ground.queues[colour], TASK, entry)


@pytest.mark.parametrize("colour", COLOURS)
@each(KEY_ENTRIES)
def test_a_unique_key(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: Entry) -> None:
    try_all(ground, caplog, ground.queues[colour], TASK, entry)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_user_that_is_erased(redis_url: str, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    with opened(redis_url) as ground:
        build(ground.queues["sync"])
        try_all(ground, caplog, ground.queues[colour], USER, ERASE)


TEXTS = [row for row in IDS if isinstance(row.value, str)]
"""What can be written on a command line."""


@each(USER_COMMANDS)
def test_a_user_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    try_all(ground, caplog, ground, USER, entry, TEXTS)


@each(ERASE_COMMAND)
def test_a_user_that_is_erased_by_a_command(redis_url: str, caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    with opened(redis_url) as ground:
        build(ground.queues["sync"])
        try_all(ground, caplog, ground, USER, entry, TEXTS)


@each(TASK_COMMANDS)
def test_a_task_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, entry: Entry) -> None:
    try_all(ground, caplog, ground, TASK, entry, TEXTS)


def test_every_verb_that_takes_an_id_is_in_the_table() -> None:
    for kind, entries in {"user_id": USER_ENTRIES, "task_id": TASK_ENTRIES}.items():
        tried = {verb for name in entries for verb in name.split(", ")} | {"erase_user"}
        taking = {
            name
            for name, verb in inspect.getmembers(TaskQueue, inspect.isfunction)
            if not name.startswith("_") and kind in inspect.signature(verb).parameters
        }
        assert taking <= tried


def test_nobody_has_been_touched(ground: Ground) -> None:
    queue = ground.queues["sync"]
    assert {user: queue.get_task("live", user_id=user).args[0] for user in safe(USER)} == {u: u for u in safe(USER)}  # type: ignore[union-attr]
    assert {name: queue.get_task(name, user_id=HOST).args[0] for name in safe(TASK)} == {n: n for n in safe(TASK)}  # type: ignore[union-attr]


def test_every_command_that_takes_an_id_is_in_the_table() -> None:
    taking = {"user_id": set[str](), "task_id": set[str](), "schedule_id": set[str]()}
    groups: list[tuple[str, click.Command]] = [("", fairque)]
    for path, command in groups:
        if isinstance(command, click.Group):
            context = click.Context(command)
            found = {name: command.get_command(context, name) for name in command.list_commands(context)}
            groups += [(f"{path} {name}".strip(), inner) for name, inner in found.items() if inner is not None]
        for parameter in command.params:
            if parameter.name in taking:
                taking[parameter.name].add(path)
    assert taking == {
        "user_id": {*USER_COMMANDS, *ERASE_COMMAND, *OWNER_COMMANDS},
        "task_id": {*TASK_COMMANDS},
        "schedule_id": {*SCHEDULE_COMMANDS},
    }


@pytest.mark.parametrize("colour", COLOURS)
def test_an_id_of_another_user_is_ones_own(ground: Ground, colour: str) -> None:
    queue = ground.queues[colour]
    theirs = queue.push(echo("theirs"), user_id="victim")
    ours = queue.push(echo("ours").with_(task_id=theirs.task_id), user_id="thief")
    assert ours.created
    assert queue.get_task(theirs.task_id).args == ("theirs",)  # type: ignore[union-attr]
    assert queue.delete_task(ours.task_id, user_id="thief")
    assert (queue.get_task(ours.task_id, user_id="thief"), theirs.state()) == (None, TaskState.QUEUED)
    assert queue.delete_task(theirs.task_id)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("state", "created"),
    [("queued", False), ("scheduled", False), ("started", False), ("finished", True), ("failed", True)],
)
def test_an_id_that_is_in_use(redis_url: str, colour: str, state: str, created: bool) -> None:
    with opened(redis_url) as ground:
        queue = ground.queues[colour]
        first = echo("first").with_(task_id="x", max_retries=0, delay=60 if state == "scheduled" else 0)
        handle = queue.push(first, user_id="u")
        popped = queue.pop() if state in {"started", "finished", "failed"} else None
        if state == "finished":
            queue.finish(popped, "done")  # type: ignore[arg-type]
        elif state == "failed":
            queue.fail(popped, "no")  # type: ignore[arg-type]
        assert handle.state() == state
        again = queue.push(echo("second").with_(task_id="x"), user_id="u")
        found = queue.get_task("x", user_id="u")
        assert found is not None
        assert (again.created, found.args[0]) == (created, "second" if created else "first")


def test_a_snapshot_sees_what_is_written(ground: Ground) -> None:
    before: Snapshot = ground.snapshot()
    ground.queues["sync"].set_user("seen", weight=3)
    assert owners(before.items() ^ ground.snapshot().items()) >= {"seen"}
    ground.queues["sync"].reset_user("seen")
