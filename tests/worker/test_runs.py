"""One run: what a task can ask, and every way in which it can end. Nothing that a task does harms its worker."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import pytest
import redis

from fairque import Backoff, Retry, TaskFailed, TaskQueue, TaskState, Worker, current_task, task
from fairque.core.ids import encode_id
from fairque.core.outcome import Failure
from fairque.errors import FairqueError
from tests.waiting import wait_until
from tests.worker.stage import House, add, gates, until_unwanted

AT_ONCE = Backoff(base=0)


@task
def tell_context() -> dict[str, Any]:
    context = current_task()
    return {name: getattr(context, name) for name in ("task_id", "user_id", "attempt", "queue", "should_stop")}


@task
async def add_later(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y + current_task().attempt - 1


@task(retry_backoff=AT_ONCE)
def fail_until(attempt: int) -> int:
    if current_task().attempt < attempt:
        raise ValueError("too early")
    return current_task().attempt


@task(max_retries=2, retry_backoff=AT_ONCE)
def always_fail(gate: str) -> None:
    gates[gate].came.append(current_task().attempt)
    _secret = "a local variable's value"
    raise ValueError("this is why")


@task(max_retries=1)
def ask_again(gate: str, delay: float) -> str:
    gates[gate].came.append(time.monotonic())
    if current_task().attempt == 1:
        raise Retry(delay=delay)
    return "done"


@task(max_retries=1)
def ask_strangely(gate: str) -> None:
    raise Retry(delay=gates[gate].came[0])


@task(max_retries=0)
def give_something_strange() -> Any:
    return object()


class UntellableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


ERRORS: dict[str, BaseException] = {
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "GeneratorExit": GeneratorExit(),
    "StopIteration": StopIteration(),
    "RecursionError": RecursionError(),
    "UntellableError": UntellableError(),
    "ValueError": ValueError("half a pair: \ud800"),
}


@task(max_retries=0)
def raise_it(name: str) -> None:
    raise ERRORS[name]


@task
def only_in_this_process() -> None:
    return None


# --- what a task can ask --------------------------------------------------------------------------------------------


def test_a_task_knows_who_it_is(house: House) -> None:
    house.started()
    handle = house.queue.push(tell_context(), user_id="user:1")
    expected = {"task_id": handle.task_id, "user_id": "user:1", "attempt": 1, "queue": "default", "should_stop": False}
    assert handle.result(timeout=10) == expected


def test_a_task_knows_its_queue(house: House) -> None:
    with TaskQueue(house.config, name="emails") as emails, Worker(house.config, queue="emails"):
        assert emails.push(tell_context(), user_id="user:1").result(timeout=10)["queue"] == "emails"


def test_outside_a_task_there_is_no_context() -> None:
    with pytest.raises(FairqueError, match="does not run inside a worker's task"):
        current_task()


def test_should_stop_is_set_while_the_worker_stops(house: House) -> None:
    handle = house.queue.push(until_unwanted(house.name), user_id="user:1")
    worker = house.started()
    house.gate.wait_for(1)
    worker.stop(15)
    assert (handle.state(), handle.result(timeout=0)) == (TaskState.FINISHED, "stopped")


def test_should_stop_is_set_for_what_is_given_back(house: House) -> None:
    others = set(threading.enumerate())
    handle = house.queue.push(until_unwanted(house.name, linger=True), user_id="user:1")
    worker = house.started()
    house.gate.wait_for(1)
    runners = [thread for thread in threading.enumerate() if thread not in others and "-runner-" in thread.name]
    assert runners
    worker.stop(0)
    house.gate.wait_for(2)  # it has heard of it
    assert handle.state() is TaskState.QUEUED
    house.gate.open()
    for thread in runners:
        thread.join(10)
        assert not thread.is_alive()
    assert handle.state() is TaskState.QUEUED


def test_a_coroutine_function_is_awaited(house: House) -> None:
    house.started()
    assert house.queue.push(add_later(1, 2), user_id="user:1").result(timeout=10) == 3


# --- retries and failures -------------------------------------------------------------------------------------------


def test_a_failed_run_is_tried_again(house: House) -> None:
    house.started()
    assert house.queue.push(fail_until(3), user_id="user:1").result(timeout=20) == 3
    stats = house.queue.get_stats()
    assert (stats["retried_total"], stats["failed_total"], stats["finished_total"]) == (2, 0, 1)


def test_a_task_whose_retries_are_used_up_has_failed_and_tells_why_without_local_variables(house: House) -> None:
    handle = house.queue.push(always_fail(house.name), user_id="user:1")
    with house.worker() as worker:
        worker.drain(timeout=20)
    with pytest.raises(TaskFailed, match="ValueError: this is why") as caught:
        handle.result(timeout=5)
    failure = caught.value.failure
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message) == ("ValueError", "this is why")
    assert "in always_fail" in failure.traceback
    assert "local variable's value" not in failure.traceback.replace('_secret = "a local variable\'s value"', "")
    assert house.gate.came == [1, 2, 3]
    assert house.queue.get_queue_sizes("user:1")["failed"] == 1


def test_a_task_may_ask_for_another_attempt_and_say_when_i16(house: House) -> None:
    house.started()
    assert house.queue.push(ask_again(house.name, 0.3), user_id="user:1").result(timeout=10) == "done"
    first, second = house.gate.came
    assert 0.299 <= second - first < 1.3


@pytest.mark.parametrize("delay", [math.nan, math.inf, -1.0, 1e300, "soon"])
def test_a_retry_with_an_impossible_delay_harms_nobody(house: House, delay: Any) -> None:
    house.started(max_concurrent_tasks=1)
    house.gate.came.append(delay)
    asked = house.queue.push(ask_strangely(house.name), user_id="user:1")
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    wait_until(lambda: asked.state() is not TaskState.STARTED, description="the first run has been settled")


def test_a_result_that_cannot_be_stored_fails_the_task(house: House) -> None:
    house.started()
    with pytest.raises(TaskFailed, match="result: cannot be stored as JSON"):
        house.queue.push(give_something_strange(), user_id="user:1").result(timeout=10)


@pytest.mark.parametrize("name", ERRORS)
def test_nothing_that_a_task_raises_ends_its_worker(house: House, name: str) -> None:
    house.started(max_concurrent_tasks=1)
    with pytest.raises(TaskFailed, match=name):
        house.queue.push(raise_it(name), user_id="user:1").result(timeout=10)
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2


# --- tasks that cannot be run ---------------------------------------------------------------------------------------


def test_an_unknown_name_is_given_back_for_a_while_and_no_retry_is_spent(house: House) -> None:
    unknown = house.queue.push(only_in_this_process().with_(max_retries=0), user_id="user:1")
    _rename(house, "user:1", unknown.task_id)
    house.started()
    wait_until(lambda: unknown.state() is TaskState.SCHEDULED, description="the unknown task is postponed")
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    found = house.queue.get_task(unknown.task_id)
    assert found is not None
    assert (found.failures, found.lost, found.name) == (0, 0, "no_such_module:only_in_this_process")


def test_an_unknown_name_fails_with_the_reason_when_the_grace_is_over(house: House) -> None:
    unknown = house.queue.push(only_in_this_process(), user_id="user:1")
    _rename(house, "user:1", unknown.task_id)
    house.started(unknown_task_grace=0)
    with pytest.raises(
        TaskFailed, match="UnknownTask: no worker that was asked knows the task 'no_such_module:only_in"
    ):
        unknown.result(timeout=10)


def _rename(house: House, user: str, task_id: str) -> None:
    """Make a stored task one of a release that this process has not got."""
    with redis.Redis.from_url(house.url) as client:
        key = house.key(f"user:{encode_id(user)}:tasks")
        record = client.hget(key, task_id)
        assert isinstance(record, bytes)
        client.hset(key, task_id, record.replace(b"|tests.worker.test_runs:", b"|no_such_module:"))


def test_corrupt_bytes_fail_their_task_and_the_users_other_tasks_go_on(house: House) -> None:
    broken, whole = (house.queue.push(add(n, n), user_id="user:1") for n in (1, 2))
    with redis.Redis.from_url(house.url) as client:
        key = house.key(f"user:{encode_id('user:1')}:tasks")
        record = client.hget(key, broken.task_id)
        assert isinstance(record, bytes)
        client.hset(key, broken.task_id, record[: record.index(b"|") + 1] + b"\xff\x00 not a call")
    house.started(max_concurrent_tasks=1)
    assert whole.result(timeout=10) == 4
    with pytest.raises(TaskFailed, match="corrupt"):
        broken.result(timeout=10)
