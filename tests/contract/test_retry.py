"""Trying again what ended badly, the incarnations of an id, and progress: what a handle stands for."""

from __future__ import annotations

from typing import Any

import pytest

from fairque import FairQueueConfig, TaskHandle, TaskQueue, TaskState
from fairque.core.ids import encode_id
from fairque.core.outcome import Progress
from fairque.errors import TaskReplaced, TaskRunning, UnknownTask
from fairque.store import progress, tasks
from fairque.store.driver import Driver
from tests.contract.conftest import Lossy
from tests.contract.hands import ENDED, WAITING, brought_to, counted, pop
from tests.contract.jobs import echo

# --- incarnations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ENDED)
@pytest.mark.parametrize("state", ["queued", "started", "failed", "canceled"])
def test_a_handle_to_an_earlier_task_of_an_id_leaves_the_later_one_alone(
    queue: TaskQueue, ended: str, state: str
) -> None:
    old = brought_to(queue, ended, task_id="x")
    new = brought_to(queue, state, task_id="x")
    assert new.created, "what has ended can be pushed anew"
    for verb in ("cancel", "retry", "state", "progress"):
        with pytest.raises(TaskReplaced):
            getattr(old, verb)()
    assert new.state() == state
    if state == "started":
        assert queue.cancel("x", user_id="u")
        with pytest.raises(TaskRunning):
            queue.delete_task("x", user_id="u")


# --- trying again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_what_ended_badly_is_queued_again_with_its_retries_unspent(queue: TaskQueue, state: str) -> None:
    handle = brought_to(queue, state)
    other = queue.push(echo(2), user_id="u")
    assert (handle.retry(), handle.retry()) == (True, False)
    assert handle.state() is TaskState.QUEUED
    assert counted(queue) == (2, 0, 0, 0)
    popped = queue.pop_many(2)
    assert [task.task_id for task in popped] == [other.task_id, handle.task_id], "it joins its level anew"
    assert (popped[1].args, popped[1].failures, popped[1].lost) == ((1,), 0, 0)
    assert popped[1].attempt == 1 + (state == "failed"), "attempts are never counted twice"
    queue.finish(popped[1], "at last")
    assert handle.result(timeout=0) == "at last"


@pytest.mark.parametrize("state", [*WAITING, "started", "finished"])
def test_what_did_not_end_badly_is_not_queued_again(queue: TaskQueue, state: str) -> None:
    handle = brought_to(queue, state)
    before = counted(queue)
    assert handle.retry() is False
    assert queue.retry(handle.task_id) is False
    assert counted(queue) == before


def test_a_task_can_be_canceled_and_tried_again_any_number_of_times(queue: TaskQueue) -> None:
    handle = queue.push(echo(1).with_(priority=6), user_id="u")
    for _ in range(5):
        assert handle.cancel()
        assert handle.retry()
    assert queue.get_queue_sizes("u")["critical"] == 1
    queue.finish(pop(queue), 1)
    assert (handle.result(timeout=0), queue.get_stats()["canceled_total"], queue.pop()) == (1, 5, None)


# --- progress -------------------------------------------------------------------------------------------------------


def test_a_handle_tells_how_far_the_run_has_come(queue: TaskQueue, config: FairQueueConfig, prefix: str) -> None:
    handle: TaskHandle[Any] = queue.push(echo(1).with_(retry_backoff=0), user_id="u:1")
    assert handle.progress() is None
    task = pop(queue)
    assert handle.progress() is None
    assert task.lease is not None
    member = f"{encode_id('u:1')}|{encode_id(handle.task_id)}".encode()
    driver = Driver(config.redis)
    report = progress.Report(member, task.lease.token.encode(), Progress(42.5, "half way"))
    assert driver.run(progress.report(tasks.root_of(prefix, "default"), [report])) == [True]
    assert handle.progress() == Progress(42.5, "half way")
    queue.fail(task, "no")
    assert handle.progress() is None, "the next run begins at nothing"
    assert driver.run(progress.report(tasks.root_of(prefix, "default"), [report])) == [False]
    driver.close()
    assert handle.progress() is None
    queue.delete_task(handle.task_id)
    with pytest.raises(UnknownTask):
        handle.progress()


# --- replies lost ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "canceled", "finished"])
def test_a_retry_whose_reply_is_lost_queues_one_task(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, state: str
) -> None:
    """I3."""
    handle = brought_to(queue, state)
    assert lossy(lambda: far.retry(handle.task_id, user_id="u")) is (state != "finished")
    assert counted(queue) == (int(state != "finished"), 0, 0, 0)
    assert len(queue.pop_many(5)) == (state != "finished")
