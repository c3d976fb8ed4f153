"""`TaskHandler`: payload tasks, and hooks that see every run and change none."""

from __future__ import annotations

from typing import Any

import pytest

from fairque import Backoff, Task, TaskFailed, TaskHandler, current_task, task
from tests.worker.stage import House, add


class Recorder(TaskHandler):
    """Notes what it is told; optionally each hook raises."""

    def __init__(self, *, raising: BaseException | None = None) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self._raising = raising

    def process_task(self, task: Task[Any]) -> Any:
        assert task.payload is not None
        self.seen.append(("process", task.payload))
        if task.payload.get("fail"):
            raise ValueError("as asked")
        return {"doubled": 2 * task.payload["n"], "user": current_task().user_id}

    def on_task_start(self, task: Task[Any]) -> None:
        self._note("start", task.attempt)

    def on_task_success(self, task: Task[Any], result: Any) -> None:  # noqa: ARG002 - the shape of the hook
        self._note("success", result)

    def on_task_retry(self, task: Task[Any], error: BaseException) -> None:
        self._note("retry", type(error).__name__, task.attempt)

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:
        self._note("failure", type(error).__name__, task.attempt)

    def _note(self, *what: Any) -> None:
        self.seen.append(what)
        if self._raising is not None:
            raise self._raising


@task(max_retries=1, retry_backoff=Backoff(base=0))
def fail() -> None:
    raise ValueError("always")


def payload_task(**payload: Any) -> Task[Any]:
    return Task.create(user_id="user:1", payload=payload, max_retries=1, retry_backoff=Backoff(base=0))


def test_a_payload_task_is_processed_by_the_handler(house: House) -> None:
    handler = Recorder()
    house.started(handler=handler)
    handle = house.queue.push(payload_task(n=21))
    assert handle.result(timeout=10) == {"doubled": 42, "user": "user:1"}
    assert [name for name, *_ in handler.seen] == ["start", "process", "success"]


def test_hooks_see_a_payload_task_fail_and_be_tried_again_in_order(house: House) -> None:
    handler = Recorder()
    house.started(handler=handler)
    with pytest.raises(TaskFailed, match="as asked"):
        house.queue.push(payload_task(fail=True)).result(timeout=10)
    assert handler.seen == [
        ("start", 1),
        ("process", {"fail": True}),
        ("retry", "ValueError", 1),
        ("start", 2),
        ("process", {"fail": True}),
        ("failure", "ValueError", 2),
    ]


def test_hooks_see_function_tasks_too(house: House) -> None:
    handler = Recorder()
    with house.worker(handler=handler, max_concurrent_tasks=1) as worker:
        house.queue.push(add(1, 2), user_id="user:1")
        house.queue.push(fail(), user_id="user:1")
        worker.drain(timeout=10)
    assert handler.seen == [
        ("start", 1),
        ("success", 3),
        ("start", 1),
        ("retry", "ValueError", 1),
        ("start", 2),
        ("failure", "ValueError", 2),
    ]


@pytest.mark.parametrize("raising", [RuntimeError("a hook's own fault"), SystemExit(1)], ids=lambda e: type(e).__name__)
def test_hooks_that_raise_change_nothing(house: House, raising: BaseException) -> None:
    house.started(handler=Recorder(raising=raising), max_concurrent_tasks=1)
    assert house.queue.push(add(1, 2), user_id="user:1").result(timeout=5) == 3
    with pytest.raises(TaskFailed, match="ValueError: always"):
        house.queue.push(fail(), user_id="user:1").result(timeout=5)
    assert house.queue.push(payload_task(n=1)).result(timeout=5)["doubled"] == 2
    stats = house.queue.get_stats()
    assert (stats["finished_total"], stats["failed_total"], stats["retried_total"]) == (2, 1, 1)


def test_a_handler_without_process_task_fails_payload_tasks_with_the_remedy(house: House) -> None:
    house.started(handler=TaskHandler())
    with pytest.raises(TaskFailed, match="TaskHandler has no process_task"):
        house.queue.push(payload_task(n=1)).result(timeout=10)


def test_without_a_handler_a_payload_task_is_given_back_then_fails(house: House) -> None:
    house.started(unknown_task_grace=0)
    with pytest.raises(TaskFailed, match="give the worker a TaskHandler"):
        house.queue.push(payload_task(n=1)).result(timeout=10)
