"""How a worker logs: lines for people, or a JSON object a line, saying what it is about and never what it is given."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fairque import Task, TaskQueue
from fairque.cli.logs import JsonFormatter
from fairque.core.log_fields import FIELDS, about
from tests.cli.program import FAIRQUE, environ, run
from tests.waiting import wait_until

JOBS = """
import logging
import warnings

from fairque import task


@task(max_retries=0)
def leak(secret: str) -> str:
    warnings.warn("a warning of the task")
    try:
        logging.getLogger("jobs").info("line one\\nline two \\u2028 %s", 42)
        raise KeyError("no key")
    except KeyError:
        logging.getLogger("jobs").exception("it did not work")
    raise ValueError(secret)
"""
SECRET = "hunter2-hunter2"
ALWAYS = {"time", "level", "logger", "message", "worker", "pid"}


def formatted(message: str, *args: object, exc_info: Any = None, **extra: object) -> dict[str, Any]:
    record = logging.getLogger("fairque.worker").makeRecord(
        "fairque.worker", logging.WARNING, __file__, 1, message, args, exc_info, extra=extra
    )
    line = JsonFormatter("w-1").format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_is_an_object_with_its_time_level_logger_worker_and_process() -> None:
    before = datetime.now(UTC)
    found = formatted("%s of %d", "one", 2)
    assert set(found) == ALWAYS
    assert (found["level"], found["logger"], found["message"]) == ("warning", "fairque.worker", "one of 2")
    assert found["worker"] == "w-1"
    assert found["time"].endswith("Z")
    assert before <= datetime.fromisoformat(found["time"]) <= datetime.now(UTC)


def test_what_is_said_of_a_task_has_fields_of_its_own_and_nothing_else_has() -> None:
    task: Task[Any] = Task(name="m:f", task_id="t-1", user_id="é\n", args=(SECRET,), attempt=2)
    found = formatted("x", **about(task), payload={"secret": SECRET}, worker="w-2")
    assert set(found) == {*ALWAYS, "task_id", "user_id", "attempt", "task"}
    assert [found[field] for field in FIELDS] == ["w-2", "t-1", "é\n", 2, "m:f"]
    assert SECRET not in str(found)


def test_a_payload_task_has_no_name_and_what_is_unknown_is_left_out() -> None:
    task: Task[Any] = Task.create(user_id="user:1", payload={"secret": SECRET})
    assert set(formatted("x", **about(task))) == {*ALWAYS, "user_id", "attempt"}


def test_an_exception_is_text_and_shows_no_variables() -> None:
    local = SECRET[::-1]
    try:
        len(local) / 0
    except ZeroDivisionError:
        found = formatted("x", exc_info=sys.exc_info())
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("ZeroDivisionError: division by zero")
    assert local not in found["exception"]


# --- the program ----------------------------------------------------------------------------------------------------


@contextmanager
def logging_worker(place: Path, env: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    (place / "jobs.py").write_text(JOBS, encoding="utf-8")
    variables = environ(env | {"FAIRQUE_TASKS": "jobs", "FAIRQUE_WORKER__ID": "w-1"})
    with (
        (place / "log").open("w") as log,
        subprocess.Popen([*FAIRQUE, "worker", *words], env=variables, cwd=place, stderr=log, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def log_of_a_leak(queue: TaskQueue, place: Path, env: dict[str, str], *words: str) -> list[str]:
    """Run a worker until a task has failed, and to its end; return what it logged."""
    with logging_worker(place, env, *words) as process:
        wait_until(queue.workers, description="a worker is up", timeout=20)
        done = run("push", "jobs:leak", "--user", "user:1", "--args", json.dumps([SECRET]), env=env, cwd=place)
        assert done.returncode == 0
        wait_until(lambda: queue.get_stats()["failed"] == 1, description="the task has failed")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    return (place / "log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("words", [[], ["--processes", "2"]], ids=["one", "several"])
def test_every_line_of_a_worker_is_an_object_and_none_has_an_argument(
    words: list[str], queue: TaskQueue, env: dict[str, str], tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in log_of_a_leak(queue, tmp_path, env, "--log-format", "json", *words)]
    assert all(set(line) >= ALWAYS for line in lines)
    assert SECRET not in str(lines)
    by_text = {line["message"]: line for line in lines}
    (failed,) = (line for text, line in by_text.items() if text.startswith("task failed for good: jobs:leak"))
    ids = {line["worker"] for line in lines}
    assert ids == ({"w-1", "w-1.1", "w-1.2"} if words else {"w-1"})
    assert failed["worker"] == ("w-1" if not words else failed["worker"])
    assert by_text["line one\nline two \u2028 42"]["logger"] == "jobs"
    assert by_text["it did not work"]["exception"].endswith("KeyError: 'no key'")
    assert any("a warning of the task" in text for text in by_text)


def test_people_get_lines_as_ever(queue: TaskQueue, env: dict[str, str], tmp_path: Path) -> None:
    lines = log_of_a_leak(queue, tmp_path, env)
    assert any(" INFO    worker w-1 serves *" in line for line in lines)
    assert any(" WARNING task failed for good: jobs:leak" in line for line in lines)


def test_the_level_holds_for_both(queue: TaskQueue, env: dict[str, str], tmp_path: Path) -> None:
    lines = log_of_a_leak(queue, tmp_path, env, "--log-format", "json", "--log-level", "error")
    assert {json.loads(line)["level"] for line in lines} == {"error"}
