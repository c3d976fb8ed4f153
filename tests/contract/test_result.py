"""Waiting for results, deleting, and what the totals say."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fairque import TaskQueue, TaskState
from fairque.errors import ResultTimeout, TaskFailed, TaskRunning, UnknownTask
from tests.contract.conftest import Make
from tests.contract.hands import Waiter, pop
from tests.contract.jobs import echo
from tests.waiting import wait_until

STATS = {
    "queue", "users", "workers", "queued", "started", "deferred", "scheduled", "finished_total", "failed_total",
    "canceled_total", "retried_total", "lost_total", "failed",
}  # fmt: skip


# --- results --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, -1, 0.15])
def test_a_result_that_does_not_come_in_time_is_a_timeout_and_leaves_nothing_behind(
    queue: TaskQueue, redis_client: Any, prefix: str, timeout: float
) -> None:
    handle = queue.push(echo(1), user_id="u")
    began = time.monotonic()
    with pytest.raises(ResultTimeout, match="it is queued") as caught:
        handle.result(timeout=timeout)
    assert isinstance(caught.value, TimeoutError)
    assert max(timeout, 0) <= time.monotonic() - began < 1
    assert list(redis_client.scan_iter(match=f"*{prefix}*waiters*")) == []


@pytest.mark.parametrize("timeout", [20, None])
def test_a_waiter_is_woken_when_the_task_ends(
    make: Make, redis_client: Any, prefix: str, timeout: float | None
) -> None:
    queue, other = make(), make()
    handle = queue.push(echo(1), user_id="u")
    waiters = [Waiter(queue, handle.task_id, timeout) for _ in range(3)]
    task = pop(other)
    key = f"{{{prefix}:default}}:queue:waiters"
    wait_until(lambda: [n.count(b",") for n in redis_client.hvals(key)] == [2], description="three waiters are listed")
    other.finish(task, "done")
    assert max(waiter.join() for waiter in waiters) < 1
    assert [waiter.outcome for waiter in waiters] == ["done"] * 3
    assert redis_client.hlen(key) == 0


def test_a_waiter_is_woken_by_a_failure_and_by_a_deletion(make: Make, redis_client: Any, prefix: str) -> None:
    queue, other = make(), make()
    doomed, gone = (queue.push(echo(n).with_(max_retries=0), user_id="u") for n in range(2))
    task = pop(other)
    waiters = [Waiter(queue, handle.task_id) for handle in (doomed, gone)]
    key = f"{{{prefix}:default}}:queue:waiters"
    wait_until(lambda: redis_client.hlen(key) == 2, description="both waiters are listed")
    other.fail(task, "no")
    assert other.delete_task(gone.task_id)
    assert max(waiter.join() for waiter in waiters) < 1
    assert [type(waiter.outcome) for waiter in waiters] == [TaskFailed, UnknownTask]


def test_a_result_is_there_for_whoever_asks_later_and_more_than_once(make: Make) -> None:
    handle = make().push(echo(1), user_id="u")
    queue = make()
    queue.finish(pop(queue), {"a": [1, None]})
    assert [queue.get_result(handle.task_id, timeout=0) for _ in range(2)] == [{"a": [1, None]}] * 2
    assert handle.result() == {"a": [1, None]}
    found = queue.get_task(handle.task_id)
    assert found is not None
    assert (found.state, found.result, found.name) == (TaskState.FINISHED, b'{"a":[1,null]}', "contract.echo")
    assert found.ended_at is not None


def test_a_task_that_returns_nothing_has_the_result_none(queue: TaskQueue) -> None:
    handle = queue.push(echo(1), user_id="u")
    queue.finish(pop(queue))
    assert handle.result(timeout=0) is None


# --- deleting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["queued", "scheduled", "finished", "failed"])
def test_a_task_that_does_not_run_is_deleted_whatever_its_state(queue: TaskQueue, state: str) -> None:
    handle = queue.push(echo(1).with_(delay=60 if state == "scheduled" else 0, max_retries=0), user_id="u")
    if state == "finished":
        queue.finish(pop(queue))
    if state == "failed":
        queue.fail(pop(queue), "no")
    assert handle.state() == state
    assert queue.delete_task(handle.task_id) is True
    assert queue.delete_task(handle.task_id) is False
    with pytest.raises(UnknownTask):
        handle.state()
    assert queue.get_queue_sizes("u") == dict.fromkeys(queue.get_queue_sizes("u"), 0)
    stats = queue.get_stats()
    assert (stats["users"], stats["queued"], stats["scheduled"], stats["failed"]) == (0, 0, 0, 0)
    assert queue.pop() is None


def test_a_running_task_is_not_deleted(queue: TaskQueue) -> None:
    handle = queue.push(echo(1).with_(task_id="x"), user_id="u")
    task = pop(queue)
    with pytest.raises(TaskRunning):
        queue.delete_task("x", user_id="u")
    queue.finish(task, "done")
    assert handle.result(timeout=0) == "done"


def test_a_task_deep_in_a_lane_is_deleted(queue: TaskQueue) -> None:
    handles = queue.push_batch([echo(n) for n in range(2_050)], user_id="u")
    gone = {5, 999, 1_000, 1_001, 2_049}
    assert all(queue.delete_task(handles[place].task_id) for place in gone)
    assert queue.get_queue_sizes("u")["queued"] == 2_045
    order: list[int] = []
    while popped := queue.pop_many(200):
        order += [task.args[0] for task in popped]
    assert order == [n for n in range(2_050) if n not in gone]


# --- totals ---------------------------------------------------------------------------------------------------------


def test_the_totals_have_the_names_of_the_contract_and_count_every_state(queue: TaskQueue) -> None:
    assert dict(queue.get_stats()) == dict.fromkeys(STATS, 0) | {"queue": "default"}
    queue.push_batch([echo(n).with_(max_retries=0) for n in range(6)], user_id="a")
    queue.push(echo(0).with_(delay=60, priority=6), user_id="b")
    queue.push(echo(0).with_(max_retries=0, priority=6), user_id="b")
    done, dead, _ = queue.pop_many(3)
    queue.finish(done)
    queue.fail(dead, "no")
    stats = queue.get_stats()
    assert set(stats) == STATS
    counted = ("users", "queued", "started", "scheduled", "finished_total", "failed_total", "failed", "deferred")
    assert [stats[name] for name in counted] == [2, 4, 1, 1, 1, 1, 1, 0]  # type: ignore[literal-required]
    sizes = queue.get_queue_sizes("a")
    assert set(sizes) == {"queued", "critical", "started", "deferred", "scheduled", "failed"}
    assert sum(queue.get_queue_sizes(user)["failed"] for user in ("a", "b")) == 1
    assert queue.users() == {user: queue.get_queue_sizes(user) for user in ("a", "b")}
    assert {done.user_id, dead.user_id} == {"a", "b"}


def test_retries_and_lost_runs_are_totals_of_their_own(queue: TaskQueue) -> None:
    queue.push(echo(1).with_(retry_backoff=0.01, max_retries=1), user_id="u")
    queue.fail(pop(queue), "no")
    task = queue.pop(timeout=2)
    assert task is not None
    assert queue.pop(timeout=3) is not None
    stats = queue.get_stats()
    assert (stats["retried_total"], stats["lost_total"], stats["failed_total"]) == (1, 1, 0)


def test_an_unknown_user_has_nothing(queue: TaskQueue) -> None:
    assert set(queue.get_queue_sizes("nobody").values()) == {0}
    assert queue.users() == {}


def test_hundreds_of_users_are_all_listed(queue: TaskQueue) -> None:
    queue.push_batch([echo(n).with_(user_id=f"user:{n}") for n in range(1_300)])
    found = queue.users()
    assert set(found) == {f"user:{n}" for n in range(1_300)}
    assert {sizes["queued"] for sizes in found.values()} == {1}
    assert queue.get_stats()["users"] == 1_300
