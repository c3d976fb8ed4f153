"""Configuration files that are none: each command and `from_yaml` say so, with no trace of what is in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from fairque import FairQueueConfig
from fairque.errors import ConfigError
from tests.badinput.ground import CommandRefused, Ground, cell, refused, untouched
from tests.badinput.payloads import SECRET

WORKER: Final = "worker: {id: w1, assigned_users: [u]}\n"

FILES: Final[dict[str, tuple[bytes | str, str]]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "commented-out": (f"# redis: {{password: {SECRET}}}\n", "is empty"),
    "binary": (b"\x7fELF\x02\x01\x01\x00sesame", "is not text"),
    "utf-16": (f"redis: {SECRET}".encode("utf-16"), "is not text in UTF-8"),
    "latin-1": (f"redis: {SECRET}\u00e9".encode("latin-1"), "is not text in UTF-8"),
    "nul": (f"redis: {SECRET}\0", "characters that YAML does not allow"),
    "pickle": (b"\x80\x04\x95\x0b\x00sesame", "is not text in UTF-8"),
    "a-word": (SECRET, "must be a mapping"),
    "a-list": (f"[{SECRET}]", "must be a mapping"),
    "a-number": ("3", "must be a mapping"),
    "json-cut-off": (f'{{"redis": {{"password": "{SECRET}"', "line 2"),
    "tab": (f"redis:\n\tpassword: {SECRET}", "line 2"),
    "a-key-twice": (f"queue: {{name: {SECRET}, name: b}}", "stands on line 1 already"),
    "python-tag": (f"redis: !!python/object/apply:os.system ['{SECRET}']", "line 1"),
    "own-tag": (f"redis: !{SECRET} x", "line 1"),
    "alias-to-nothing": (f"redis: {{password: *{SECRET}}}", "line 1"),
    "too-deep": ("[" * 1_001 + SECRET + "]" * 1_001, "nested deeper"),
    "deep-100000": ("{a: " * 100_000 + SECRET, "nested deeper"),
    "long-int": (f"queue: {{name: {SECRET}}}\nx: {5000 * '9'}", "a value cannot be read"),
    "no-date": (f"queue: {{prefix: {SECRET}, name: 2026-02-31}}", "a value cannot be read"),
    "unhashable-key": (f"? [{SECRET}]\n: 1", "line 1"),
    "two-documents": (f"queue: {{name: a}}\n---\nqueue: {{name: {SECRET}}}", "line"),
    "unknown-key": (f"rediss: {{password: {SECRET}}}", "rediss: unknown key; did you mean redis?"),
    "unknown-key-of-a-section": (f"redis: {{passwort: {SECRET}}}", "redis.passwort: unknown key"),
    "long-unknown-key": (f"{'k' * 1_000}: {SECRET}", "unknown key"),
    "key-that-is-no-text": (f"3: {SECRET}", "unknown key"),
    "section-that-is-a-list": (f"redis: [{SECRET}]", "redis: must be a mapping, not a list"),
    "secret-of-a-wrong-type": (f"redis: {{password: [{SECRET}]}}", "redis.password: must be text"),
    "password-in-a-url": (f"redis: {{url: 'http://u:{SECRET}@h'}}", "must start with one of"),
    "password-with-a-slash": (f"redis: {{url: 'redis://u:{SECRET}/x@h'}}", "redis.url: "),
    "password-as-option": (f"redis: {{url: 'redis://h?password={SECRET}'}}", "must have user name and password before"),
    "password-in-a-host": (f"redis: {{host: 'u:{SECRET}@h'}}", "the name of a host"),
    "url-and-parts": (f"redis: {{url: 'redis://u:{SECRET}@h', host: h}}", "cannot be combined with host"),
    "two-workers-with-one-id": (
        "workers: [{id: w1, assigned_users: [a]}, {id: w1, assigned_users: [b]}]",
        "workers[1].id: is already the id of workers[0]: w1",
    ),
    "nobody-assigned": ("worker: {id: w1, assigned_users: []}", "this worker would serve no one"),
    "nobody-named": ("worker: {id: w1}", "worker.assigned_users: is missing"),
    "overlap": ("worker: {id: w1, assigned_users: [a], steal_targets: [a]}", "overlaps assigned_users: a"),
    "everyone-and-one": ("worker: {id: w1, assigned_users: ['*', a]}", "must stand alone"),
    "a-user-twice": ("worker: {id: w1, assigned_users: [a, a]}", "is in the list twice: a"),
    "user-that-is-a-text": ("worker: {id: w1, assigned_users: '*'}", "must be a list"),
    "users-that-are-a-list": (f"users: [{SECRET}]", "users: must be a mapping"),
    "two-schedules-with-one-id": (
        "schedules: [{id: s, every: 60, task: a, user_id: u}, {id: s, every: 60, task: a, user_id: u}]",
        "schedules[1].id: is already the id of schedules[0]: s",
    ),
    "schedule-without-a-time": ("schedules: [{id: s, task: a, user_id: u}]", "is missing: give cron or every"),
    "schedule-that-never-fires": (
        "schedules: [{id: s, cron: 0 0 31 2 *, task: a, user_id: u}]", "schedules[0].cron: '0 0 31 2 *': never fires",
    ),
    "schedule-with-a-path-as-zone": (
        "schedules: [{id: s, every: 60, timezone: ../etc/passwd, task: a, user_id: u}]", "schedules[0].timezone: ",
    ),
    "secret-in-arguments": (
        f"schedules: [{{id: s, every: 60, task: a, user_id: u, args: {SECRET}}}]", "schedules[0].args: must be a list",
    ),
    "module-that-is-a-path": ("tasks: ['../jobs']", "must be a module"),
    "module-with-code": ("tasks: ['os;print(1)']", "must be a module"),
}  # fmt: skip

COMMANDS: Final = {
    "worker": ("worker",),
    "scheduler": ("scheduler",),
    "schedule add": ("schedule", "add", "s", "--every=60", "--task=badinput.echo", "--user=u"),
    "schedule next": ("schedule", "next", "--cron=@daily"),
    "push": ("push", "badinput.echo", "--user=u"),
    "info": ("info", "--json"),
    "user set": ("user", "set", "u", "--weight=2"),
    "queue show": ("queue", "show"),
    "task show": ("task", "show", "x"),
}


@pytest.mark.parametrize(("content", "fault"), FILES.values(), ids=list(FILES))
def test_a_file(
    ground: Ground, caplog: pytest.LogCaptureFixture, tmp_path: Path, content: bytes | str, fault: str
) -> None:
    path = tmp_path / "fq.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try_path(ground, caplog, path, fault)


def try_path(ground: Ground, caplog: pytest.LogCaptureFixture, path: Path, fault: str) -> None:
    bare = ground._replace(env={})
    entries: dict[str, Callable[[], object]] = {"from_yaml": lambda: FairQueueConfig.from_yaml(path, environ={})}
    for name, words in COMMANDS.items():
        entries[name] = partial(bare.command, *words, "--config", str(path))
    with untouched(ground, caplog):
        for name, act in entries.items():
            with cell(name):
                error = refused(act, secret=SECRET)
                assert isinstance(error, ConfigError | CommandRefused)
                assert fault in str(error)
                assert str(error).startswith(f"{path}: ")
                assert isinstance(error, ConfigError) or SECRET not in error.ran.err


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("none.yaml", "no such file"),
        (".", "is a directory, not a file"),
        ("file/below.yaml", "cannot be read"),
    ],
)
def test_a_path(ground: Ground, caplog: pytest.LogCaptureFixture, tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / "file").touch()
    try_path(ground, caplog, tmp_path / name, fault)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"], ids=ascii)
def test_a_path_that_no_file_can_have(name: str) -> None:
    assert isinstance(refused(lambda: FairQueueConfig.from_yaml(name, environ={})), ConfigError)


@pytest.mark.parametrize(
    "module",
    ["none.such", "fairque.none", "fairque.core.ids.none", "x" * 300, "__main__.none"],
    ids=lambda name: name[:20],
)
def test_a_module_that_is_not_there(
    ground: Ground, caplog: pytest.LogCaptureFixture, tmp_path: Path, module: str
) -> None:
    path = tmp_path / "fq.yaml"
    path.write_text(f"{WORKER}tasks: [{module}]\n", encoding="utf-8")
    with untouched(ground, caplog):
        for name in ("worker", "scheduler", "push", "schedule add"):
            with pytest.raises(CommandRefused) as caught, cell(name):
                ground.command(*COMMANDS[name], "--config", str(path))
            assert caught.value.ran.code in {1, 2}
            assert module[:20] in caught.value.ran.err


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("FAIRQUE_REDIS__URL", f"http://u:{SECRET}@h", "must start with one of"),
        ("FAIRQUE_REDIS__URL", f"redis://u:{SECRET}/x@h", "FAIRQUE_REDIS__URL: "),
        ("FAIRQUE_REDIS__PASSWORD", f"{SECRET}\udcff", "has a character that UTF-8 cannot hold"),
        ("FAIRQUE_REDIS__PASWORD", SECRET, "unknown key; did you mean FAIRQUE_REDIS__PASSWORD?"),
        ("FAIRQUE_REDIS__PORT", f"{SECRET}", "FAIRQUE_REDIS__PORT: "),
        ("FAIRQUE_WORKER__ASSIGNED_USERS", "", "this worker would serve no one"),
        ("FAIRQUE_TASKS", "../x", "must be a module"),
    ],
)
def test_a_variable(ground: Ground, caplog: pytest.LogCaptureFixture, variable: str, value: str, fault: str) -> None:
    environ = {variable: value}
    with untouched(ground, caplog):
        shown = SECRET if "PORT" not in variable else ""
        assert fault in str(refused(lambda: FairQueueConfig.create_default(environ=environ), secret=shown))
        for name, words in COMMANDS.items():
            with cell(name):
                assert fault in str(refused(partial(ground._replace(env=ground.env | environ).command, *words)))
