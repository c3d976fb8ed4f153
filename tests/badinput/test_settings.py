"""Settings that are numbers: in a program, a file, the environment, at run time and on a command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from fairque import FairQueueConfig
from fairque.core.checking import Section, fields_of
from fairque.core.limits import Caps, UserSettings
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import FairnessSettings, QueueSettings, RedisSettings, Settings, WorkerSettings
from tests.badinput import jobs
from tests.badinput.ground import COLOURS, Ground, try_values
from tests.badinput.numbers import AS_TEXT, ON_A_LINE, OPTIONS, READ_BY_PYTHON, SETTINGS, TEXTS, VALUES

USER: Final = "u"

NEEDED: Final[dict[type[Section], dict[str, Any]]] = {
    WorkerSettings: {"id": "w1", "assigned_users": ["u"]},
    ScheduleSettings: {"id": "s", "task": "a:b", "user_id": "u", "every": 60},
}
PLACES: Final[dict[type[Section], str]] = {
    RedisSettings: "redis: {%s}",
    QueueSettings: "queue: {%s}",
    FairnessSettings: "fairness: {%s}",
    WorkerSettings: "worker: {%s}",
    SchedulerSettings: "scheduler: {%s}",
    ScheduleSettings: "schedules: [{%s}]",
    UserSettings: "users: {u: {%s}}",
}
SECTIONS: Final[dict[type[Section], str]] = {
    RedisSettings: "REDIS",
    QueueSettings: "QUEUE",
    FairnessSettings: "FAIRNESS",
    WorkerSettings: "WORKER",
    SchedulerSettings: "SCHEDULER",
}

each_setting = pytest.mark.parametrize(
    ("section", "field"),
    [
        pytest.param(section, field, id=f"{section.__name__}.{field}")
        for section, fields in SETTINGS.items()
        for field in fields
    ],
)


@each_setting
def test_a_setting_in_a_program(
    ground: Ground, caplog: pytest.LogCaptureFixture, section: type[Section], field: str
) -> None:
    def make(value: Any) -> None:
        made = section(**NEEDED.get(section, {}) | {field: value})
        assert getattr(made, field) == value

    try_values(ground, caplog, SETTINGS[section][field], make, VALUES)


@each_setting
def test_a_setting_in_a_file(
    ground: Ground, caplog: pytest.LogCaptureFixture, tmp_path: Path, section: type[Section], field: str
) -> None:
    if section not in PLACES:
        section = UserSettings

    needed = {name: json.dumps(value) for name, value in NEEDED.get(section, {}).items()}

    def load(text: str) -> None:
        path = tmp_path / "fq.yaml"
        given = ", ".join(f"{name}: {value}" for name, value in (needed | {field: text}).items())
        path.write_text(PLACES[section] % given, encoding="utf-8")
        FairQueueConfig.from_yaml(path, environ={})

    try_values(ground, caplog, SETTINGS[section][field], load, AS_TEXT)


@pytest.mark.parametrize(("section", "field"), [(s, field) for s in SECTIONS for field in SETTINGS[s]])
def test_a_setting_in_the_environment(
    ground: Ground, caplog: pytest.LogCaptureFixture, section: type[Section], field: str
) -> None:
    variable = f"FAIRQUE_{SECTIONS[section]}__{field.upper()}"
    taken = SETTINGS[section][field]
    if field in {"ssl", "allow_eviction", "embedded"}:
        taken = taken | {"1", "0"}
    try_values(ground, caplog, taken, lambda text: FairQueueConfig.create_default(environ={variable: text}), ON_A_LINE)


def test_every_setting_is_in_a_table() -> None:
    assert {section: fields_of(section).keys() for section in SETTINGS} == {
        section: SETTINGS[section].keys() | TEXTS[section] for section in SETTINGS
    }
    sections = {section.partition(":")[0] for section in PLACES.values()} - {"worker"} | {"workers", "tasks"}
    assert fields_of(Settings).keys() == sections


@pytest.mark.parametrize("field", SETTINGS[UserSettings])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_setting_at_run_time(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, field: str) -> None:
    queue, taken = ground.queues[colour], SETTINGS[UserSettings][field] | {"none"}
    try_values(ground, caplog, taken, lambda value: queue.set_user(USER, **{field: value}), VALUES)
    queue.reset_user(USER)
    if field in SETTINGS[Caps]:
        try_values(ground, caplog, taken, lambda value: queue.set_limits(**{field: value}), VALUES)
        try_values(ground, caplog, taken, lambda value: queue.set_limits(task="a:b", **{field: value}), VALUES)
        queue.set_limits(**{field: None})
        queue.set_limits(task="a:b", **{field: None})


@pytest.mark.parametrize("colour", COLOURS)
def test_ageing_at_run_time(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    queue, taken = ground.queues[colour], SETTINGS[FairnessSettings]["aging_seconds"] | {"none"}
    try_values(ground, caplog, taken, lambda value: queue.set_fairness(aging_seconds=value), VALUES)
    queue.set_fairness(aging_seconds=60)


# --- command lines --------------------------------------------------------------------------------------------------

COMMANDS: Final = {
    "push --priority": (("push", jobs.echo.name, "--user=u", "--priority=%s"), OPTIONS["priority"]),
    "push --delay": (("push", jobs.echo.name, "--user=u", "--delay=%s"), OPTIONS["delay"]),
    "user set --weight": (("user", "set", "u", "--weight=%s"), SETTINGS[UserSettings]["weight"]),
    "user set --max-concurrency": (("user", "set", "u", "--max-concurrency=%s"), SETTINGS[Caps]["max_concurrency"]),
    "user set --burst": (("user", "set", "u", "--burst=%s"), SETTINGS[Caps]["burst"]),
    "user set --max-backlog": (("user", "set", "u", "--max-backlog=%s"), SETTINGS[Caps]["max_backlog"]),
    "user set --rate": (("user", "set", "u", "--rate=%s"), frozenset[str]()),
    "queue set --max-backlog": (("queue", "set", "--max-backlog=%s"), SETTINGS[Caps]["max_backlog"]),
    "queue set --aging-seconds": (
        ("queue", "set", "--aging-seconds=%s"), SETTINGS[FairnessSettings]["aging_seconds"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_number_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, name: str) -> None:
    words, taken = COMMANDS[name]
    taken |= frozenset() if name in {"push --priority", "user set --rate"} else READ_BY_PYTHON
    try_values(
        ground, caplog, taken, lambda text: ground.command(*(word.replace("%s", text) for word in words)), ON_A_LINE
    )
    ground.queues["sync"].reset_user("u")
    ground.queues["sync"].set_limits(max_backlog=None)
