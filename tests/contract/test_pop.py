"""Consuming by hand: leases, settling, retries, and what becomes of a lease that lapsed."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from fairque import Backoff, FairQueueConfig, Task, TaskQueue, TaskState
from fairque.core.settings import FairnessSettings
from fairque.errors import StaleLease, TaskFailed, TaskValidationError
from tests.contract.conftest import Make
from tests.contract.hands import pop, settlings
from tests.contract.jobs import add, echo
from tests.waiting import wait_until


def raised(message: str) -> ValueError:
    """Return an error that has been raised, with its traceback."""
    with pytest.raises(ValueError, match=message) as caught:
        raise ValueError(message)
    return caught.value


# --- popping --------------------------------------------------------------------------------------------------------


def test_pop_gives_nothing_where_there_is_nothing(queue: TaskQueue) -> None:
    began = time.monotonic()
    assert queue.pop() is None
    assert queue.pop_many(5) == []
    assert queue.pop(timeout=0.2) is None
    assert 0.2 <= time.monotonic() - began < 1.5


def test_pop_many_gives_up_to_so_many_each_with_a_lease_of_its_own(queue: TaskQueue) -> None:
    queue.push_batch([echo(n) for n in range(5)], user_id="u")
    popped = queue.pop_many(3)
    assert [task.args for task in popped] == [(0,), (1,), (2,)]
    assert len({task.lease.token for task in popped if task.lease}) == 3
    assert len(queue.pop_many(200)) == 2


@pytest.mark.parametrize("count", [0, -1, 10_001, True, 1.0, "1", None])
def test_a_count_that_is_not_within_bounds_is_refused(queue: TaskQueue, count: Any) -> None:
    with pytest.raises(TaskValidationError, match="count: expected an int from 1 to 10000"):
        queue.pop_many(count)


def test_a_waiting_pop_is_woken_by_a_push(make: Make) -> None:
    popper, pusher = make(), make()
    got: list[Task[Any] | None] = []
    thread = threading.Thread(target=lambda: got.append(popper.pop(timeout=10)))
    thread.start()
    wait_until(lambda: popper.get_stats() and thread.is_alive(), description="the popper waits")
    began = time.monotonic()
    pusher.push(echo(1), user_id="u")
    thread.join(5)
    assert got
    assert got[0] is not None
    assert time.monotonic() - began < 1


def test_a_task_of_a_function_that_this_process_does_not_know_is_popped_without_it(queue: TaskQueue) -> None:
    unknown: Task[Any] = Task(
        name="no.such:thing", user_id="u", args=(1,), encode=lambda _: b"no.such:thing|[[1],{},{}]"
    )
    queue.push(unknown)
    task = pop(queue)
    assert (task.name, task.function, task.args) == ("no.such:thing", None, (1,))
    with pytest.raises(TaskValidationError, match=r"no\.such:thing: has no function in this process"):
        task()


# --- settling -------------------------------------------------------------------------------------------------------


def test_a_released_task_comes_back_in_its_place_without_a_retry_spent(queue: TaskQueue) -> None:
    first = queue.push(echo(1), user_id="u")
    queue.push(echo(2), user_id="u")
    queue.release(pop(queue))
    assert first.state() is TaskState.QUEUED
    again = pop(queue)
    assert (again.task_id, again.attempt, again.failures, again.lost) == (first.task_id, 2, 0, 0)


def test_a_task_fails_for_good_when_its_retries_are_used_up(queue: TaskQueue) -> None:
    handle = queue.push(add(1, 2).with_(max_retries=2, retry_backoff=Backoff(base=0.05, jitter=False)), user_id="u")
    for failures in range(3):
        task = pop(queue, timeout=3)
        assert (task.failures, task.attempt) == (failures, failures + 1)
        queue.fail(task, raised(f"no {failures}"))
        assert handle.state() is (TaskState.SCHEDULED if failures < 2 else TaskState.FAILED)
    assert queue.pop() is None
    with pytest.raises(TaskFailed, match="ValueError: no 2") as caught:
        handle.result(timeout=0)
    failure: Any = caught.value.failure
    assert (failure.type, failure.message) == ("ValueError", "no 2")
    assert "raise ValueError" in failure.traceback
    found = queue.get_task(handle.task_id)
    assert found is not None
    assert (found.state, found.failures, found.args, found.failure) == (TaskState.FAILED, 3, (1, 2), failure)


def test_a_retry_waits_for_its_backoff(queue: TaskQueue) -> None:
    queue.push(echo(1).with_(retry_backoff=Backoff(base=0.4, jitter=False)), user_id="u")
    queue.fail(pop(queue), ValueError())
    failed_at = time.monotonic()
    assert queue.pop() is None
    pop(queue, timeout=3)
    assert 0.35 <= time.monotonic() - failed_at < 1.4


def test_without_retries_the_first_failure_is_for_good(queue: TaskQueue) -> None:
    handle = queue.push(add(1, 2).with_(max_retries=0), user_id="u")
    queue.fail(pop(queue), "said in words")
    with pytest.raises(TaskFailed, match="said in words"):
        handle.result(timeout=0)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@pytest.mark.parametrize(
    "error", [ValueError("\udcff in a file's name"), Unspeakable(), ValueError("x" * 9_000_000), "x" * 9_000_000]
)
def test_an_error_that_is_hard_to_store_still_fails_the_task(queue: TaskQueue, error: BaseException | str) -> None:
    handle = queue.push(echo(1).with_(max_retries=0), user_id="u")
    queue.fail(pop(queue), error)
    assert handle.state() is TaskState.FAILED
    with pytest.raises(TaskFailed) as caught:
        handle.result(timeout=0)
    assert len(str(caught.value)) < 100_000


def test_a_result_that_cannot_be_stored_is_refused_and_the_lease_stays(queue: TaskQueue) -> None:
    handle = queue.push(echo(1), user_id="u")
    task = pop(queue)
    for result in (object(), float("nan"), "x" * 2_000_000):
        with pytest.raises(TaskValidationError, match="result: "):
            queue.finish(task, result)
    queue.finish(task, "fine")
    assert handle.result(timeout=0) == "fine"


def test_a_task_that_was_not_popped_cannot_be_settled(queue: TaskQueue) -> None:
    task = echo(1).with_(user_id="u", task_id="x")
    for settle in settlings(queue, task):
        with pytest.raises(TaskValidationError, match="was not popped"):
            settle()


# --- leases ---------------------------------------------------------------------------------------------------------


def test_a_run_is_settled_once(queue: TaskQueue) -> None:
    handle = queue.push(echo(1), user_id="u")
    task = pop(queue)
    queue.finish(task, "first")
    for settle in settlings(queue, task):
        with pytest.raises(StaleLease):
            settle()
    assert handle.result(timeout=0) == "first"


def test_a_lapsed_lease_is_granted_again_and_the_old_one_changes_nothing(queue: TaskQueue) -> None:
    handle = queue.push(echo(1), user_id="u")
    old = pop(queue)
    new = pop(queue, timeout=5)
    assert (new.task_id, new.attempt, new.lost, new.failures) == (old.task_id, 2, 1, 0)
    for settle in settlings(queue, old):
        with pytest.raises(StaleLease):
            settle()
    queue.finish(new, "new")
    assert (handle.result(timeout=0), queue.get_stats()["lost_total"]) == ("new", 1)


def test_a_heartbeat_keeps_the_lease(queue: TaskQueue) -> None:
    handle = queue.push(echo(1), user_id="u")
    task = pop(queue)
    until = time.monotonic() + 1.6

    def beaten() -> bool:
        queue.heartbeat(task)
        assert queue.pop() is None
        return time.monotonic() > until

    wait_until(beaten, description="a lease of one second was kept for longer")
    queue.finish(task, "done")
    assert handle.result(timeout=0) == "done"


# --- order ----------------------------------------------------------------------------------------------------------


def test_users_are_served_in_turn_however_much_one_has(queue: TaskQueue) -> None:
    queue.push_batch([echo(n) for n in range(300)], user_id="flood")
    queue.push_batch([echo(n) for n in range(3)], user_id="handful")
    assert [task.user_id for task in queue.pop_many(6)] == ["flood", "handful"] * 3


@pytest.mark.parametrize("aging", [60.0, float("inf")])
def test_priorities_order_a_users_tasks(make: Make, config: FairQueueConfig, aging: float) -> None:
    fair = FairQueueConfig(redis=config.redis, queue=config.queue, fairness=FairnessSettings(aging_seconds=aging))
    queue = make(config=fair)
    for priority in (1, 3, 5, 6, 4, 2):
        queue.push(echo(priority).with_(priority=priority), user_id="u")
    assert [task.args[0] for task in queue.pop_many(10)] == [6, 5, 4, 3, 2, 1]


def test_a_config_with_one_worker_says_whom_pop_serves(make: Make, config: FairQueueConfig) -> None:
    queue = make(config=config.with_worker(assigned_users=["a"], steal_targets=["b"]))
    for user in ("c", "b", "a"):
        queue.push(echo(user), user_id=user)
    assert [task.user_id for task in queue.pop_many(10)] == ["a", "b"]
