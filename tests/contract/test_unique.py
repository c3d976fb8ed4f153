"""Unique keys: of a key and user there is one task that has not ended; a clash answers that one."""

from __future__ import annotations

from typing import Any

import pytest

from fairque import TaskHandle, TaskQueue, TaskState
from fairque.errors import TaskConflict, TaskValidationError
from tests.contract.conftest import Lossy
from tests.contract.hands import ENDED, WAITING, brought_to, bury, counted, pop
from tests.contract.jobs import add, echo
from tests.waiting import wait_until

KEY = "order:7|{x} #1 é"


def again(queue: TaskQueue, user_id: str = "u", **options: Any) -> TaskHandle[Any]:
    """Push another task of the key."""
    return queue.push(echo("again").with_(unique_key=KEY, **options), user_id=user_id)


@pytest.mark.parametrize("state", [*WAITING, "started"])
@pytest.mark.parametrize("task_id", [None, "chosen"])
def test_a_clash_answers_the_living_task(queue: TaskQueue, state: str, task_id: str | None) -> None:
    first = brought_to(queue, state, unique_key=KEY, task_id=task_id)
    before = counted(queue)
    for options in ({}, {"task_id": "other"}, {"delay": 60}, {"priority": 6}):
        second = again(queue, **options)
        assert (second.created, second.task_id, second.user_id) == (False, first.task_id, "u")
        assert second.state() == first.state()
    assert counted(queue) == before
    assert queue.get_task("other", user_id="u") is None
    found = queue.get_task(first.task_id, user_id="u")
    assert found is not None
    assert (found.unique_key, found.args) == (KEY, (1,))
    assert again(queue, task_id=task_id).cancel()
    assert first.state() == ("started" if state == "started" else "canceled")


def test_the_handle_of_a_clash_waits_for_the_living_tasks_result(queue: TaskQueue) -> None:
    brought_to(queue, "queued", unique_key=KEY)
    second = again(queue)
    queue.finish(pop(queue), "of the first")
    assert second.result(timeout=0) == "of the first"


@pytest.mark.parametrize("ended", [*ENDED, "deleted", "purged", "expired"])
def test_the_key_is_free_when_its_task_has_ended(queue: TaskQueue, ended: str) -> None:
    if ended == "expired":
        queue.pause()
        first = queue.push(echo(1).with_(unique_key=KEY, expires_in=0.05), user_id="u")
        wait_until(lambda: queue.pop() or first.state() is TaskState.CANCELED, description="it has expired")
    else:
        state = {"deleted": "queued", "purged": "failed"}.get(ended, ended)
        first = brought_to(queue, state, unique_key=KEY)
    if ended == "deleted":
        assert queue.delete_task(first.task_id)
    if ended == "purged":
        assert queue.purge_failed() == 1
    assert again(queue).created
    assert not again(queue).created


def test_a_run_that_is_lost_or_given_back_keeps_the_key(queue: TaskQueue) -> None:
    queue.push(echo(1).with_(unique_key=KEY), user_id="u")
    queue.release(pop(queue))
    assert not again(queue).created
    pop(queue)
    lost = pop(queue, timeout=5)
    assert (lost.lost, again(queue).created) == (1, False)
    queue.finish(lost)
    assert again(queue).created


def test_keys_are_each_users_own_and_each_queues(queue: TaskQueue) -> None:
    """I23."""
    first = brought_to(queue, "queued", unique_key=KEY)
    other = again(queue, "v")
    assert other.created
    assert first.cancel()
    assert not again(queue, "v").created
    assert again(queue).created


def test_keys_that_are_not_equal_are_different(queue: TaskQueue) -> None:
    keys = ["a", "A", "a ", "a:b", "a|b", "#a", "a#", "0", "é", "e\u0301", "x" * 256]
    wanted = [key for key in keys if key.strip() == key]
    handles = [queue.push(echo(key).with_(unique_key=key), user_id="u") for key in wanted * 2]
    assert [handle.created for handle in handles] == [True] * len(wanted) + [False] * len(wanted)
    assert len({handle.task_id for handle in handles}) == len(wanted)
    assert queue.push(add(1, 2).with_(unique_key="a"), user_id="u").created is False, "whatever the task is"


@pytest.mark.parametrize("key", ["", " ", "a ", "a\nb", "a\0", "x" * 257, 3, b"a", True])
def test_a_key_that_cannot_be_is_refused(key: Any) -> None:
    with pytest.raises(TaskValidationError, match="unique_key: "):
        echo(1).with_(unique_key=key)


def test_in_a_batch_the_first_of_a_key_is_the_one(queue: TaskQueue) -> None:
    batch = [
        echo(n).with_(unique_key="k" if n % 2 else None, task_id="x" if n == 3 else None, user_id="u") for n in range(6)
    ]
    batch.append(echo(6).with_(unique_key="k", user_id="v"))
    handles = queue.push_batch(batch)
    assert [handle.created for handle in handles] == [True, True, True, False, True, False, True]
    assert handles[3].task_id == handles[5].task_id == handles[1].task_id
    assert sorted(task.args[0] for task in queue.pop_many(9)) == [0, 1, 2, 4, 6]
    assert handles[3].state() is TaskState.STARTED


# --- trying again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["failed", "canceled"])
def test_what_is_tried_again_takes_its_key_back_if_it_is_free(queue: TaskQueue, ended: str) -> None:
    first = brought_to(queue, ended, unique_key=KEY)
    assert first.retry()
    assert again(queue).task_id == first.task_id
    assert first.cancel()
    second = again(queue)
    assert second.created
    with pytest.raises(TaskConflict, match="another task has its unique key now"):
        first.retry()
    with pytest.raises(TaskConflict):
        queue.retry(first.task_id)
    assert first.state() is TaskState.CANCELED
    queue.finish(pop(queue))
    assert first.retry()


def test_dead_letters_whose_key_another_has_stay_and_of_two_with_one_key_one_goes(queue: TaskQueue) -> None:
    for number in range(3):
        bury(queue, [echo(number).with_(unique_key=KEY)])
    bury(queue, [echo(3)])
    assert queue.requeue_failed() == 2
    assert {task.args[0] for task in queue.failed().tasks} == {0, 1}
    assert queue.requeue_failed() == 0
    assert counted(queue) == (2, 0, 0, 2)
    for task in queue.pop_many(5):
        queue.finish(task)
    assert queue.requeue_failed() == 1


# --- replies lost ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task_id", [None, "x"])
def test_a_push_of_a_key_whose_reply_is_lost_is_still_the_one_that_made_it(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, task_id: str | None
) -> None:
    """I3."""
    task = echo(1).with_(unique_key=KEY, task_id=task_id)
    handle = lossy(lambda: far.push(task, user_id="u"))
    assert handle.created
    clash = lossy(lambda: far.push(task.with_(task_id=None), user_id="u"))
    assert (clash.created, clash.task_id) == (False, handle.task_id)
    assert len(queue.pop_many(5)) == 1
