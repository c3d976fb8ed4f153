"""`@task`: how functions get their names, and what is no task."""

from __future__ import annotations

import functools
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairque import Priority, Task, task
from fairque.core.codec import decode_body
from fairque.core.ids import MAX_NAME_BYTES
from fairque.errors import TaskNameTaken, TaskValidationError
from fairque.queue.registry import TaskFunction, find_task, task_names
from tests.queue.checker import assert_said

ROOT = Path(__file__).resolve().parents[2]


@task
def add(x: int, y: int) -> int:
    """Add."""
    return x + y


@task(name="double", priority=5, max_retries=1, user_id="user:1")
def twice(x: int) -> int:
    return 2 * x


@task(user_id=lambda order, **_: order["org"])
def ship(order: dict[str, Any], *, fast: bool = False) -> str:
    return f"{order} {fast}"


@task
async def later(x: int) -> int:
    return x


class House:
    @staticmethod
    def build(bricks: int) -> int:
        return bricks


def plain(module: str = __name__, qualname: str = "plain") -> Callable[..., int]:
    """Return a new function that says it stands at the top of a module."""

    def function(x: int = 0) -> int:
        return x

    function.__module__, function.__qualname__ = module, qualname
    return function


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([sys.executable, *command], cwd=cwd, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


# --- names ----------------------------------------------------------------------------------------------------------


def test_a_task_is_named_by_its_module_and_qualname() -> None:
    assert add.name == f"{__name__}:add"
    assert find_task(add.name) is add
    assert task(House.build).name == f"{__name__}:House.build"
    assert add.name in task_names()
    assert task_names() == sorted(task_names())


def test_a_given_name_replaces_the_default_one() -> None:
    assert twice.name == "double"
    assert find_task("double") is twice
    assert find_task(f"{__name__}:twice") is None


@pytest.mark.parametrize("name", ["os.system", "__import__", "no:such", "", "double "])
def test_a_name_that_nobody_registered_is_not_found_and_imports_nothing(name: str) -> None:
    before = set(sys.modules)
    assert find_task(name) is None
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\nb", "a\0b", "\ud800", "x" * (MAX_NAME_BYTES + 1), "x" * 10_240, 3, b"a", True]
)
def test_a_name_that_is_not_printable_or_too_long_is_refused(name: Any) -> None:
    with pytest.raises(TaskValidationError, match=f"^name: expected 1 to {MAX_NAME_BYTES}"):
        task(name=name)(plain())
    assert find_task(name) is None


@pytest.mark.parametrize("start", ["quickstart.py", "-m quickstart", "-m package.jobs"])
def test_in_main_a_task_is_named_as_a_worker_would_import_it(tmp_path: Path, start: str) -> None:
    text = "from fairque import task\n@task\ndef add(x): ...\nprint(add.name)\n"
    (tmp_path / "package").mkdir()
    for file in ("quickstart.py", "package/jobs.py"):
        (tmp_path / file).write_text(text)
    expected = "package.jobs:add" if "package" in start else "quickstart:add"
    assert run(*start.split(), cwd=tmp_path) == expected


def test_without_a_file_a_task_of_main_is_named_after_main(tmp_path: Path) -> None:
    assert run("-c", "from fairque import task\n@task\ndef f(): ...\nprint(f.name)", cwd=tmp_path) == "__main__:f"


def test_a_reload_replaces_the_task() -> None:
    first, second = task(plain(qualname="reloaded")), task(plain(qualname="reloaded"))
    assert first is not second
    assert find_task(first.name) is second


def test_another_function_under_a_taken_name_is_refused_and_the_first_one_stays() -> None:
    name = f"taken-{uuid.uuid4().hex}"
    first = task(name=name)(plain(qualname="one"))
    with pytest.raises(TaskNameTaken, match=f"{name}: is the name of {__name__}:one already"):
        task(name=name)(plain(qualname="other"))
    assert find_task(name) is first


# --- what is no task ------------------------------------------------------------------------------------------------


def test_a_lambda_a_nested_function_and_what_is_no_function_are_refused() -> None:
    def nested() -> None: ...

    with pytest.raises(TaskValidationError, match="is a lambda, which no worker could find"):
        task(lambda: None)
    with pytest.raises(TaskValidationError, match="nested is a nested function, which no worker could find"):
        task(nested)
    things: list[Any] = [House, 3, "f", functools.partial(plain, "m"), [add]]
    for thing in things:
        with pytest.raises(TaskValidationError, match="@task: expected a function, got"):
            task(thing)


def test_a_task_of_a_task_is_refused() -> None:
    with pytest.raises(TaskValidationError, match="@task: "):
        task(add)


# --- building -------------------------------------------------------------------------------------------------------


def test_calling_a_task_function_builds_a_task_and_calling_that_runs_it() -> None:
    built = add(1, y=2)
    assert isinstance(built, Task)
    assert (built.name, built.args, built.kwargs) == (add.name, (1,), {"y": 2})
    assert built() == 3


def test_a_task_function_looks_like_its_function() -> None:
    assert (add.__name__, add.__doc__, add.__wrapped__) == ("add", "Add.", add.function)  # type: ignore[attr-defined]
    assert repr(add) == f"<task {add.name}>"


def test_options_of_the_decorator_stand_in_every_task() -> None:
    built = twice(4)
    assert (built.priority, built.max_retries, built.user_id) == (Priority.VERY_HIGH, 1, "user:1")
    assert built.with_(user_id="user:2").user_id == "user:2"


def test_user_id_may_be_computed_from_the_arguments() -> None:
    assert ship({"org": "acme"}).user_id == "acme"
    assert ship({"org": "a"}, fast=True).user_id == "a"
    assert ship({"org": "a"}).with_(user_id="b").user_id == "b"
    with pytest.raises(TaskValidationError, match="user_id: expected a string, got int"):
        ship({"org": 3})


def test_the_stored_call_names_the_function_and_carries_its_options() -> None:
    built = twice(4)
    assert built.encode is not None
    body = decode_body(built.encode(built))
    assert (body.name, body.args, body.kwargs, body.terms.max_retries) == ("double", [4], {}, 1)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"priorty": 1}, "unknown task option 'priorty'; did you mean 'priority'"),
        ({"retries": 1}, "unknown task option 'retries'; did you mean 'max_retries'"),
        ({"priority": 7}, "priority: "),
        ({"payload": {}}, "payload: "),
        ({"user_id": ""}, "user_id: "),
        ({"delay": 1, "execute_after": None, "max_retries": -1}, "max_retries: "),
    ],
)
def test_an_option_that_is_not_accepted_refuses_the_decorator(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(TaskValidationError, match=fault):
        task(**options)(plain(qualname="refused"))
    assert find_task(f"{__name__}:refused") is None


# --- types ----------------------------------------------------------------------------------------------------------

FUNCTIONS = """
    from fairque import Task, task

    @task
    def add(x: int, y: int = 0) -> int:
        return x + y

    @task
    async def fetch(url: str) -> bytes:
        return url.encode()

    @task(max_retries=1)
    async def send(url: str) -> bytes:
        return url.encode()
"""


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("number: Task[int] = add(1, y=2)", ""),
        ("number: int = add(1)()", ""),
        ('add("a")', "arg-type"),
        ("add(1, z=2)", "call-arg"),
        ("text: Task[str] = add(1)", "assignment"),
        ('data: Task[bytes] = fetch("u")', ""),
        ("fetch()", "call-arg"),
        ('data: Task[bytes] = send("u")', ""),
        ("send(1)", "arg-type"),
    ],
)
def test_a_type_checker_refuses_wrong_arguments_and_nothing_else(tmp_path: Path, line: str, fault: str) -> None:
    assert_said(tmp_path, FUNCTIONS, line, fault)


def test_an_async_task_is_typed_by_what_it_returns() -> None:
    assert isinstance(later, TaskFunction)
    built: Task[int] = later(1)
    assert built.name == f"{__name__}:later"
