"""The commands that take an id, in the town of `id_entries`; each gives back the id as it comes out again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest

from fairque.errors import TaskValidationError
from tests.badinput.ground import CommandRefused, Ground
from tests.badinput.id_entries import EVERYONE, HOST, LIVE, WRITES, entry
from tests.badinput.jobs import echo


def _pushed_by_command(ground: Ground, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = ground.command("push", "badinput.echo", *words, "--json").json
    assert told["created"] is (told["user_id"] != HOST)
    assert not told["created"] or ground.queues["sync"].delete_task(told["task_id"])
    return told


def _user_of(*words: str) -> Callable[[Ground, Any], object]:
    """Return an entry that asks of a user: `fairque WORDS -- USER`."""
    return lambda ground, user: ground.command(*words, "--json", "--", user).json["user_id"]


def _owner_of(*words: str) -> Callable[[Ground, Any], object]:
    """Return an entry that asks of a user's task: `fairque WORDS LIVE --user=USER`."""
    return lambda ground, user: ground.command(*words, LIVE, f"--user={user}", "--json").json["user_id"]


def _task_of(*words: str) -> Callable[[Ground, Any], object]:
    """Return an entry that asks of a task: `fairque WORDS -- ID`."""
    return lambda ground, name: ground.command(*words, f"--user={HOST}", "--json", "--", name).json["task_id"]


def _checked_user(ground: Ground, user: str) -> str:
    report = ground.command("doctor", f"--user={user}", "--seconds=0", "--json").json
    assert (report["healthy"], report["users"]) == (True, 1)
    return user


def _turned(ground: Ground, verb: str, user_id: str, task_id: str) -> dict[str, Any]:
    """Cancel a task of its own by command, or try it again, and take it away; an id that cannot be is the command's."""
    queue = ground.queues["sync"]
    with suppress(TaskValidationError):
        queue.push(echo(1).with_(task_id=task_id), user_id=user_id)
        assert verb == "cancel" or queue.cancel(task_id, user_id=user_id)
    told: dict[str, Any] = ground.command("task", verb, f"--user={user_id}", "--json", "--", task_id).json
    assert told["state"] == {"cancel": "canceled", "retry": "queued"}[verb]
    assert queue.delete_task(task_id, user_id=user_id)
    return told


def _failed(verb: str, key: str) -> Callable[[Ground, Any], object]:
    """Return an entry that asks for failed tasks of a user, who has none."""

    def act(ground: Ground, user: str) -> str:
        assert not ground.command("failed", verb, f"--user={user}", "--json").json[key]
        return user

    return act


def _flows(ground: Ground, user: str) -> str:
    listed = ground.command("flow", "list", f"--user={user}", "--json").json["flows"]
    assert {flow["user_id"] for flow in listed} <= {user}
    return user


def _no_flow(verb: str) -> Callable[[Ground, Any], object]:
    """Return an entry that asks for a flow of a user, who has none."""

    def act(ground: Ground, user: str) -> str:
        with pytest.raises(CommandRefused) as caught:
            ground.command("flow", verb, f"--user={user}", "--json", "nosuch")
        if caught.value.ran.code == 2:
            raise caught.value
        assert f"nosuch: {user} has no such flow" in caught.value.ran.err
        return user

    return act


def _erased(ground: Ground, user: str) -> object:
    told = ground.command("user", "erase", "--yes", "--json", "--", user).json
    assert told["removed"] == 2
    return told["user_id"]


USER_COMMANDS: Final = {
    "push": entry(lambda ground, user: _pushed_by_command(ground, f"--user={user}")["user_id"], WRITES),
    "task show": entry(_owner_of("task", "show")),
    "task explain": entry(_owner_of("task", "explain")),
    "task cancel": entry(lambda ground, user: _turned(ground, "cancel", user, "unwanted")["user_id"], WRITES),
    "task retry": entry(lambda ground, user: _turned(ground, "retry", user, "unwanted")["user_id"], WRITES),
    "failed list": entry(_failed("list", "tasks")),
    "failed requeue": entry(_failed("requeue", "requeued")),
    "failed purge": entry(_failed("purge", "purged")),
    "flow list": entry(_flows),
    "flow show": entry(_no_flow("show")),
    "flow cancel": entry(_no_flow("cancel")),
    "user show": entry(_user_of("user", "show"), EVERYONE),
    "user set": entry(_user_of("user", "set", "--max-concurrency=3"), WRITES, EVERYONE),
    "user pause": entry(_user_of("user", "pause"), WRITES),
    "user resume": entry(_user_of("user", "resume"), WRITES),
    "user reset": entry(_user_of("user", "reset"), WRITES, EVERYONE),
    "doctor": entry(_checked_user),
    "info": entry(lambda ground, user: ground.command("info", f"--user={user}", "--json").json["users"][0]["user_id"]),
}
"""Every command that takes a user, but the one that takes everything from it."""
ERASE_COMMAND: Final = {"user erase": entry(_erased, WRITES)}
TASK_COMMANDS: Final = {
    "push": entry(lambda ground, name: _pushed_by_command(ground, f"--user={HOST}", f"--id={name}")["task_id"], WRITES),
    "task show": entry(_task_of("task", "show")),
    "task explain": entry(_task_of("task", "explain")),
    "task cancel": entry(lambda ground, name: _turned(ground, "cancel", "guest", name)["task_id"], WRITES),
    "task retry": entry(lambda ground, name: _turned(ground, "retry", "guest", name)["task_id"], WRITES),
}
"""Every command that takes a task id."""
