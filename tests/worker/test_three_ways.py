"""Threads, coroutines and child processes: whatever a run does or is done to, it ends alike on all three."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairque import TaskFailed, TaskState
from fairque.core.outcome import Failure
from tests.waiting import wait_until
from tests.worker.stage import House, add
from tests.worker.three_ways import AT_ONCE, WAYS, Wall, asked, is_alive

pytestmark = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def wall(house: House) -> Iterator[Wall]:
    made = Wall(house.url, house.name)
    yield made
    made.close()


def assert_serves_on(house: House) -> None:
    assert house.queue.push(add(1, 1), user_id="user:2").result(timeout=10) == 2


def test_it_returns(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    assert house.queue.push(asked(way, house.url, house.name, "return")).result(timeout=20) == 1


def test_it_raises_and_tells_where(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(asked(way, house.url, house.name, "raise", max_retries=0))
    with pytest.raises(TaskFailed, match="ValueError: as asked") as caught:
        handle.result(timeout=20)
    assert isinstance(caught.value.failure, Failure)
    assert "in _end" in caught.value.failure.traceback
    assert_serves_on(house)


def test_it_asks_for_another_attempt(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    assert house.queue.push(asked(way, house.url, house.name, "retry")).result(timeout=20) == 3
    assert house.queue.get_stats()["retried_total"] == 2


@pytest.mark.parametrize("names", [(), (KeyError,)], ids=["none", "others"])
def test_errors_that_are_not_worth_a_retry_fail_it_at_once(
    house: House, wall: Wall, way: str, names: tuple[type[BaseException], ...]
) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(asked(way, house.url, house.name, "raise", retry_on=names))
    with pytest.raises(TaskFailed, match="ValueError"):
        handle.result(timeout=20)
    assert wall.read().count("begun 1") == 1
    assert house.queue.get_stats()["retried_total"] == 0


def test_its_timeout_ends_it_and_spends_a_retry(house: House, wall: Wall, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    terms = {"timeout": 0.2, "max_retries": 1, "retry_backoff": AT_ONCE}
    handle = house.queue.push(asked(way, house.url, house.name, "hang", **terms))
    with pytest.raises(TaskFailed, match=r"TaskTimeout: ran for longer than its timeout of 0\.2 s"):
        handle.result(timeout=20)
    expected = {"thread": ["TaskTimeout"] * 2, "coroutine": ["CancelledError"] * 2, "process": []}
    assert [word for word in wall.read() if word.endswith("Timeout") or word.endswith("Error")] == expected[way]
    assert ("begun 1" in wall.read(), "begun 2" in wall.read(), "begun 3" in wall.read()) == (True, True, False)
    assert way != "process" or not any(is_alive(pid) for pid in wall.pids())
    assert house.queue.workers()[0]["abandoned"] == 0
    assert_serves_on(house)


def test_the_workers_timeout_is_for_tasks_that_have_none(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1, task_timeout_seconds=0.2)
    handle = house.queue.push(asked(way, house.url, house.name, "hang", max_retries=0))
    with pytest.raises(TaskFailed, match=r"TaskTimeout: ran for longer than its timeout of 0\.2 s"):
        handle.result(timeout=20)


def test_a_cancel_ends_it_while_it_runs(house: House, wall: Wall, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    handle = house.queue.push(asked(way, house.url, house.name, "hang"))
    wall.wait_for("begun 1")
    assert handle.cancel()
    wait_until(lambda: handle.state() is TaskState.CANCELED, description="the task is canceled")
    expected = {"thread": ["TaskStopped"], "coroutine": ["CancelledError"], "process": []}
    assert [word for word in wall.read() if word in {"TaskStopped", "CancelledError"}] == expected[way]
    assert way != "process" or not any(is_alive(pid) for pid in wall.pids())
    assert_serves_on(house)
    stats = house.queue.get_stats()
    assert (stats["canceled_total"], stats["retried_total"], stats["failed_total"]) == (1, 0, 0)


def test_what_does_not_end_before_the_worker_does_is_given_back_in_place(house: House, wall: Wall, way: str) -> None:
    first = house.queue.push(asked(way, house.url, house.name, "hang"))
    second = house.queue.push(asked(way, house.url, house.name, "return"))
    worker = house.started(max_concurrent_tasks=1)
    wall.wait_for("begun 1")
    worker.stop(0)
    assert (first.state(), second.state()) == (TaskState.QUEUED, TaskState.QUEUED)
    found = house.queue.get_task(first.task_id)
    assert found is not None
    assert (found.attempt, found.failures, found.lost) == (1, 0, 0)
    wall.wait_for({"thread": "told", "coroutine": "CancelledError", "process": "begun 1"}[way])
    if way == "process":
        wait_until(lambda: not is_alive(wall.pids()[0]), description="the child process is gone")
    assert house.queue.get_stats()["retried_total"] == 0
    assert [task.task_id for task in house.queue.pop_many(2)] == [first.task_id, second.task_id]


def test_what_is_running_may_end_before_the_worker_does(house: House, wall: Wall, way: str) -> None:
    handle = house.queue.push(asked(way, house.url, house.name, "linger"))
    worker = house.started(max_concurrent_tasks=1)
    wall.wait_for("begun 1")
    worker.stop(15)
    assert handle.result(timeout=0) == 1
