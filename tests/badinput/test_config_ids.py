"""Ids in a configuration, of a queue and of a worker: in a program, a file and the environment."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from fairque import AsyncTaskQueue, FairQueueConfig, TaskQueue, Worker
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import QueueSettings, WorkerSettings
from fairque.errors import ConfigError
from tests.badinput.ground import CommandRefused, Ground, cell, refused
from tests.badinput.ids import IDS, QUEUE, SCHEDULE, USER, WORKER

Entry = Callable[[Any, Path], object]
"""Makes a configuration of a value (in a file of that directory), and gives back the value as it stands in it."""


def in_yaml(value: object) -> str:
    """Return a value as YAML has it; what no file can hold is escaped."""
    if isinstance(value, bytes):
        return f"!!binary {base64.b64encode(value).decode()}"
    if value != value:  # noqa: PLR0124
        return ".nan"
    lone = isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value[:100])
    return json.dumps(value, ensure_ascii=lone)


def loaded(directory: Path, text: str) -> FairQueueConfig:
    path = directory / "fq.yaml"
    path.write_text(text, encoding="utf-8")
    config = FairQueueConfig.from_yaml(path, environ={})
    config.to_yaml(path)
    assert FairQueueConfig.from_yaml(path, environ={}) == config
    return config


def set_in(environ: dict[str, str]) -> FairQueueConfig:
    return FairQueueConfig.create_default("w1", ["somebody"], environ=environ)


PLAIN: Final = FairQueueConfig.create_default("w1", ["somebody"], environ={})

USERS: Final[dict[str, Entry]] = {
    "assigned_users": lambda user, _: WorkerSettings(id="w1", assigned_users=(user,)).assigned_users[0],
    "steal_targets": lambda user, _: WorkerSettings(id="w1", assigned_users=(), steal_targets=(user,)).steal_targets[0],
    "create_default": lambda user, _: FairQueueConfig.create_default("w1", [user], environ={}).worker.assigned_users[0],
    "with_worker": lambda user, _: PLAIN.with_worker(assigned_users=[user]).worker.assigned_users[0],
    "file: assigned_users": lambda user, at: loaded(
        at, f"worker: {{id: w1, assigned_users: [{in_yaml(user)}]}}"
    ).worker.assigned_users[0],
    "file: users": lambda user, at: next(iter(loaded(at, f"users:\n  ? {in_yaml(user)}\n  : {{weight: 2}}").users)),
}
USERS_IN_TEXT: Final[dict[str, Entry]] = {
    "variable": lambda user, _: set_in({"FAIRQUE_WORKER__ASSIGNED_USERS": f"[{in_yaml(user)}]"}).worker.assigned_users[
        0
    ],
}

QUEUES: Final[dict[str, Entry]] = {
    "name": lambda name, _: QueueSettings(name=name).name,
    "prefix": lambda name, _: QueueSettings(prefix=name).prefix,
    "file: name": lambda name, at: loaded(at, f"queue: {{name: {in_yaml(name)}}}").queue.name,
    "file: prefix": lambda name, at: loaded(at, f"queue: {{prefix: {in_yaml(name)}}}").queue.prefix,
}
QUEUES_IN_TEXT: Final[dict[str, Entry]] = {
    "variable": lambda name, _: set_in({"FAIRQUE_QUEUE__NAME": name}).queue.name,
    "TaskQueue": lambda name, _: TaskQueue(PLAIN, name=name).name,
    "AsyncTaskQueue": lambda name, _: AsyncTaskQueue(PLAIN, name=name).name,
    "Worker": lambda name, _: Worker(PLAIN, queue=name) and name,
}

WORKERS: Final[dict[str, Entry]] = {
    "id": lambda name, _: WorkerSettings(id=name, assigned_users=("*",)).id,
    "create_default": lambda name, _: FairQueueConfig.create_default(name, environ={}).worker.id,
    "with_worker": lambda name, _: PLAIN.with_worker(id=name).worker.id,
    "file": lambda name, at: loaded(at, f"worker: {{id: {in_yaml(name)}, assigned_users: ['*']}}").worker.id,
}
WORKERS_IN_TEXT: Final[dict[str, Entry]] = {
    "variable": lambda name, _: set_in({"FAIRQUE_WORKER__ID": name}).worker.id,
    "Worker": lambda name, _: Worker(PLAIN.with_worker(id=name), id=name).id,
}
SCHEDULERS: Final[dict[str, Entry]] = {
    "scheduler": lambda name, _: SchedulerSettings(id=name).id,
    "file: scheduler": lambda name, at: loaded(at, f"scheduler: {{id: {in_yaml(name)}}}").scheduler.id,
}
SCHEDULERS_IN_TEXT: Final[dict[str, Entry]] = {
    "scheduler's variable": lambda name, _: set_in({"FAIRQUE_SCHEDULER__ID": name}).scheduler.id,
}


def schedule(**fields: Any) -> ScheduleSettings:
    given: dict[str, Any] = {"id": "s", "every": 60, "task": "a:b", "user_id": "u"}
    return ScheduleSettings(**given | fields)


SCHEDULES: Final[dict[str, Entry]] = {
    "id": lambda name, _: schedule(id=name).id,
    "file": lambda name, at: (
        loaded(at, f"schedules: [{{id: {in_yaml(name)}, every: 60, task: 'a:b', user_id: u}}]").schedules[0].id
    ),
}
OWNERS: Final[dict[str, Entry]] = {
    "schedule": lambda user, _: schedule(user_id=user).user_id,
    "file: schedules": lambda user, at: (
        loaded(at, f"schedules: [{{id: s, every: 60, task: 'a:b', user_id: {in_yaml(user)}}}]").schedules[0].user_id
    ),
}

ALL_OF_THEM: Final = [*USERS.values(), *USERS_IN_TEXT.values()]
"""Where `*` stands for every user."""

ENTRIES: Final = [
    pytest.param(kind, entry, only_text, id=f"{kind}-{name}")
    for kind, only_text, entries in [
        (USER, False, USERS),
        (USER, True, USERS_IN_TEXT),
        (QUEUE, False, QUEUES),
        (QUEUE, True, QUEUES_IN_TEXT),
        (WORKER, False, WORKERS),
        (WORKER, True, WORKERS_IN_TEXT),
        (WORKER, False, SCHEDULERS),
        (WORKER, True, SCHEDULERS_IN_TEXT),
        (SCHEDULE, False, SCHEDULES),
        (USER, False, OWNERS),
    ]
    for name, entry in entries.items()
]


@pytest.mark.parametrize(("kind", "entry", "only_text"), ENTRIES)
def test_an_id(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, entry: Entry, only_text: bool) -> None:
    for row in IDS:
        if only_text and not (isinstance(row.value, str) and len(row.value) < 100_000):
            continue
        with cell(row.name):
            if kind in row.names or (row.value == "*" and entry in ALL_OF_THEM):
                assert entry(row.value, tmp_path) == row.value
            else:
                assert isinstance(refused(partial(entry, row.value, tmp_path)), ConfigError)
    assert caplog.records == []


@pytest.mark.parametrize("row", [row for row in IDS if isinstance(row.value, str)], ids=lambda row: row.name)
def test_a_worker_that_is_not_in_the_file(ground: Ground, row: Any) -> None:
    two = FairQueueConfig(workers=tuple(WorkerSettings(id=name, assigned_users=("*",)) for name in ("w1", "w2")))
    assert isinstance(refused(lambda: Worker(two, id=row.value)), ConfigError)
    with pytest.raises(CommandRefused) as caught:
        ground.command("worker", f"--id={row.value}")
    assert caught.value.ran.code == 2


def test_queues_of_similar_names_are_different_queues(ground: Ground) -> None:
    weights = {str(row.value): weight for weight, row in enumerate(IDS, 1) if QUEUE in row.names}
    for name, weight in weights.items():
        with TaskQueue(ground.config, name=name) as queue:
            queue.set_user("somebody", weight=weight)
    for name, weight in weights.items():
        with TaskQueue(ground.config, name=name) as queue:
            assert queue.get_user("somebody").weight == weight
