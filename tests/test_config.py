"""Where settings come from: file, environment, flags; every fault told at once, by file and path."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairque.config import FairQueueConfig
from fairque.core.checking import fields_of
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from fairque.errors import ConfigError

EXAMPLES = Path(__file__).parent.parent / "config"

Load = Callable[..., FairQueueConfig]
Faults = Callable[..., tuple[str, ...]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a text as `fq.yaml`, with nothing in the environment unless given."""
    monkeypatch.chdir(tmp_path)

    def load(text: str | bytes, **options: Any) -> FairQueueConfig:
        Path("fq.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return FairQueueConfig.from_yaml("fq.yaml", **({"environ": {}} | options))

    return load


@pytest.fixture
def faults(load: Load) -> Faults:
    """The problems of a text; no way of looking at the error shows `sesame`, the password of these tests."""

    def faults(text: str | bytes, **options: Any) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            load(text, **options)
        assert str(caught.value) == "\n".join(caught.value.problems)
        told = traceback.TracebackException.from_exception(caught.value)
        assert "sesame" not in "".join(told.format()) + repr(caught.value)
        return caught.value.problems

    return faults


WORKER = "worker: {id: w1, assigned_users: ['user:1']}\n"

# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_read(load: Load) -> None:
    config = load(
        "redis: {host: h, port: 6380, password: sesame}\n"
        "queue: {name: emails, result_ttl_seconds: 60}\n"
        "tasks: [myapp.tasks]\n"
        "workers:\n"
        "  - {id: w1, assigned_users: ['user:1', 'user:3'], steal_targets: ['user:2']}\n"
        "  - {id: w2, assigned_users: ['*'], max_concurrent_tasks: 2}\n"
    )
    assert config == FairQueueConfig(
        redis=RedisSettings(host="h", port=6380, password="sesame"),
        queue=QueueSettings(name="emails", result_ttl_seconds=60),
        tasks=("myapp.tasks",),
        workers=(
            WorkerSettings(id="w1", assigned_users=("user:1", "user:3"), steal_targets=("user:2",)),
            WorkerSettings(id="w2", assigned_users=("*",), max_concurrent_tasks=2),
        ),
    )
    assert "sesame" not in repr(config)


def test_worker_means_a_list_of_one(load: Load) -> None:
    assert load(WORKER).worker == WorkerSettings(id="w1", assigned_users=("user:1",))


def test_headings_without_keys_mean_the_defaults(load: Load) -> None:
    assert load("redis:\nqueue:\n") == FairQueueConfig()
    assert load("{}") == FairQueueConfig()
    assert load("\ufeffqueue: {name: ä_is_not_in_this}\n".replace("ä", "a")).queue.name == "a_is_not_in_this"


def test_the_examples_load_and_the_reference_is_complete() -> None:
    reference = FairQueueConfig.from_yaml(EXAMPLES / "fairque.yaml", environ={})
    assert reference == FairQueueConfig.create_default(environ={})
    text = (EXAMPLES / "fairque.yaml").read_text()
    for section in (
        *(FairQueueConfig, RedisSettings, QueueSettings, WorkerSettings),
        *(SchedulerSettings, ScheduleSettings),
    ):
        assert all(f"{key}:" in text for key in fields_of(section) if key != "workers")
    two = FairQueueConfig.from_yaml(EXAMPLES / "two-workers.yaml", environ={})
    first, second = two.workers
    assert (first.assigned_users, first.steal_targets) == (second.steal_targets, second.assigned_users)
    assert {"user:1", "user:3"} <= set(first.assigned_users)


def test_a_hundred_thousand_users_load_quickly(load: Load) -> None:
    users = "".join(f"  - 'user:{i}'\n" for i in range(100_000))
    assert len(load(f"worker:\n  id: w1\n  assigned_users:\n{users}").worker.assigned_users) == 100_000


# --- faults of the text ---------------------------------------------------------------------------------------------


def test_an_overlap_is_one_line_with_file_and_path(faults: Faults) -> None:
    text = "workers: [{id: w1, assigned_users: ['user:1'], steal_targets: ['user:1']}]"
    assert faults(text) == ("fq.yaml: workers[0].steal_targets: overlaps assigned_users: user:1",)


def test_all_faults_are_told_at_once(faults: Faults) -> None:
    assert faults(
        "redis: {url: 'http://:sesame@h', host: h, sokcet_timeout: 1}\n"
        "queue: {name: a b, default_max_retries: '3'}\n"
        "tasks: myapp\n"
        "wokers: []\n"
        "workers:\n"
        "  - {id: w1, assigned_users: [1:30, on], steal_targets: [12, 2026-11-21]}\n"
        "  - {id: w1, assigned_users: ['user:1'], max_concurrent_tasks: true}\n"
        "  - {lease_seconds: .inf}\n"
        "  - w4\n"
    ) == (
        "fq.yaml: redis.sokcet_timeout: unknown key; did you mean socket_timeout?",
        "fq.yaml: redis.url: cannot be combined with host: give a url or its parts",
        "fq.yaml: redis.url: must start with one of redis://, rediss://, unix://, embedded://",
        "fq.yaml: queue.name: must be 1 to 64 letters, digits, underscores, dots or dashes, not the text 'a b'",
        "fq.yaml: queue.default_max_retries: must be a whole number from 0 to 100, not the text '3'",
        "fq.yaml: tasks: must be a list, not the text 'myapp'",
        *(
            f"fq.yaml: workers[0].{place}: must be text, not {value} (put it in quotes: YAML reads unquoted 1:30, 007, "
            "on and 2026-01-01 as numbers, booleans and dates)"
            for place, value in [
                ("assigned_users[0]", "90"),
                ("assigned_users[1]", "true"),
                ("steal_targets[0]", "12"),
                ("steal_targets[1]", "a date"),
            ]
        ),
        "fq.yaml: workers[1].max_concurrent_tasks: must be a whole number from 1 to 1000, not true",
        "fq.yaml: workers[2].id: is missing",
        "fq.yaml: workers[2].assigned_users: is missing",
        "fq.yaml: workers[2].lease_seconds: must be a number from 1 to 86400, not inf",
        "fq.yaml: workers[3]: must be a mapping, not the text 'w4'",
        "fq.yaml: wokers: unknown key; did you mean workers?",
        "fq.yaml: workers[1].id: is already the id of workers[0]: w1",
    )


def test_faults_of_the_only_worker_stand_under_worker(faults: Faults) -> None:
    assert faults("worker: {id: a b, assigned_users: ['user:1'], steal: []}") == (
        "fq.yaml: worker.steal: unknown key; did you mean steal_targets?",
        "fq.yaml: worker.id: must be 1 to 128 printable characters without blanks, not the text 'a b'",
    )
    assert faults("worker:\n") == (
        "fq.yaml: worker.id: is missing",
        "fq.yaml: worker.assigned_users: is missing",
    )
    assert faults("worker: [w1]") == ("fq.yaml: worker: must be a mapping, not a list",)
    assert faults(WORKER + "workers: []\n") == ("fq.yaml: worker: cannot stand beside workers: put all in workers",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("# all commented out\n", "is empty"),
        ("---\n", "is empty"),
        ("[]", "must be a mapping of sections such as `redis:` and `worker:`"),
        ("redis://:sesame@h", "must be a mapping of sections such as `redis:` and `worker:`"),
        ("3", "must be a mapping of sections such as `redis:` and `worker:`"),
        (b"\xff\xfe\x00\x01", "is not text in UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00", "is not text: it has characters that YAML does not allow"),
        ("queue: {name: a, name: b}", "line 1, column 18: the key 'name' stands on line 1 already"),
    ],
)
def test_a_text_that_is_no_configuration_is_told(faults: Faults, text: str | bytes, fault: str) -> None:
    assert faults(text) == (f"fq.yaml: {fault}",)


def test_an_alias_bomb_is_told_in_one_short_line(faults: Faults) -> None:
    levels = [f"&a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(30)]
    text = "\n".join(f"b{i}: {level}" for i, level in enumerate(levels)) + "\nqueue: {name: *a29}\n"
    assert all(len(problem) < 200 for problem in faults(text))
    assert faults("tasks: &t [*t]") == ("fq.yaml: tasks[0]: must be text, not a list",)


def test_a_path_that_is_no_readable_file_is_told(tmp_path: Path) -> None:
    for path, fault in [(tmp_path / "none.yaml", "no such file"), (tmp_path, "is a directory, not a file")]:
        with pytest.raises(ConfigError) as caught:
            FairQueueConfig.from_yaml(path)
        assert caught.value.problems == (f"{path}: {fault}",)
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        FairQueueConfig.from_yaml("x" * 5000)


def test_the_environment_is_read_when_the_config_is_made(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRQUE_QUEUE__NAME", "one")
    made = FairQueueConfig.create_default()
    assert load(WORKER, environ=None).queue.name == "one"
    monkeypatch.setenv("FAIRQUE_QUEUE__NAME", "two")
    assert made.queue.name == "one"
    assert FairQueueConfig.create_default().queue.name == "two"
    assert FairQueueConfig().queue.name == "default"


def test_importing_the_configuration_does_not_import_yaml() -> None:
    code = "import sys, fairque.config; sys.exit(' '.join({'yaml', 'redis'} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
