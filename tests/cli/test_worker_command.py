"""`fairque worker`: a worker of a file, as a process."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairque.config import FairQueueConfig
from fairque.queue.queue import TaskQueue
from tests.cli.program import TASKS, run, running, settings
from tests.waiting import wait_until

TWO = """
tasks: [jobs]
workers:
  - {id: w-1, assigned_users: ["user:1"], steal_targets: ["user:2"], graceful_shutdown_timeout: 5}
  - {id: w-2, assigned_users: ["user:2"]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "fq.yaml").write_text(TWO, encoding="utf-8")
    return tmp_path


@pytest.fixture
def env(redis_url: str, prefix: str) -> dict[str, str]:
    return settings(redis_url, prefix)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_of_the_file_serves_its_users_until_it_is_told_to_stop(
    number: signal.Signals, place: Path, env: dict[str, str]
) -> None:
    with TaskQueue(FairQueueConfig.create_default(environ=env)) as queue:
        words = ["push", "jobs:double", "--user", "user:2", "--args", "[21]"]
        task_id = run(*words, env=env, cwd=place).stdout.strip()
        with running(place, env, "worker", "--config", "fq.yaml", "--id", "w-1") as process:
            assert queue.get_result(task_id, timeout=20) == 42
            (seen,) = queue.workers()
            assert (seen["id"], seen["pid"], seen["slots"]) == ("w-1", process.pid, 10)
            assert (seen["assigned_users"], seen["steal_targets"]) == (["user:1"], ["user:2"])
            process.send_signal(number)
            _, said = process.communicate(timeout=10)
            assert process.returncode == 0, said
            assert "w-1" in said
        assert queue.workers() == []


def test_without_a_file_the_environment_says_what_to_do(place: Path, env: dict[str, str]) -> None:
    more = env | {"FAIRQUE_TASKS": "jobs", "FAIRQUE_WORKER__ID": "env-1", "FAIRQUE_WORKER__MAX_CONCURRENT_TASKS": "3"}
    with TaskQueue(FairQueueConfig.create_default(environ=env)) as queue, running(place, more, "worker"):
        wait_until(queue.workers, description="the worker is up", timeout=20)
        (seen,) = queue.workers()
        assert (seen["id"], seen["slots"], seen["assigned_users"]) == ("env-1", 3, ["*"])


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--config", "fq.yaml"], "several workers are configured: name one of w-1, w-2"),
        (["--config", "fq.yaml", "--id", "w-3"], "no worker is called w-3: there is w-1, w-2"),
        (["--config", "gone.yaml", "--id", "w-1"], "gone.yaml: tasks[1]: there is no module jobs.gone in "),
    ],
)
def test_a_configuration_that_cannot_be_run_exits_with_2(
    words: list[str], what: str, place: Path, env: dict[str, str]
) -> None:
    (place / "gone.yaml").write_text(TWO.replace("[jobs]", "[jobs, jobs.gone]"), encoding="utf-8")
    ran = run("worker", *words, env=env, cwd=place)
    assert ran.returncode == 2
    assert ran.stderr.startswith(what)
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def f(:\n", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_its_line(
    text: str, what: str, place: Path, env: dict[str, str]
) -> None:
    (place / "jobs.py").write_text(f"import os\n{text}", encoding="utf-8")
    ran = run("worker", "--config", "fq.yaml", "--id", "w-1", env=env, cwd=place)
    assert ran.returncode == 1
    assert ran.stderr.startswith("fairque: jobs cannot be imported\n")
    assert "jobs.py" in ran.stderr
    assert "line 2" in ran.stderr
    assert what in ran.stderr
    assert "importlib" not in ran.stderr


def test_a_worker_that_knows_no_task_says_so(place: Path, env: dict[str, str]) -> None:
    with running(place, env, "worker") as process:
        assert process.stderr is not None
        assert "`tasks:` names no module" in process.stderr.readline()
        os.kill(process.pid, signal.SIGKILL)


# --- in several processes -------------------------------------------------------------------------------------------


@pytest.fixture
def several(env: dict[str, str], place: Path) -> Iterator[tuple[subprocess.Popen[str], TaskQueue]]:
    """Give a worker of the file in three processes, and its queue."""
    with (
        TaskQueue(FairQueueConfig.create_default(environ=env)) as queue,
        running(place, env, "worker", "--config", "fq.yaml", "--id", "w-1", "--processes", "3") as process,
    ):
        wait_until(lambda: len(queue.workers()) == 3, description="all three are up", timeout=30)
        yield process, queue


def test_each_process_is_a_worker_with_the_lists_of_the_file(
    several: tuple[subprocess.Popen[str], TaskQueue], place: Path, env: dict[str, str]
) -> None:
    process, queue = several
    assert [(seen["id"], seen["assigned_users"], seen["steal_targets"]) for seen in queue.workers()] == [
        (f"w-1.{n}", ["user:1"], ["user:2"]) for n in (1, 2, 3)
    ]
    shown = run("info", env=env).stdout.splitlines()
    assert [line.split()[0] for line in shown if line.startswith("w-1")] == ["w-1.1", "w-1.2", "w-1.3"]
    task_id = run("push", "jobs:double", "--user", "user:2", "--args", "[21]", env=env, cwd=place).stdout.strip()
    assert queue.get_result(task_id, timeout=20) == 42
    process.terminate()
    _, said = process.communicate(timeout=15)
    assert process.returncode == 0, said
    assert queue.workers() == []


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--processes", "0"], 2, "Invalid value for '--processes'"),
        (["--config", "long.yaml", "--processes", "2"], 2, "id: must be 1 to 128 printable characters"),
        (["--config", "taken.yaml", "--id", "w", "--processes", "2"], 2, "is already the id of workers[0]: w.2"),
        (["--config", "gone.yaml", "--processes", "2"], 2, "gone.yaml: tasks[0]: there is no module no_such_module"),
        (["--config", "broken.yaml", "--processes", "2"], 1, "fairque: broken cannot be imported"),
        (["--config", "away.yaml", "--processes", "2"], 3, "fairque: redis://127.0.0.1:1/0"),
    ],
)
def test_what_cannot_run_in_several_ends_as_in_one(
    words: list[str], code: int, what: str, place: Path, env: dict[str, str]
) -> None:
    worker = 'worker: {id: w, assigned_users: ["*"]}'
    for name, text in {
        "long": worker.replace(": w,", f": {'w' * 127},"),
        "taken": 'workers: [{id: w.2, assigned_users: ["*"]}, {id: w, assigned_users: ["*"]}]',
        "gone": f"tasks: [no_such_module]\n{worker}",
        "broken": f"tasks: [broken]\n{worker}",
        "away": worker,
    }.items():
        (place / f"{name}.yaml").write_text(text, encoding="utf-8")
    (place / "broken.py").write_text("1 / 0", encoding="utf-8")
    if "away.yaml" in words:
        env = env | {"FAIRQUE_REDIS__URL": "redis://127.0.0.1:1/0"}
    ran = run("worker", *words, env=env, cwd=place)
    assert ran.returncode == code, ran.stderr
    assert what in ran.stderr


def test_help_says_nothing_of_what_only_a_supervisor_asks_for() -> None:
    said = run("worker", "--help").stdout
    assert "--processes" in said
    assert "--as-child" not in said
