"""`fairque scheduler`: a scheduler of a file, as a process."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from fairque import TaskScheduler
from tests.cli.program import TASKS, run, running
from tests.waiting import wait_until

TWO = """
tasks: [jobs]
scheduler: {id: s-1, timezone: Europe/Berlin}
schedules:
  - {id: often, every: 0.1, task: "jobs:double", user_id: "user:1", args: [21], overlap: allow}
  - {id: nightly, cron: "30 2 * * *", task: "jobs:weekday", user_id: "user:2", kwargs: {day: "2026-03-01"}, priority: 5}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "fq.yaml").write_text(TWO, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_the_file_has_is_fired_until_it_is_told_to_stop(
    number: signal.Signals, place: Path, env: dict[str, str], scheduler: TaskScheduler
) -> None:
    with running(place, env, "scheduler", "--config", "fq.yaml") as process:
        wait_until(lambda: scheduler.get("often"), description="the schedules are added", timeout=30)
        wait_until(lambda: len(scheduler.history("often")) > 1, description="it has fired twice")
        nightly = scheduler.get("nightly")
        assert nightly is not None
        assert (nightly.timezone, nightly.task.kwargs, int(nightly.task.priority)) == (
            "Europe/Berlin",
            {"day": "2026-03-01"},
            5,
        )
        (seen,) = scheduler.schedulers()
        assert (seen["id"], seen["pid"], seen["leads"]) == ("s-1", process.pid, True)
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert "scheduler s-1 leads" in said
    assert "Traceback" not in said


def test_without_any_schedule_it_waits_for_some(place: Path, env: dict[str, str], scheduler: TaskScheduler) -> None:
    words = ("schedule", "add", "often", "--every", "0.1", "--task", "jobs:double", "--user", "u", "--args", "[1]")
    with running(place, env, "scheduler", "--id", "s-9", "--log-format", "json") as process:
        wait_until(scheduler.schedulers, description="it is up", timeout=30)
        assert run(*words, env=env, cwd=place).returncode == 0
        wait_until(lambda: scheduler.history("often"), description="it has fired")
        process.terminate()
        _, said = process.communicate(timeout=10)
    assert process.returncode == 0, said
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["scheduler"] for line in lines} == {"s-9"}


def test_a_schedule_that_the_file_has_no_more_goes_on_with_a_warning(
    place: Path, env: dict[str, str], scheduler: TaskScheduler
) -> None:
    for text in (TWO, "tasks: [jobs]\n"):
        (place / "fq.yaml").write_text(text, encoding="utf-8")
        with running(place, env, "scheduler", "--config", "fq.yaml") as process:
            wait_until(scheduler.schedulers, description="it is up", timeout=30)
            process.terminate()
            _, said = process.communicate(timeout=10)
    assert "`fairque schedule remove nightly`" in said
    assert {one.schedule_id for one in scheduler.list()} == {"often", "nightly"}


@pytest.mark.parametrize(
    ("text", "words", "code", "what"),
    [
        ("tasks: [no_such_module]\n", [], 2, "fq.yaml: tasks[0]: there is no module no_such_module"),
        (TWO.replace("2 * * *", "2 * *"), [], 2, "fq.yaml: schedules[1].cron: "),
        (TWO.replace("jobs:double", "jobs:duoble"), [], 2, "schedules[0]: no task is called jobs:duoble"),
        (TWO.replace("[21]", "[x]"), [], 2, "schedules[0]: args[0]: Expected `int`, got `str`"),
        (TWO, ["--id", "a b"], 2, "id: must be 1 to 128 printable characters without blanks"),
        (f"redis: {{url: 'redis://:geheim@127.0.0.1:1/0'}}{TWO}", [], 3, "fairque: redis://:***@127.0.0.1:1/0"),
    ],
)
def test_what_cannot_be_run_ends_with_its_code(
    text: str, words: list[str], code: int, what: str, place: Path, env: dict[str, str]
) -> None:
    (place / "fq.yaml").write_text(text, encoding="utf-8")
    if code == 3:
        env = {name: value for name, value in env.items() if name != "FAIRQUE_REDIS__URL"}
    ran = run("scheduler", "--config", "fq.yaml", *words, env=env, cwd=place)
    assert ran.returncode == code, ran.stderr
    assert what in ran.stderr
    assert "Traceback" not in ran.stderr
