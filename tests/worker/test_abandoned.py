"""Threads that do not come back: they are given up and replaced, counted, and not without bound."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from fairque import Backoff, Task, TaskFailed, TaskHandler, TaskState, TaskStopped, task
from fairque.errors import FairqueError
from fairque.worker import slot
from tests.waiting import wait_until
from tests.worker.stage import House, add, gates

doors: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""A thread that waits for one of these is in C: nothing raised in it arrives before it has got in."""


@task(timeout=0.1, max_retries=1, retry_backoff=Backoff(base=0))
def stuck(name: str, who: str) -> str:
    gates[name].came.append(who)
    with doors[name]:
        return who


@pytest.fixture
def door(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Lock]:
    """Give the closed door of this test's tasks; it is opened at the end."""
    monkeypatch.setattr(slot, "GRACE", (0.1, 0.1))
    door = doors[house.name]
    door.acquire()
    yield door
    if door.locked():
        door.release()


class Told(TaskHandler):
    """Notes which hooks were called."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_task_timeout(self, task: Task[Any]) -> None:
        self.told.append(f"timeout {task.attempt}")

    def on_task_retry(self, task: Task[Any], error: BaseException) -> None:
        self.told.append(f"retry {task.attempt} {type(error).__name__}")

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:
        self.told.append(f"failure {task.attempt} {type(error).__name__}")

    def on_task_success(self, task: Task[Any], result: Any) -> None:  # noqa: ARG002 - the shape of the hook
        self.told.append(f"success {task.attempt}")


@pytest.mark.usefixtures("door")
def test_a_thread_in_c_that_cannot_be_interrupted_is_abandoned_and_the_worker_goes_on(house: House) -> None:
    handler = Told()
    house.started(max_concurrent_tasks=1, handler=handler)
    handle = house.queue.push(stuck(house.name, "x"), user_id="user:1")
    with pytest.raises(TaskFailed, match=r"TaskTimeout: ran for longer than its timeout of 0\.1 s; its thread did not"):
        handle.result(timeout=20)
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    assert house.gate.came == ["x", "x"]
    assert handler.told[:4] == ["timeout 1", "retry 1 TaskTimeout", "timeout 2", "failure 2 TaskTimeout"]
    wait_until(lambda: house.queue.workers()[0]["abandoned"] == 2, description="both threads are counted")


def test_what_an_abandoned_thread_returns_later_is_dropped(house: House, door: threading.Lock) -> None:
    handler = Told()
    house.started(max_concurrent_tasks=1, handler=handler)
    handle = house.queue.push(stuck(house.name, "x").with_(max_retries=0), user_id="user:1")
    with pytest.raises(TaskFailed):
        handle.result(timeout=20)
    door.release()
    wait_until(lambda: house.queue.workers()[0]["abandoned"] == 0, description="the thread has come back and ended")
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    assert (handle.state(), house.queue.get_stats()["finished_total"]) == (TaskState.FAILED, 1)
    assert handler.told == ["timeout 1", "failure 1 TaskTimeout", "success 1"]


@pytest.mark.usefixtures("door")
def test_beyond_the_bound_a_lost_slot_is_not_replaced(house: House) -> None:
    house.started(max_concurrent_tasks=2, max_abandoned_threads=0)
    with pytest.raises(TaskFailed):
        house.queue.push(stuck(house.name, "x").with_(max_retries=0), user_id="user:1").result(timeout=20)
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    wait_until(lambda: house.queue.workers()[0]["slots"] == 1, description="it is seen to have a slot less")


@pytest.mark.usefixtures("door")
def test_a_worker_without_slots_says_so_and_ends(house: House, caplog: pytest.LogCaptureFixture) -> None:
    worker = house.worker(max_concurrent_tasks=1, max_abandoned_threads=0)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            worker.run()
        except FairqueError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    handle = house.queue.push(stuck(house.name, "x").with_(max_retries=0), user_id="user:1")
    with pytest.raises(TaskFailed, match="TaskTimeout"):
        handle.result(timeout=20)
    thread.join(20)
    assert [str(error) for error in ended] == ["worker w1 has ended: all its threads are stuck in tasks"]
    assert "all its threads are stuck in tasks that do not end" in caplog.text
    assert house.queue.workers() == []


@pytest.mark.usefixtures("door")
def test_a_canceled_thread_that_cannot_be_interrupted_is_left_alone_until_its_timeout(house: House) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(stuck(house.name, "x").with_(timeout=3.0), user_id="user:1")
    house.gate.wait_for(1)
    assert handle.cancel()
    wait_until(lambda: handle.state() is TaskState.CANCELED, description="its timeout has ended it", timeout=20)
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    assert house.gate.came == ["x"]


def test_a_canceled_thread_that_returns_all_the_same_has_finished(house: House, door: threading.Lock) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(return_all_the_same(house.name), user_id="user:1")
    house.gate.wait_for(1)
    assert handle.cancel()
    wait_until(lambda: "stopped" in house.gate.came, description="the run was interrupted")
    door.release()
    assert handle.result(timeout=10) == "all the same"


@task
def return_all_the_same(name: str) -> str:
    gates[name].came.append("begun")
    try:
        wait_until(lambda: False, description="it is interrupted", timeout=20)
    except TaskStopped:
        gates[name].came.append("stopped")
    with doors[name]:
        return "all the same"


@pytest.mark.usefixtures("door")
def test_every_record_about_a_task_says_which(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(stuck(house.name, "a secret").with_(max_retries=0), user_id="user:1")
    with pytest.raises(TaskFailed):
        handle.result(timeout=20)
    about = [record for record in caplog.records if handle.task_id in record.getMessage()]
    assert {record.levelname for record in about} == {"ERROR", "WARNING"}
    for record in about:
        found = [getattr(record, name) for name in ("task_id", "user_id", "attempt", "task")]
        assert found == [handle.task_id, "user:1", 1, "tests.worker.test_abandoned:stuck"]
        assert "secret" not in str(record.__dict__)
