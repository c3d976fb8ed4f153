"""`expires_in`: a task that has not started by then is canceled; one that has started is not."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from fairque import Backoff, TaskHandle, TaskQueue, TaskState
from fairque.errors import TaskCanceled, TaskValidationError
from tests.contract.conftest import Make
from tests.contract.hands import Waiter, counted, pop
from tests.contract.jobs import echo
from tests.waiting import wait_until

SOON = 0.15  # seconds


def expired(queue: TaskQueue, handle: TaskHandle[Any]) -> None:
    """Wait until the task is canceled; nothing is handed out meanwhile."""
    wait_until(lambda: queue.pop() is None and handle.state() is TaskState.CANCELED, description="the task has expired")


@pytest.mark.parametrize("delay", [0, 0.05, 600])
def test_a_task_that_has_not_started_by_then_is_canceled(queue: TaskQueue, delay: float) -> None:
    queue.pause()
    handle = queue.push(echo(1).with_(expires_in=SOON, delay=delay), user_id="u")
    assert handle.state() is (TaskState.SCHEDULED if delay else TaskState.QUEUED)
    expired(queue, handle)
    with pytest.raises(TaskCanceled, match="expired: the task had not started in the time") as caught:
        handle.result(timeout=0)
    failure: Any = caught.value.failure
    assert failure.type == "expired"
    assert counted(queue) == (0, 0, 0, 0)
    assert queue.get_stats()["canceled_total"] == 1
    queue.resume()
    assert queue.pop() is None


def test_a_run_outlives_the_instant_and_so_do_its_retry_and_its_loss(queue: TaskQueue) -> None:
    handle = queue.push(echo(1).with_(expires_in=0.3, retry_backoff=Backoff.fixed(0.4)), user_id="u")
    queue.fail(pop(queue), "no")
    assert handle.state() is TaskState.SCHEDULED
    task = pop(queue, timeout=5)
    assert task.failures == 1
    lost = pop(queue, timeout=5)
    assert lost.lost == 1
    queue.finish(lost, "done")
    assert handle.result(timeout=0) == "done"


def test_what_is_given_back_may_still_expire_if_it_never_ran(queue: TaskQueue) -> None:
    handle = queue.push(echo(1).with_(expires_in=SOON), user_id="u")
    task = pop(queue)
    queue.pause("u")
    queue.release(task)
    expired(queue, handle)


@pytest.mark.parametrize("held_by", ["user", "task"])
def test_what_a_cap_holds_expires_and_its_place_is_forgotten(queue: TaskQueue, held_by: str) -> None:
    if held_by == "user":
        queue.set_user("u", max_concurrency=1)
    else:
        queue.set_limits(task="contract.echo", max_concurrency=1)
    queue.push(echo(0), user_id="u")
    handle = queue.push(echo(1).with_(expires_in=SOON), user_id="u")
    last = queue.push(echo(2), user_id="u")
    running = pop(queue)

    def is_over() -> bool:
        queue.heartbeat(running)
        assert queue.pop() is None
        return handle.state() is TaskState.CANCELED

    wait_until(is_over, description="the task has expired while another ran")
    assert counted(queue) == (1, 1, 0, 0)
    queue.finish(running)
    assert pop(queue).task_id == last.task_id


def test_a_waiter_hears_that_its_task_has_expired(make: Make, redis_client: redis.Redis, prefix: str) -> None:
    queue, other = make(), make()
    handle = queue.push(echo(1).with_(expires_in=1), user_id="u")
    waiter = Waiter(queue, handle.task_id)
    key = f"{{{prefix}:default}}:queue:waiters"
    wait_until(lambda: redis_client.hlen(key), description="the waiter is listed")
    other.pause()
    expired(other, handle)
    assert waiter.join() < 1
    assert isinstance(waiter.outcome, TaskCanceled)


def test_an_expired_task_can_be_tried_again_without_a_limit_or_pushed_anew(queue: TaskQueue) -> None:
    queue.pause()
    handle = queue.push(echo(1).with_(expires_in=0.001, task_id="x"), user_id="u")
    expired(queue, handle)
    assert handle.retry()
    assert queue.pop() is None
    assert handle.state() is TaskState.QUEUED
    assert handle.cancel()
    new = queue.push(echo(2).with_(expires_in=600, task_id="x"), user_id="u")
    assert new.created
    queue.resume()
    assert pop(queue).args == (2,)


def test_a_user_whose_tasks_have_expired_takes_no_turn(queue: TaskQueue) -> None:
    queue.pause()
    late = queue.push_batch([echo(n).with_(expires_in=0.001) for n in range(150)], user_id="late")
    for user in ("a", "b"):
        queue.push_batch([echo(n) for n in range(3)], user_id=user)
    expired(queue, late[-1])
    assert {handle.state() for handle in late} == {TaskState.CANCELED}
    queue.push(echo(0), user_id="late")
    queue.resume()
    popped = queue.pop_many(20)
    assert sorted(task.user_id or "" for task in popped[:3]) == ["a", "b", "late"]
    assert len(popped) == 7


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "1", 10**400])
def test_a_time_that_cannot_be_is_refused(seconds: Any) -> None:
    with pytest.raises(TaskValidationError, match="expires_in: "):
        echo(1).with_(expires_in=seconds)
