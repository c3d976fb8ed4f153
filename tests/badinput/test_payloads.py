"""Payloads and results: what is accepted comes back equal, and what would not is refused without a trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import pytest

from fairque import Task, TaskQueue
from fairque.core.codec import Terms
from fairque.core.encoding import encode
from tests.badinput.ground import COLOURS, Ground, cell, refused, untouched
from tests.badinput.jobs import Colour, echo, paint, raw, rest
from tests.badinput.payloads import SECRET, VALUES, Value
from tests.core.test_codec import same

USER: Final = "u"


class Entry(NamedTuple):
    """How a value is given to a task, where it is found again, and what stands around it when it is stored."""

    give: Callable[[TaskQueue, Any], Any]
    find: Callable[[Task[Any]], Any]
    call: tuple[list[Any], dict[str, Any]]


GIVEN: Final = {
    "args": Entry(lambda queue, value: queue.push(echo(value), user_id=USER).task_id,
                  lambda task: task.args[0], ([""], {})),
    "kwargs": Entry(lambda queue, value: queue.push(echo(value=value), user_id=USER).task_id,
                    lambda task: task.kwargs["value"], ([], {"value": ""})),
    "rest": Entry(lambda queue, value: queue.push(rest(1, value), user_id=USER).task_id,
                  lambda task: task.args[1], ([1, ""], {})),
    "payload": Entry(lambda queue, value: queue.push(Task.create(user_id=USER, payload={"value": value})).task_id,
                     lambda task: (task.payload or {})["value"], ([], {"value": ""})),
    "with_": Entry(lambda queue, value: queue.push(Task.create(user_id=USER).with_(payload={"value": value})).task_id,
                   lambda task: (task.payload or {})["value"], ([], {"value": ""})),
    "push_function_task": Entry(lambda queue, value: queue.push_function_task(USER, echo, kwargs={"value": value}),
                                lambda task: task.kwargs["value"], ([], {"value": ""})),
    "push_batch": Entry(lambda queue, value: queue.push_batch([echo(1), echo(value)], user_id=USER)[1].task_id,
                        lambda task: task.args[0], ([""], {})),
}  # fmt: skip


@pytest.mark.parametrize("entry", GIVEN.values(), ids=list(GIVEN))
@pytest.mark.parametrize("colour", COLOURS)
def test_a_value_given(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, entry: Entry) -> None:
    queue, around = ground.queues[colour], len(encode((*entry.call, Terms())))
    with untouched(ground, caplog):
        for row in VALUES:
            if not row.given:
                with cell(row.name):
                    refused(partial(entry.give, queue, row.make(around)), secret=SECRET)
    for row in VALUES:
        if row.given:
            with cell(row.name):
                comes_back(queue, entry, row.make(around))


def comes_back(queue: TaskQueue, entry: Entry, value: Any) -> None:
    task_id = entry.give(queue, value)
    found = queue.get_task(task_id)
    popped = queue.pop_many(10)
    assert found is not None
    assert same(entry.find(found), value)
    assert same(entry.find(popped[-1]), value)
    for one in popped:
        queue.finish(one)
        queue.delete_task(one.task_id or "")


@pytest.mark.parametrize("row", VALUES, ids=lambda row: row.name)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_value_returned(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, row: Value) -> None:
    queue, value = ground.queues[colour], row.make(len('""'))
    handle = queue.push(echo(), user_id=USER)
    task = queue.pop()
    assert task is not None
    if not row.returned:
        with untouched(ground, caplog):
            refused(partial(queue.finish, task, value), secret=SECRET)
        value = None
    queue.finish(task, value)
    assert same(handle.result(timeout=0), value if row.as_json is None else row.as_json)
    queue.delete_task(handle.task_id)


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_enormous_is_refused(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    queue, value = ground.queues[colour], SECRET + "x" * (64 * 1024 * 1024)
    handle = queue.push(echo(), user_id=USER)
    task = queue.pop()
    assert task is not None
    with untouched(ground, caplog):
        refused(lambda: queue.push(echo(value), user_id=USER), secret=SECRET)
        refused(lambda: queue.finish(task, value), secret=SECRET)
    queue.finish(task)
    queue.delete_task(handle.task_id)


@pytest.mark.parametrize("value", [b"", b"a\0b", b"\xff\xfe", b"\x80\x04N."], ids=ascii)
def test_bytes_come_back_where_the_annotation_says_so(ground: Ground, value: bytes) -> None:
    queue = ground.queues["sync"]
    handle = queue.push(raw(value), user_id=USER)
    task = queue.pop()
    assert task is not None
    assert task.args == (value,)
    queue.finish(task, task())
    assert handle.result(timeout=0) == value
    queue.delete_task(handle.task_id)


LONG: Final = SECRET * 10_000


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda queue: queue.push(paint(LONG), user_id=USER), id="value-of-an-enum"),  # type: ignore[arg-type]
        pytest.param(lambda queue: queue.push(paint(Colour.RED, **{LONG: 1}), user_id=USER), id="name-of-an-argument"),
        pytest.param(lambda queue: queue.push(rest(**{LONG: {1}}), user_id=USER), id="path"),
        pytest.param(lambda queue: queue.push_function_task(USER, echo, **{LONG: 1}), id="name-of-an-option"),
        pytest.param(lambda queue: queue.set_user(USER, **{LONG: 1}), id="name-of-a-limit"),
        pytest.param(lambda queue: queue.set_user(USER, rate=LONG), id="rate"),
        pytest.param(lambda queue: queue.push_function_task(USER, echo, args=3), id="args-that-are-no-tuple"),
        pytest.param(lambda queue: queue.push_function_task(USER, echo, kwargs=[LONG]), id="kwargs-that-are-no-dict"),
        pytest.param(lambda queue: queue.push(Task.create(user_id=USER, payload=[LONG])), id="payload-is-no-dict"),  # type: ignore[arg-type]
        pytest.param(lambda queue: queue.finish(None), id="finish-nothing"),
        pytest.param(lambda queue: queue.release(LONG), id="release-a-text"),
        pytest.param(lambda queue: queue.heartbeat(echo(LONG)), id="heartbeat-what-was-not-popped"),
        pytest.param(lambda queue: queue.fail(Task.create(user_id=USER), 3), id="fail-what-was-not-popped"),
    ],
)
@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_long_or_no_task_is_told_in_short(
    ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, act: Callable[[Any], Any]
) -> None:
    with untouched(ground, caplog):
        refused(lambda: act(ground.queues[colour]), secret=LONG)
