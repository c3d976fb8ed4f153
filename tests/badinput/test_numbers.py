"""Numbers at every option and argument: taken as they are, or refused without effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest

from fairque import Backoff, FairQueueConfig, Retry, Task, TaskQueue, Worker, task
from fairque.core.options import OPTIONS as KNOWN
from fairque.core.settings import WorkerSettings
from tests.badinput.ground import COLOURS, Ground, cell, refused, try_values
from tests.badinput.jobs import echo
from tests.badinput.numbers import ARGUMENTS, OPTIONS, VALUES

USER: Final = "u"


# --- options of a task ----------------------------------------------------------------------------------------------

OPTION_ENTRIES: Final[dict[str, Callable[[TaskQueue, dict[str, Any]], Any]]] = {
    "with_": lambda queue, options: queue.push(echo(1).with_(**options), user_id=USER).task_id,
    "@task": lambda queue, options: queue.push(task(**options)(echo.function)(1), user_id=USER).task_id,
    "create": lambda queue, options: queue.push(Task.create(user_id=USER, **options)).task_id,
    "push_function_task": lambda queue, options: queue.push_function_task(USER, echo, **options),
    "push_batch": lambda queue, options: queue.push_batch([echo(1).with_(**options)], user_id=USER)[0].task_id,
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("entry", OPTION_ENTRIES)
@pytest.mark.parametrize("colour", COLOURS)
def test_an_option(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: str, option: str) -> None:
    queue = ground.queues[colour]

    def push(value: Any) -> None:
        task_id = OPTION_ENTRIES[entry](queue, {option: value})
        found = queue.get_task(task_id)
        assert found is not None
        if option == "delay":
            assert found.state == ("scheduled" if value else "queued")
        elif option == "expires_in":
            assert found.state == "queued"
        elif option == "retry_backoff" and value is not None:
            assert found.retry_backoff == (
                Backoff(delays=tuple(value)) if isinstance(value, list) else Backoff(base=value)
            )
        else:
            assert getattr(found, option) == value
        assert queue.delete_task(task_id)

    try_values(ground, caplog, OPTIONS[option], push, VALUES)


def test_every_option_is_in_a_table() -> None:
    assert OPTIONS.keys() | {"task_id", "user_id", "payload"} == KNOWN.keys()


# --- arguments ------------------------------------------------------------------------------------------------------


def _given_back(queue: TaskQueue, popped: Task[Any] | list[Task[Any]] | None) -> None:
    for one in popped if isinstance(popped, list) else [popped]:
        assert one is not None
        queue.release(one)


ARGUMENT_ENTRIES: Final[dict[str, Callable[[TaskQueue, Any, Any], Any]]] = {
    "pop": lambda queue, _, value: _given_back(queue, queue.pop(value)),
    "pop_many": lambda queue, _, value: _given_back(queue, queue.pop_many(value)),
    "pop_many-timeout": lambda queue, _, value: _given_back(queue, queue.pop_many(1, value)),
    "get_result": lambda queue, handle, value: queue.get_result(handle.task_id, timeout=value),
    "handle.result": lambda _, handle, value: handle.result(value),
    "failed-limit": lambda queue, _, value: queue.failed(limit=value),
    "failed": lambda queue, _, value: queue.failed(older_than=value),
    "requeue_failed": lambda queue, _, value: queue.requeue_failed(older_than=value),
    "purge_failed": lambda queue, _, value: queue.purge_failed(older_than=value),
    "flows": lambda queue, _, value: queue.flows(limit=value),
    "served": lambda queue, _, value: queue.served(value),
    "fairness": lambda queue, _, value: queue.fairness(value),
    "Retry": lambda _, __, value: Retry(delay=value),
    "Backoff.base": lambda _, __, value: Backoff(base=value),
    "Backoff.factor": lambda _, __, value: Backoff(factor=value),
    "Backoff.cap": lambda _, __, value: Backoff(cap=value),
    "Backoff.jitter": lambda _, __, value: Backoff(jitter=value),
    "Backoff.delays": lambda _, __, value: Backoff(delays=value),
}


@pytest.mark.parametrize("name", ARGUMENT_ENTRIES)
@pytest.mark.parametrize("colour", COLOURS)
def test_an_argument(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, name: str) -> None:
    queue = ground.queues[colour]
    handle = queue.push(echo(1), user_id=USER)
    ended = queue.pop()
    assert ended is not None
    queue.finish(ended, 1)
    waiting = queue.push(echo(2), user_id=USER)
    try_values(ground, caplog, ARGUMENTS[name], partial(ARGUMENT_ENTRIES[name], queue, handle), VALUES)
    assert queue.delete_task(waiting.task_id)


FORGED: Final = {
    "text": "x",
    "too-few": "u:1",
    "too-many": "u:x:1:1",
    "no-user": ":x:1",
    "everyone": "*:x:1",
    "control-character": "u\0:x:1",
    "no-task": "u::1",
    "negative": "u:x:-1",
    "float": "u:x:1e5",
    "arabic-digits": "u:x:\u0663",
    "too-late": "u:x:" + 400 * "9",
    "long": "x" * 10_000_000,
    "int": 3,
    "bytes": b"u:x:1",
}


@pytest.mark.parametrize("colour", COLOURS)
def test_a_cursor(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    queue = ground.queues[colour]
    for user in ("a", "b"):
        queue.push_batch([echo(n).with_(max_retries=0) for n in range(3)], user_id=user)
    for one in queue.pop_many(10):
        queue.fail(one, "no")
    theirs = queue.failed("b", limit=1).cursor
    assert theirs is not None
    cursors = FORGED | {"none": None, "another-user's": theirs, "unknown": "zzz:x:1", "ended": "a:x:1"}

    def page(cursor: Any) -> None:
        assert {one.user_id for one in queue.failed("a", cursor=cursor).tasks} <= {"a"}
        assert {one.user_id for one in queue.failed(cursor=cursor).tasks} <= {"a", "b"}

    try_values(ground, caplog, cursors.keys() - FORGED.keys(), page, cursors)
    assert queue.purge_failed() == 6


@pytest.mark.parametrize("name", ["drain", "stop"])
def test_a_timeout_of_a_worker(ground: Ground, name: str) -> None:
    config = FairQueueConfig(
        redis=ground.config.redis, queue=ground.config.queue, workers=(WorkerSettings(id="w1", assigned_users=("*",)),)
    )
    for label, value in VALUES.items():
        with Worker(config) as worker, cell(label):
            if label in ARGUMENTS[f"Worker.{name}"]:
                with suppress(TimeoutError):  # too short is not bad
                    getattr(worker, name)(value)
            else:
                refused(partial(getattr(worker, name), value))


def test_every_argument_that_is_a_number_is_in_a_table() -> None:
    numbers = {"int", "float", "float | None", "int | None"}
    taking = {
        name
        for name, verb in inspect.getmembers(TaskQueue, inspect.isfunction)
        if not name.startswith("_")
        and any(parameter.annotation in numbers for parameter in inspect.signature(verb).parameters.values())
    }
    assert taking <= ARGUMENT_ENTRIES.keys()
