"""Child processes: they die alone, take what they have started with them, and never outlive their worker."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairque import Task, TaskFailed, TaskHandler, TaskState, task
from fairque.errors import ErrorInProcess
from tests.waiting import wait_until
from tests.worker.programs import ROOT
from tests.worker.stage import House, add
from tests.worker.three_ways import AT_ONCE, Wall, asked, die, is_alive, keep_python_from_running, start_another, where

WORKER = """
import sys
from fairque import FairQueueConfig, Worker
import tests.worker.three_ways
Worker(FairQueueConfig.create_default(worker_id="w")).run()
"""

PROGRAM = """
import os
from fairque import FairQueueConfig, TaskQueue, Worker, task

class Odd(Exception):
    pass

@task(executor="process", retry_on=(Odd,), max_retries=1, retry_backoff=0)
def work(x):
    if x == 2:
        raise Odd("once more")
    return [__name__, os.getpid()]

def main():
    config = FairQueueConfig.create_default(worker_id="w")
    with TaskQueue(config) as queue, Worker(config):
        one = queue.push(work(1), user_id="u")
        name, pid = one.result(timeout=30)
        assert (name, pid != os.getpid()) == ("__mp_main__", True), name
        two = queue.push(work(2), user_id="u")
        try:
            two.result(timeout=30)
        except Exception as error:
            print(type(error).__name__, "Odd: once more" in str(error), queue.get_task(two.task_id).attempt)

GUARDmain()
"""


@pytest.fixture
def wall(house: House) -> Iterator[Wall]:
    made = Wall(house.url, house.name)
    yield made
    made.close()


@pytest.fixture
def environment(house: House) -> dict[str, str]:
    """Give the environment of a program that serves the test's queue."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "FAIRQUE_REDIS__URL": house.url,
        "FAIRQUE_QUEUE__PREFIX": house.name,
    }


@task(executor="process", max_retries=0)
def give_back(value: Any) -> Any:
    return value


@task(executor="process", max_retries=0)
def fail_with(name: str) -> None:
    kinds = {"KeyError": KeyError("k"), "Own": OwnError("own"), "Unicode": UnicodeDecodeError("utf-8", b"", 0, 1, "?")}
    raise kinds[name]


class OwnError(Exception):
    pass


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("SIGKILL", "the child process was killed by SIGKILL"),
        ("SIGSEGV", "the child process was killed by SIGSEGV"),
        ("exit", "the child process ended by itself, with exit code 7"),
    ],
)
def test_a_child_that_dies_fails_its_attempt_and_nobody_elses(house: House, wall: Wall, how: str, why: str) -> None:
    house.started(max_concurrent_tasks=2)
    beside = house.queue.push(asked("process", house.url, house.name, "hang"))
    wall.wait_for("begun 1")
    dying = house.queue.push(die(house.url, house.name, how).with_(max_retries=1, retry_backoff=AT_ONCE), user_id="u")
    with pytest.raises(TaskFailed, match=f"ProcessDied: {why}"):
        dying.result(timeout=30)
    assert wall.read().count("begun 2") == 1
    assert beside.state() is TaskState.STARTED
    stats = house.queue.get_stats()
    assert (stats["lost_total"], stats["retried_total"], stats["failed_total"]) == (0, 1, 1)
    assert house.queue.push(where(), user_id="u").result(timeout=20) not in wall.pids()


def test_a_child_serves_one_task_after_another(house: House) -> None:
    with house.started(max_concurrent_tasks=1) as worker:
        pids = {house.queue.push(where(), user_id="u").result(timeout=20) for _ in range(5)}
        assert house.queue.push(add(1, 1), user_id="u").result(timeout=10) == 2
        worker.stop()
    (pid,) = pids
    assert not is_alive(pid)


@pytest.mark.parametrize("how", ["fork", "program"])
def test_what_a_task_has_started_is_killed_with_it(house: House, wall: Wall, how: str) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(start_another(house.url, house.name, how), user_id="u")
    wall.wait_for("started")
    child, grandchild = wall.pids()
    assert is_alive(child)
    assert is_alive(grandchild)
    assert handle.cancel()
    wait_until(lambda: handle.state() is TaskState.CANCELED, description="it is canceled")
    wait_until(lambda: not is_alive(child) and not is_alive(grandchild), description="both are gone")


@pytest.mark.parametrize("what", ["nothing", "a program", "C"])
def test_children_end_with_a_worker_that_is_killed(
    house: House, wall: Wall, tmp_path: Path, environment: dict[str, str], what: str
) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    worker = subprocess.Popen([sys.executable, str(tmp_path / "worker.py")], env=environment)
    try:
        pids = [house.queue.push(where(), user_id="u").result(timeout=30)]
        if what == "a program":
            house.queue.push(start_another(house.url, house.name, "program"), user_id="u")
            wall.wait_for("started")
            pids = wall.pids()
        elif what == "C":
            house.queue.push(keep_python_from_running(house.url, house.name), user_id="u")
            wall.wait_for("in C")
            pids = wall.pids()
        assert all(is_alive(pid) for pid in pids)
    finally:
        worker.kill()
        worker.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), description=f"{pids} are gone")


def run_program(*arguments: str, environment: dict[str, str], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_child_finds_the_tasks_of_the_program_itself(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.replace("GUARD", 'if __name__ == "__main__":\n    '))
    for arguments in (["program.py"], ["-m", "program"]):
        done = run_program(*arguments, environment=environment, place=tmp_path)
        assert (done.stdout, done.returncode) == ("TaskFailed True 2\n", 0), done.stderr


def test_a_program_that_starts_its_worker_unguarded_is_told_how_to(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.replace("GUARD", "").replace("max_retries=1", "max_retries=0"))
    done = run_program("program.py", environment=environment, place=tmp_path)
    assert done.returncode == 1
    assert "cannot import __main__" in done.stderr
    assert 'must stand under `if __name__ == "__main__":`' in done.stderr


class Hooks(TaskHandler):
    """Notes what it is told, in the worker."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_task_start(self, task: Task[Any]) -> None:
        self.seen.append(("start", task.attempt))

    def on_task_success(self, task: Task[Any], result: Any) -> None:  # noqa: ARG002 - the shape of the hook
        self.seen.append(("success", result))

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:  # noqa: ARG002 - the shape of the hook
        self.seen.append(error)


def test_hooks_are_called_in_the_worker_with_what_can_be_had_of_the_error(house: House) -> None:
    hooks = Hooks()
    house.started(handler=hooks)
    assert house.queue.push(give_back({"a": [1]}), user_id="u").result(timeout=20) == {"a": [1]}
    for name in ("KeyError", "Own", "Unicode"):
        with pytest.raises(TaskFailed):
            house.queue.push(fail_with(name), user_id="u").result(timeout=20)
    assert hooks.seen[:2] == [("start", 1), ("success", {"a": [1]})]
    known, own, unicode = hooks.seen[3::2]
    assert isinstance(known, KeyError)
    assert isinstance(own, ErrorInProcess)
    assert (own.type, str(own)) == ("OwnError", "OwnError: own")
    assert isinstance(unicode, ErrorInProcess)


def test_a_result_that_cannot_be_stored_fails_the_task_there_too(house: House) -> None:
    house.started()
    with pytest.raises(TaskFailed, match="result: cannot be stored as JSON"):
        house.queue.push(not_storable(), user_id="u").result(timeout=20)


@task(executor="process", max_retries=0)
def not_storable() -> object:
    return object()


def test_a_payload_task_does_not_run_in_a_child(house: House) -> None:
    house.started(handler=Hooks())
    handle = house.queue.push(Task.create(user_id="u", payload={}, max_retries=0).with_(executor="process"))
    with pytest.raises(TaskFailed, match="a payload task cannot run in a child process"):
        handle.result(timeout=20)


def test_a_module_that_a_child_cannot_import_fails_the_task_with_the_reason(house: House, tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text(
        "from fairque import task\n@task(executor='process', max_retries=0)\ndef f(): pass\n"
    )
    spec = importlib.util.spec_from_file_location("only_here", tmp_path / "only_here.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    house.started(max_concurrent_tasks=1)
    with pytest.raises(TaskFailed, match="cannot import only_here: ModuleNotFoundError"):
        house.queue.push(module.f(), user_id="u").result(timeout=20)
    assert house.queue.push(where(), user_id="u").result(timeout=20)
