"""Canceling: what waits ends at once, what runs is asked to stop; nobody reaches what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from fairque import TaskQueue, TaskState
from fairque.errors import BacklogFull, StaleLease, TaskCanceled, TaskValidationError
from tests.contract.conftest import Lossy, Make
from tests.contract.hands import WAITING, Waiter, brought_to, counted, pop
from tests.contract.jobs import echo
from tests.waiting import wait_until

# --- canceling what waits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", WAITING)
def test_what_waits_is_canceled_at_once_and_only_once(queue: TaskQueue, state: str) -> None:
    handle = brought_to(queue, state)
    assert [handle.cancel(), handle.cancel(), queue.cancel(handle.task_id)] == [True] * 3
    assert handle.state() is TaskState.CANCELED
    with pytest.raises(TaskCanceled, match="canceled: the task was canceled") as caught:
        handle.result(timeout=0)
    failure: Any = caught.value.failure
    assert failure.type == "canceled"
    found = queue.get_task(handle.task_id)
    assert found is not None
    assert (found.args, found.failure, found.ended_at is not None) == ((1,), failure, True)
    assert queue.pop() is None
    assert counted(queue) == (0, 0, 0, 0)
    assert queue.get_stats()["canceled_total"] == 1


def test_a_waiter_hears_at_once_that_its_task_was_canceled(make: Make, redis_client: redis.Redis, prefix: str) -> None:
    queue, other = make(), make()
    handle = queue.push(echo(1), user_id="u")
    waiter = Waiter(queue, handle.task_id)
    key = f"{{{prefix}:default}}:queue:waiters"
    wait_until(lambda: redis_client.hlen(key), description="the waiter is listed")
    assert other.cancel(handle.task_id)
    assert waiter.join() < 1
    assert isinstance(waiter.outcome, TaskCanceled)


def test_the_others_of_its_user_go_on_in_their_order(queue: TaskQueue) -> None:
    handles = queue.push_batch([echo(n).with_(priority=6 if n == 3 else 3) for n in range(6)], user_id="u")
    assert all(handles[n].cancel() for n in (0, 3, 4))
    assert [task.args[0] for task in queue.pop_many(9)] == [1, 2, 5]


def test_a_user_whose_tasks_are_all_canceled_delays_nobody_and_is_served_when_it_returns(queue: TaskQueue) -> None:
    gone = queue.push_batch([echo(n) for n in range(3)], user_id="gone")
    queue.push_batch([echo(n) for n in range(3)], user_id="there")
    assert all(handle.cancel() for handle in gone)
    assert [task.user_id for task in queue.pop_many(2)] == ["there", "there"]
    queue.push(echo(9), user_id="gone")
    assert {task.user_id for task in queue.pop_many(2)} == {"there", "gone"}


def test_tasks_deep_in_a_lane_are_canceled_and_can_be_tried_again(queue: TaskQueue) -> None:
    handles = queue.push_batch([echo(n) for n in range(2_050)], user_id="u")
    gone = (5, 999, 1_000, 1_001, 2_049)
    assert all(handles[place].cancel() for place in gone)
    assert handles[1_000].retry()
    assert counted(queue)[0] == 2_046
    order: list[int] = []
    while popped := queue.pop_many(200):
        order += [task.args[0] for task in popped]
    assert order == [n for n in range(2_050) if n not in gone] + [1_000]


@pytest.mark.parametrize("cap", ["user", "task", "paused"])
def test_what_a_cap_keeps_waiting_is_canceled_too(queue: TaskQueue, cap: str) -> None:
    if cap == "paused":
        queue.pause("u")
    elif cap == "user":
        queue.set_user("u", max_concurrency=1)
    else:
        queue.set_limits(task="contract.echo", max_concurrency=1)
    handles = queue.push_batch([echo(n) for n in range(4)], user_id="u")
    running = queue.pop_many(4)
    assert len(running) == (cap != "paused")
    assert all(handle.cancel() for handle in handles[1:3])
    assert counted(queue)[0] == (2 if cap == "paused" else 1)
    for task in running:
        queue.finish(task)
    queue.resume("u")
    left = []
    while popped := queue.pop_many(4):
        left += [task.args[0] for task in popped]
        queue.finish(popped[0])
    assert left == ([0, 3] if cap == "paused" else [3])
    assert counted(queue)[0] == 0


def test_a_canceled_task_makes_room_in_a_full_backlog(queue: TaskQueue) -> None:
    queue.set_user("u", max_backlog=2)
    first, _ = (queue.push(echo(n).with_(delay=600 * n), user_id="u") for n in range(2))
    with pytest.raises(BacklogFull):
        queue.push(echo(2), user_id="u")
    assert first.cancel()
    assert queue.push(echo(2), user_id="u").created
    assert first.retry(), "what is tried again passes"


# --- canceling what runs --------------------------------------------------------------------------------------------


def settled(queue: TaskQueue, way: str) -> None:
    """End the run of the one task there is."""
    task = pop(queue)
    assert queue.cancel(task.task_id or "", user_id="u")
    assert queue.cancel(task.task_id or "", user_id="u"), "asked again"
    found = queue.get_task(task.task_id or "", user_id="u")
    assert found is not None
    assert found.state is TaskState.STARTED
    if way == "lapse":
        wait_until(lambda: queue.pop() is None and not counted(queue)[1], description="its lease has lapsed")
        with pytest.raises(StaleLease):
            queue.finish(task)
        return
    queue.heartbeat(task)
    ways: dict[str, Callable[[], None]] = {
        "finish": lambda: queue.finish(task, "done"),
        "fail": lambda: queue.fail(task, "no"),
        "release": lambda: queue.release(task),
    }
    ways[way]()


@pytest.mark.parametrize("way", ["fail", "release", "lapse"])
def test_what_runs_ends_canceled_however_it_ends(queue: TaskQueue, way: str) -> None:
    handle = queue.push(echo(1), user_id="u")
    settled(queue, way)
    assert handle.state() is TaskState.CANCELED
    assert counted(queue) == (0, 0, 0, 0)
    assert queue.get_stats()["canceled_total"] == 1


def test_what_is_done_all_the_same_is_finished(queue: TaskQueue) -> None:
    handle = queue.push(echo(1), user_id="u")
    settled(queue, "finish")
    assert handle.result(timeout=0) == "done"
    assert handle.cancel() is False
    assert queue.get_stats()["canceled_total"] == 0


# --- canceling what cannot be ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_what_has_ended_is_not_canceled(queue: TaskQueue, state: str) -> None:
    handle = brought_to(queue, state)
    assert handle.cancel() is False
    assert handle.state() == state


def test_what_nobody_knows_is_not_canceled_or_tried_again(make: Make) -> None:
    queue = make()
    handle = queue.push(echo(1).with_(task_id="x"), user_id="u")
    elsewhere = make(name="other")
    for verb in (queue.cancel, queue.retry):
        assert verb("0190a3c2-0000-7000-8000-000000000000") is False
        assert verb("x") is False, "a chosen id needs its user"
    assert elsewhere.cancel("x", user_id="u") is False
    assert queue.delete_task("x", user_id="u")
    assert (handle.cancel(), handle.retry()) == (False, False)


@pytest.mark.parametrize("task_id", [None, "extract"])
@pytest.mark.parametrize("state", ["queued", "failed"])
def test_nobody_reaches_another_users_task_by_its_id(queue: TaskQueue, task_id: str | None, state: str) -> None:
    """I23."""
    handle = brought_to(queue, state, task_id=task_id)
    for user in ("v", "U", "u|", "u%7C"):
        assert queue.cancel(handle.task_id, user_id=user) is False
        assert queue.retry(handle.task_id, user_id=user) is False
    assert handle.state() == state
    if task_id is not None:
        other = queue.push(echo(2).with_(task_id=task_id), user_id="v")
        assert queue.cancel(task_id, user_id="v")
        assert (other.state(), handle.state()) == (TaskState.CANCELED, TaskState(state))


@pytest.mark.parametrize("arguments", [("",), ("a\nb",), (3,), ("x" * 257,), ("x", "*"), ("x", ""), ("x", 3)])
def test_ids_that_cannot_be_are_refused(queue: TaskQueue, arguments: tuple[Any, ...]) -> None:
    task_id, user_id = (*arguments, None)[:2]
    for verb in (queue.cancel, queue.retry):
        with pytest.raises(TaskValidationError, match="_id: "):
            verb(task_id, user_id=user_id)


# --- replies lost ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["queued", "scheduled", "started", "failed", "canceled"])
def test_a_cancel_whose_reply_is_lost_acts_once(far: TaskQueue, queue: TaskQueue, lossy: Lossy, state: str) -> None:
    """I3."""
    handle = brought_to(queue, state)
    assert lossy(lambda: far.cancel(handle.task_id, user_id="u")) is (state != "failed")
    assert handle.state() == (state if state in {"started", "failed"} else "canceled")
    assert queue.get_stats()["canceled_total"] == (state not in {"started", "failed"})
