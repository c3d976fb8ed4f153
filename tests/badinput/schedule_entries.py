"""The verbs and commands that take a schedule's id, or its user. Each gives back the id as it comes out again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, Final

from fairque import TaskScheduler
from fairque.errors import TaskValidationError
from tests.badinput.ground import Ground
from tests.badinput.id_entries import HOST, OPTIONAL, WRITES, Entry, entry
from tests.badinput.jobs import echo


def added(scheduler: TaskScheduler, schedule_id: Any = "s", **changes: Any) -> str:
    """Add a schedule."""
    given: dict[str, Any] = {"every": 3_600, "task": echo(1), "user_id": HOST}
    return scheduler.add_schedule(schedule_id=schedule_id, **given | changes)


# --- verbs ----------------------------------------------------------------------------------------------------------


def _added(scheduler: TaskScheduler, schedule_id: Any) -> object:
    """Add a schedule, find it, and remove it again."""
    name = added(scheduler, schedule_id)
    found = scheduler.get(name)
    assert found is not None
    assert [one.schedule_id for one in scheduler.list()] == [name]
    assert scheduler.remove(name)
    assert (scheduler.get(name), scheduler.list()) == (None, [])
    return None if schedule_id is None else found.schedule_id


def _on(verb: Callable[[TaskScheduler, Any], object]) -> Entry:
    """Return an entry that does something with a schedule of its own, and removes it."""

    def act(scheduler: TaskScheduler, schedule_id: Any) -> object:
        with suppress(TaskValidationError):
            added(scheduler, "" if schedule_id is None else schedule_id)
        verb(scheduler, schedule_id)
        assert scheduler.remove(schedule_id)
        return schedule_id

    return entry(act, WRITES)


def _owned(scheduler: TaskScheduler, user_id: Any) -> object:
    name = added(scheduler, user_id=user_id)
    found = scheduler.list(user_id=user_id)
    assert scheduler.remove(name)
    return found[0].user_id


def _listed(scheduler: TaskScheduler, user_id: Any) -> object:
    assert scheduler.list(user_id=user_id) == []
    return user_id


SCHEDULE_ENTRIES: Final = {
    "add_schedule": entry(_added, WRITES, OPTIONAL),
    "update": _on(lambda scheduler, name: scheduler.update(name, every=60)),
    "pause": _on(lambda scheduler, name: scheduler.pause(name)),
    "resume": _on(lambda scheduler, name: scheduler.resume(name)),
    "history": _on(lambda scheduler, name: scheduler.history(name)),
    "next_fires": _on(lambda scheduler, name: scheduler.next_fires(name)),
    "get": entry(lambda scheduler, name: scheduler.get(name) or name),
    "remove": entry(lambda scheduler, name: scheduler.remove(name) or name),
}
"""Every verb that takes a schedule's id, but `run_now`, which leaves a task."""
OWNER_ENTRIES: Final = {
    "add_schedule": entry(_owned, WRITES),
    "list": entry(_listed, OPTIONAL),
}
"""Every verb of a scheduler that takes a user, but `update`, which needs a schedule."""

# --- commands -------------------------------------------------------------------------------------------------------

_HOURLY: Final = ("--every=3600", "--task=badinput.echo", "--json")


def _added_by_command(ground: Ground, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = ground.command("schedule", "add", *_HOURLY, *words).json
    assert ground.command("schedule", "remove", "--json", "--", told["schedule_id"]).json["removed"]
    return told


def _command(verb: str) -> Entry:
    """Return an entry that gives a schedule of its own to a command."""

    def act(ground: Ground, schedule_id: Any) -> object:
        with closing(TaskScheduler(ground.config)) as scheduler:
            with suppress(TaskValidationError):
                added(scheduler, schedule_id)
            told = ground.command("schedule", verb, "--json", "--", schedule_id).json
            if verb == "run":
                assert ground.queues["sync"].delete_task(told["task_id"])
            assert scheduler.remove(schedule_id) is (verb != "remove")
        return told["schedule_id"]

    return entry(act, WRITES)


def _listed_by_command(ground: Ground, user: str) -> str:
    assert ground.command("schedule", "list", f"--user={user}", "--json").json["schedules"] == []
    return user


SCHEDULE_COMMANDS: Final = {
    f"schedule {verb}": _command(verb) for verb in ("show", "pause", "resume", "run", "next", "remove")
} | {
    "schedule add": entry(
        lambda ground, name: _added_by_command(ground, f"--user={HOST}", "--", name)["schedule_id"], WRITES
    )
}
"""Every command that takes a schedule's id."""
OWNER_COMMANDS: Final = {
    "schedule add": entry(lambda ground, user: _added_by_command(ground, f"--user={user}", "s")["user_id"], WRITES),
    "schedule list": entry(_listed_by_command),
}
"""Every one of them that takes a user."""
