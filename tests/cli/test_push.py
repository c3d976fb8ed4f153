"""`fairque push`: one task from the command line."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from fairque.config import FairQueueConfig
from fairque.core.options import Priority
from fairque.core.state import TaskState
from fairque.queue.queue import TaskQueue
from tests.cli.program import TASKS, run, settings


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(TASKS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def env(redis_url: str, prefix: str) -> dict[str, str]:
    return settings(redis_url, prefix)


def opened(env: dict[str, str]) -> TaskQueue:
    return TaskQueue(FairQueueConfig.create_default(environ=env))


def test_the_id_is_printed_and_the_task_waits(place: Path, env: dict[str, str]) -> None:
    ran = run("push", "jobs:double", "--user", "user:1", "--args", "[21]", env=env, cwd=place)
    assert (ran.returncode, ran.stderr) == (0, "")
    task_id = ran.stdout.strip()
    assert uuid.UUID(task_id).version == 7
    with opened(env) as queue:
        task = queue.get_task(task_id)
        assert task is not None
        assert (task.name, task.args, task.user_id, task.state) == ("jobs:double", (21,), "user:1", TaskState.QUEUED)
        assert task.priority is Priority.NORMAL


def test_options_and_json(place: Path, env: dict[str, str]) -> None:
    words = ["push", "jobs:double", "--user", "u", "--kwargs", '{"number": 4}', "--id", "mine", "--json"]
    ran = run(*words, "--priority", "very-high", "--delay", "60", env=env, cwd=place)
    assert json.loads(ran.stdout) == {"task_id": "mine", "user_id": "u", "created": True}
    with opened(env) as queue:
        task = queue.get_task("mine", user_id="u")
        assert task is not None
        assert (task.kwargs, task.priority, task.state) == ({"number": 4}, Priority.VERY_HIGH, TaskState.SCHEDULED)
    again = run(*words, env=env, cwd=place)
    assert again.returncode == 0
    assert json.loads(again.stdout)["created"] is False
    told = run(*words[:-1], env=env, cwd=place)
    assert told.stdout == "mine\n"
    assert "u has a live task mine already: nothing was pushed" in told.stderr


def test_an_argument_comes_as_its_annotation_has_it(place: Path, env: dict[str, str]) -> None:
    ran = run("push", "jobs:weekday", "--user", "u", "--args", '["2026-11-22"]', env=env, cwd=place)
    assert ran.returncode == 0
    with opened(env) as queue:
        task = queue.get_task(ran.stdout.strip())
        assert task is not None
        assert task.args == ("2026-11-22",)  # as it travels: this process does not know the function


def test_a_module_under_tasks_is_imported_first_and_may_name_its_tasks_freely(place: Path, env: dict[str, str]) -> None:
    (place / "named.py").write_text(TASKS.replace("@task\ndef double", '@task(name="twice")\ndef double'))
    (place / "fq.yaml").write_text("tasks: [named]\n", encoding="utf-8")
    ran = run("push", "twice", "--user", "u", "--args", "[1]", "--config", "fq.yaml", env=env, cwd=place)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("jobs:duoble", "no task is called jobs:duoble; did you mean jobs:double?"),
        ("nosuch:double", "there is no module nosuch in "),
        ("double", "a name is module:function"),
        ("../jobs:double", "no task is called ../jobs:double"),
    ],
)
def test_an_unknown_name_exits_with_1_and_says_what_is_near(
    name: str, what: str, place: Path, env: dict[str, str]
) -> None:
    ran = run("push", name, "--user", "u", env=env, cwd=place)
    assert ran.returncode == 1
    assert what in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--args", "[1"], "not JSON"),
        (["--args", '{"number": 1}'], "must be a JSON array, such as [1, 2]"),
        (["--kwargs", "[1]"], 'must be a JSON object, such as {"x": 1}'),
        (["--priority", "7"], "must be 1 to 6 or one of VERY_LOW"),
        (["--args", "[]"], "missing a required argument: 'number'"),
        (["--args", '["text"]'], "args[0]: Expected `int`, got `str`"),
        (["--args", "[1]", "--delay", "-1"], "delay: must be from 0"),
        (["--args", "[1]", "--user", " "], "user_id: is blank"),
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], what: str, place: Path, env: dict[str, str]) -> None:
    ran = run("push", "jobs:double", "--user", "u", *words, env=env, cwd=place)
    assert ran.returncode == 2
    assert what in ran.stderr
    assert "Traceback" not in ran.stderr
