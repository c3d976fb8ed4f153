"""Task names and what may be a task: a name is a label, and nothing is imported or called because one says so."""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from fairque import FairQueueConfig, TaskHandler, TaskQueue, Worker, task
from fairque.core.settings import WorkerSettings
from fairque.errors import TaskNameTaken, TaskValidationError
from fairque.queue.registry import task_names
from tests.badinput.ground import COLOURS, CommandRefused, Ground, cell, opened, refused, try_values
from tests.badinput.jobs import echo

NAMES: Final[dict[str, Any]] = {
    "os.system": "os.system",
    "os:system": "os:system",
    "import": "__import__",
    "eval": "builtins:eval",
    "call": "a.b.c()",
    "path": "../jobs:f",
    "braces": "{a}:f",
    "percent": "%s:f",
    "composed": "\u00e9:f",
    "512-bytes": "x" * 512,
    "513-bytes": "x" * 513,
    "10-KB": "x" * 10_240,
    "empty": "",
    "blank": " ",
    "blank-inside": "a b",
    "bar": "a|b",
    "newline": "a\nb",
    "nul": "a\0b",
    "zero-width": "a\u200bb",
    "lone-surrogate": "\ud800",
    "int": 3,
    "bytes": b"a",
    "list": ["a"],
}
TAKEN: Final = frozenset(
    {"os.system", "os:system", "import", "eval", "call", "path", "braces", "percent", "composed", "512-bytes"}
)


def spring(*_: Any, **__: Any) -> None:
    raise AssertionError("this must never be called")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_name(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    queue = ground.queues[colour]

    def push(name: Any) -> None:
        function = copied(spring, f"named_{len(task_names())}")
        task_id = queue.push(task(name=name)(function)(1), user_id="u").task_id
        found = queue.get_task(task_id)
        assert found is not None
        assert (found.name, found.function) == (name, function)
        assert queue.delete_task(task_id)

    fresh = {label: name if label not in TAKEN else f"{name[:500]}-{colour}" for label, name in NAMES.items()}
    try_values(ground, caplog, TAKEN, push, fresh)


def copied(function: Callable[..., Any], qualname: str, module: str | None = __name__) -> Callable[..., Any]:
    """Return a function of another name, as if it stood at the top of a module."""

    def copy(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    copy.__qualname__ = qualname
    copy.__module__ = module  # type: ignore[assignment]
    return copy


@pytest.mark.parametrize("colour", COLOURS)
def test_a_name_with_limits(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    queue = ground.queues[colour]

    def limit(name: Any) -> None:
        assert queue.set_limits(task=name, max_concurrency=3).max_concurrency == 3
        queue.pause(task=name)
        assert queue.get_limits(task=name).paused
        queue.resume(task=name)
        assert queue.all_limits().tasks[name].max_concurrency == 3
        queue.set_limits(task=name, max_concurrency=None)

    try_values(ground, caplog, TAKEN, limit, NAMES)
    for act in (queue.pause, queue.resume, queue.get_limits):
        try_values(ground, caplog, TAKEN, partial(_of_task, act), NAMES)


def _of_task(act: Callable[..., Any], name: Any) -> Any:
    return act(task=name)


@pytest.mark.parametrize("words", [("set", "--max-concurrency=3"), ("pause",), ("resume",), ("show",)], ids=" ".join)
def test_a_name_of_a_command(ground: Ground, caplog: pytest.LogCaptureFixture, words: tuple[str, ...]) -> None:
    texts = {label: name for label, name in NAMES.items() if isinstance(name, str)}
    try_values(ground, caplog, TAKEN, lambda name: ground.command("queue", *words, f"--task={name}"), texts)


NO_TASKS: Final[dict[str, Any]] = {
    "lambda": lambda: None,
    "nested": copied(spring, "outer.<locals>.inner"),
    "class": Path,
    "int": 3,
    "text": "os.system",
    "none-callable": math,
    "partial": functools.partial(spring),
    "task": echo,
    "without-module": copied(spring, "f", None),
    "module-with-a-blank": copied(spring, "f", "my job"),
    "module-with-a-bar": copied(spring, "f", "my|job"),
    "10-KB": copied(spring, "f" * 10_240),
    "method-of-c": str.upper,
}


@pytest.mark.parametrize("what", NO_TASKS.values(), ids=list(NO_TASKS))
@pytest.mark.parametrize("options", [None, {"priority": 3}], ids=["bare", "with-options"])
def test_what_is_no_function_at_the_top_of_a_module_is_no_task(what: Any, options: dict[str, Any] | None) -> None:
    before = task_names()
    refused(lambda: task(what) if options is None else task(**options)(what))
    assert task_names() == before


def test_a_function_in_c_without_a_signature_is_refused_when_it_is_called(ground: Ground) -> None:
    refused(lambda: ground.queues["sync"].push(task(name="badinput.min")(min)(1, 2), user_id="u"))


def test_a_name_is_taken_once() -> None:
    first = task(name="badinput.once")(copied(spring, "first"))
    assert task(name="badinput.once")(copied(spring, "first")).name == first.name
    assert isinstance(refused(lambda: task(name="badinput.once")(copied(spring, "second"))), TaskNameTaken)


def test_a_function_of_main_is_named_as_a_worker_would_import_it(monkeypatch: pytest.MonkeyPatch) -> None:
    main = type(os)("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    main.__file__ = "/srv/quick_start.py"
    assert task(copied(spring, "f", "__main__")).name == "quick_start:f"
    main.__file__ = "/srv/my job.py"
    refused(lambda: task(copied(spring, "f", "__main__")))
    main.__file__ = None
    assert task(copied(spring, "g", "__main__")).name == "__main__:g"


@pytest.mark.parametrize("function", [os.system, spring, echo.function, "badinput.echo", None, echo(1)])
@pytest.mark.parametrize("colour", COLOURS)
def test_push_function_task_calls_nothing_but_task_functions(ground: Ground, colour: str, function: Any) -> None:
    error = refused(lambda: ground.queues[colour].push_function_task("u", function, args=("true",)))
    assert isinstance(error, TaskValidationError)


# --- a name in Redis, and on a command line -------------------------------------------------------------------------


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the name of a module that can be imported and must not be."""
    name = f"trap_{os.getpid()}"
    (tmp_path / f"{name}.py").write_text("def spring(*_): raise AssertionError('called')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    assert name not in sys.modules


def forge(ground: Ground, queue: TaskQueue, name: bytes) -> str:
    """Push a task, and put another name into its record."""
    task_id = queue.push(echo("true"), user_id="u").task_id
    key = f"{{{ground.prefix}:default}}:queue:user:u:tasks"
    record = ground.client.hget(key, task_id)
    assert isinstance(record, bytes)
    assert b"|badinput.echo|" in record
    ground.client.hset(key, task_id, record.replace(b"|badinput.echo|", b"|" + name + b"|").decode())
    return task_id


STORED: Final = ("os.system", "os:system", "__import__", "builtins:exec", "TRAP:spring", "badinput.unknown")


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_stored_name_is_looked_up_and_nothing_else(redis_url: str, trap: str, colour: str, name: str) -> None:
    with opened(redis_url) as ground:
        queue, name = ground.queues[colour], name.replace("TRAP", trap)
        task_id = forge(ground, queue, name.encode())
        found, popped = queue.get_task(task_id), queue.pop()
        for one in (found, popped):
            assert one is not None
            assert (one.name, one.function, one.args) == (name, None, ("true",))
            refused(one)


def test_a_worker_gives_back_what_it_does_not_know_and_then_fails_it(redis_url: str, trap: str) -> None:
    class Never(TaskHandler):
        def process_task(self, task: Any) -> Any:
            spring(task)

    with opened(redis_url) as ground:
        queue = ground.queues["sync"]
        forged = [forge(ground, queue, name.replace("TRAP", trap).encode()) for name in STORED]
        after = queue.push(echo("after"), user_id="u")
        settings = WorkerSettings(id="w1", assigned_users=("*",), unknown_task_grace=0)
        config = FairQueueConfig(redis=ground.config.redis, queue=ground.config.queue, workers=(settings,))
        with Worker(config, Never()) as worker:
            worker.drain(20)
        assert after.result(timeout=0) == "after"
        for task_id in forged:
            failure = queue.get_task(task_id).failure  # type: ignore[union-attr]
            assert failure is not None
            assert failure.type == "UnknownTask"


@pytest.mark.parametrize("name", [*STORED[:4], "badinput.unknown", "../jobs:f", "__main__:f", "os:path.join"])
def test_a_command_pushes_task_functions_only(ground: Ground, caplog: pytest.LogCaptureFixture, name: str) -> None:
    before = ground.snapshot()
    with cell(name), pytest.raises(CommandRefused) as caught:
        ground.command("push", name, "--user=u", '--args=["true"]')
    assert caught.value.ran.code == 1
    assert f"no task is called {name}" in caught.value.ran.err
    assert (ground.snapshot(), caplog.records) == (before, [])


def test_a_command_refuses_what_can_be_no_name(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    texts = {label: name for label, name in NAMES.items() if isinstance(name, str) and label not in TAKEN}
    try_values(ground, caplog, frozenset(), lambda name: ground.command("push", "--user=u", "--", name), texts)
