"""Middleware: layers around every run, on threads, coroutines and child processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from fairque import Middleware, Task, TaskFailed, TaskHandler, TaskState, Worker, current_task
from fairque.errors import TaskTimeout, TaskValidationError
from tests.waiting import wait_until
from tests.worker.stage import House, add
from tests.worker.test_handler import Recorder, payload_task
from tests.worker.three_ways import AT_ONCE, WAYS, asked

each_way = pytest.mark.parametrize("way", WAYS)


class Layer(Middleware):
    """Notes what it sees; `change` may change what comes out."""

    def __init__(self, name: str, seen: list[Any], change: Callable[[Any], Any] = lambda result: result) -> None:
        self._name, self._seen, self._change = name, seen, change

    def around(self, task: Task[Any], call: Callable[[], Any]) -> Any:
        self._seen.append((self._name, "in", task.task_id == current_task().task_id))
        try:
            result = self._change(call())
        except BaseException as error:
            self._seen.append((self._name, type(error).__name__))
            raise
        self._seen.append((self._name, "out", result))
        return result


def started(house: House, *layers: Middleware, handler: TaskHandler | None = None, **settings: Any) -> Worker:
    return house.started(middleware=layers, handler=handler, max_concurrent_tasks=1, **settings)


def returned(house: House, way: str) -> Task[Any]:
    return asked(way, house.url, house.name, "return", max_retries=0)


def raised(house: House, way: str, **options: Any) -> Task[Any]:
    return asked(way, house.url, house.name, "raise", **{"max_retries": 0, **options})


@each_way
def test_layers_stand_around_a_run_the_first_outermost(house: House, way: str) -> None:
    seen: list[Any] = []
    started(house, Layer("outer", seen), Layer("inner", seen))
    assert house.queue.push(returned(house, way)).result(timeout=20) == 1
    assert seen == [("outer", "in", True), ("inner", "in", True), ("inner", "out", 1), ("outer", "out", 1)]


@each_way
def test_a_layer_sees_the_error_and_changes_neither_it_nor_what_becomes_of_the_task(house: House, way: str) -> None:
    seen: list[Any] = []
    started(house, Layer("layer", seen))
    with pytest.raises(TaskFailed, match="ValueError: as asked"):
        house.queue.push(raised(house, way, max_retries=2, no_retry_on=(Exception,))).result(timeout=20)
    assert seen == [("layer", "in", True), ("layer", "ValueError")]


@each_way
def test_a_layer_may_change_the_result_even_in_place(house: House, way: str) -> None:
    def wrap(result: Any) -> dict[str, Any]:
        return {"inner": [result]}

    def add_to(result: Any) -> Any:
        result["more"] = True
        return result

    started(house, Layer("outer", [], add_to), Layer("inner", [], wrap))
    assert house.queue.push(returned(house, way)).result(timeout=20) == {"inner": [1], "more": True}


@each_way
@pytest.mark.parametrize("error", [KeyError("mine"), SystemExit(3)], ids=lambda error: type(error).__name__)
def test_what_a_layer_raises_is_the_runs_error_and_is_retried_as_that(
    house: House, way: str, error: BaseException
) -> None:
    def fall(_: Any) -> Any:
        raise error

    started(house, Layer("layer", [], fall))
    made = asked(way, house.url, house.name, "return", max_retries=1, retry_backoff=AT_ONCE)
    with pytest.raises(TaskFailed, match=type(error).__name__):
        house.queue.push(made).result(timeout=20)
    assert house.queue.get_stats()["retried_total"] == 1


@each_way
def test_a_layer_may_call_again_or_not_at_all(house: House, way: str) -> None:
    class Stubborn(Middleware):
        def around(self, task: Task[Any], call: Callable[[], Any]) -> Any:
            if task.user_id == "never":
                return "not called"
            for _ in range(2):
                try:
                    return call()
                except ValueError:
                    continue
            return "gave up"

    started(house, Stubborn())
    assert house.queue.push(raised(house, way)).result(timeout=20) == "gave up"
    assert house.queue.push(raised(house, way), user_id="never").result(timeout=20) == "not called"


@each_way
def test_the_timeout_is_the_tasks_own(house: House, way: str) -> None:
    waited = threading.Event()
    seen: list[Any] = []

    class Slow(Middleware):
        def around(self, task: Task[Any], call: Callable[[], Any]) -> Any:  # noqa: ARG002 - the shape of it
            waited.wait(1.5 * limit)
            return call()

    limit = 0.5
    started(house, Slow(), Layer("inner", seen))
    made = asked(way, house.url, house.name, "hang", max_retries=0, timeout=limit)
    with pytest.raises(TaskFailed, match=r"TaskTimeout: ran for longer than its timeout of 0\.5 s"):
        house.queue.push(made).result(timeout=30)
    assert seen[0] == ("inner", "in", True)
    waited.set()
    assert house.queue.push(returned(house, way).with_(timeout=20)).result(timeout=20) == 1


def test_a_layer_that_swallows_everything_does_not_save_an_abandoned_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairque.worker.slot.GRACE", (0.2, 0.2))
    over = threading.Event()

    class Swallow(Middleware):
        def around(self, task: Task[Any], call: Callable[[], Any]) -> Any:  # noqa: ARG002 - the shape of it
            try:
                return call()
            except BaseException:
                over.set()
                return "saved"

    started(house, Swallow(), handler=Stuck())
    handle = house.queue.push(Task.create(user_id="u", payload={}, max_retries=0, timeout=0.2))
    with pytest.raises(TaskFailed, match="was abandoned"):
        handle.result(timeout=20)
    Stuck.end.set()
    wait_until(over.is_set, description="the layer has swallowed it")
    assert house.queue.push(add(1, 2), user_id="u").result(timeout=10) == 3
    assert handle.state() is TaskState.FAILED


class Stuck(TaskHandler):
    """Stays in C code, as far as its thread can tell."""

    end = threading.Event()

    def process_task(self, task: Task[Any]) -> Any:  # noqa: ARG002 - the shape of it
        while not self.end.is_set():
            try:
                self.end.wait(20)
            except TaskTimeout:
                continue


def test_hooks_of_all_layers_are_told_and_the_handler_is_the_innermost(house: House) -> None:
    class Both(Recorder):
        def around(self, task: Task[Any], call: Callable[[], Any]) -> Any:  # noqa: ARG002 - the shape of it
            self.seen.append(("around",))
            return call()

    first, handler = Both(), Both()
    first.seen = handler.seen
    started(house, first, handler=handler)
    assert house.queue.push(payload_task(n=1)).result(timeout=10)["doubled"] == 2
    names = [name for name, *_ in handler.seen]
    assert names == ["start", "start", "around", "around", "process", "success", "success"]


def test_a_hook_that_raises_does_not_keep_the_next_from_being_told(house: House) -> None:
    told = Recorder()
    started(house, Recorder(raising=SystemExit(1)), told)
    assert house.queue.push(add(1, 2), user_id="u").result(timeout=10) == 3
    assert told.seen == [("start", 1), ("success", 3)]


@pytest.mark.parametrize("layers", [[Layer], [None], ["layer"], [print]])
def test_what_is_no_layer_is_refused(house: House, layers: Iterable[Any]) -> None:
    with pytest.raises(TaskValidationError, match="middleware: expected objects of Middleware"):
        house.worker(middleware=layers)
