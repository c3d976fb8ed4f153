"""How commands begin and end: exit codes, what stderr says, and how little `--help` costs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairque import errors
from fairque.cli import entry
from fairque.cli.main import COMMANDS
from tests.cli.program import FAIRQUE_INFO, environ, run

LOADED = """
import json, sys
import fairque
before = set(sys.modules)
from fairque.cli.main import fairque
try:
    fairque(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownTask("x"), 1),
        (errors.TaskFailed("x"), 1),
        (errors.QueueFull(), 1),
        (errors.SchemaMismatch(), 1),
        (errors.ConfigError("x"), 2),
        (errors.TaskValidationError("x"), 2),
        (errors.RedisUnavailable("x"), 3),
        (errors.PartialPush("x"), 3),
        (errors.EmbeddedServerError("x"), 3),
    ],
)
def test_each_family_of_errors_has_its_exit_code(error: errors.FairqueError, code: int) -> None:
    assert entry.exit_code(error) == code


def test_a_lost_redis_is_told_on_one_line_and_a_configuration_on_a_line_for_each_problem() -> None:
    assert entry.said(errors.RedisUnavailable("redis://h: no\nanswer")) == "fairque: redis://h: no answer"
    assert entry.said(errors.ConfigError(problems=("a: wrong", "b: wrong"))) == "a: wrong\nb: wrong"


def test_help_names_every_command_and_imports_none() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, "--help"], env=environ(), capture_output=True, text=True, timeout=30, check=True
    )
    *said, loaded = ran.stdout.splitlines()
    text = "\n".join(said)
    assert all(f"  {name} " in text and sentence in text for name, sentence in COMMANDS.items())
    modules = json.loads(loaded)
    wrong = [
        name
        for name in modules
        if name.split(".")[0] in {"redis", "rich", "yaml"}
        or (
            name.startswith("fairque.")
            and name not in {"fairque.cli", "fairque.cli.main", "fairque.cli.entry", "fairque.errors"}
        )
    ]
    assert wrong == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_helps(name: str) -> None:
    ran = run(name, "--help")
    assert ran.returncode == 0
    assert ran.stdout.startswith("Usage: ")


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout.startswith("fairque, version 0.")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["wrker"], "No such command 'wrker'"),
        (["info", "--nonsense"], "No such option"),
        (["info", "--config", "nosuch.yaml"], "nosuch.yaml: no such file"),
        (["push", "m:f"], "Missing option '--user'"),
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], what: str, tmp_path: Path) -> None:
    ran = run(*words, cwd=tmp_path)
    assert ran.returncode == 2
    assert what in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_wrong_file_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "fq.yaml").write_text("redis: {port: 99999}\nquue: {}\n", encoding="utf-8")
    ran = run("info", "--config", "fq.yaml", cwd=tmp_path)
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 2
    assert all(line.startswith("fq.yaml: ") for line in ran.stderr.splitlines())


@pytest.fixture
def black_hole(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a port that takes connections and never answers; or takes none, its queue being full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        place = server.getsockname()
        filling = []
        if request.param == "full":
            for _ in range(5):
                filling.append(socket.socket())
                filling[-1].setblocking(False)
                filling[-1].connect_ex(place)
        yield f"redis://somebody:geheim@127.0.0.1:{place[1]}/0"
        for one in filling:
            one.close()


@pytest.mark.parametrize("black_hole", ["silent", "full"], indirect=True)
def test_a_redis_that_never_answers_is_told_within_five_seconds_without_its_password(black_hole: str) -> None:
    began = time.monotonic()
    ran = run(env={"FAIRQUE_REDIS__URL": black_hole}, program=FAIRQUE_INFO)
    assert time.monotonic() - began < 5
    assert ran.returncode == 3
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"fairque: {black_hole.replace('geheim', '***')}: ")
    assert "geheim" not in ran.stderr
    assert ran.stdout == ""


def test_every_command_that_needs_redis_says_3_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("from fairque import task\n\n\n@task\ndef f() -> None: ...\n", encoding="utf-8")
    nobody = {"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}
    for words in (["info"], ["info", "--json"], ["push", "jobs:f", "--user", "u"], ["worker"], ["demo"]):
        ran = run(*words, env=nobody, cwd=tmp_path)
        assert ran.returncode == 3, words
        assert "redis://:***@127.0.0.1:1/0" in ran.stderr.splitlines()[-1]
        assert "Traceback" not in ran.stderr
