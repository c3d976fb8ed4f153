"""Erasing a user: nothing of it is left, everything of the others is."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from fairque import TaskQueue, TaskState
from fairque.core.limits import UserSettings
from fairque.errors import StaleLease, TaskValidationError, UnknownTask
from tests.contract.conftest import Lossy, Make
from tests.contract.hands import ENDED, WAITING, Waiter, brought_to, bury, counted, pop, settlings
from tests.contract.jobs import echo
from tests.waiting import wait_until


@pytest.mark.parametrize("state", [*WAITING, "started", *ENDED])
@pytest.mark.parametrize("task_id", [None, "x"])
def test_a_task_is_erased_whatever_its_state(
    queue: TaskQueue, redis_client: redis.Redis, prefix: str, state: str, task_id: str | None
) -> None:
    handle = brought_to(queue, state, task_id=task_id, unique_key="k", expires_in=3_600)
    if state == "started":
        assert handle.cancel()
    assert queue.erase_user("u") == 1
    with pytest.raises(UnknownTask):
        handle.state()
    assert queue.get_task(handle.task_id) is None
    assert counted(queue) == (0, 0, 0, 0)
    assert (queue.users(), queue.get_stats()["users"], queue.pop()) == ({}, 0, None)
    kept = [key.decode().partition(":queue:")[2] for key in redis_client.scan_iter(match=f"*{prefix}*", count=1000)]
    assert sorted(key for key in kept if not key.startswith("last:")) in (["schema", "stats"], ["stats"])
    again = brought_to(queue, state, task_id=task_id, unique_key="k")
    assert again.created


def test_only_what_is_that_users_is_erased(queue: TaskQueue) -> None:
    """I23."""
    kept = {user: queue.push(echo(user).with_(task_id="x"), user_id=user) for user in ("U", "u:1", "u|", "uu", "é")}
    queue.set_user("U", weight=3)
    mine = queue.push_batch([echo(n).with_(task_id=str(n)) for n in range(3)], user_id="u")
    assert queue.erase_user("u") == 3
    assert {handle.state() for handle in kept.values()} == {TaskState.QUEUED}
    assert queue.get_user("U").weight == 3
    assert sorted(task.args[0] for task in queue.pop_many(20)) == sorted(kept)
    with pytest.raises(UnknownTask):
        mine[0].state()


def test_the_outcome_of_a_run_that_was_erased_is_not_accepted(queue: TaskQueue) -> None:
    queue.push(echo(1).with_(task_id="x"), user_id="u")
    task = pop(queue)
    assert queue.erase_user("u") == 1
    for settle in settlings(queue, task):
        with pytest.raises(StaleLease):
            settle()
    assert queue.get_task("x", user_id="u") is None
    new = queue.push(echo(2).with_(task_id="x"), user_id="u")
    with pytest.raises(StaleLease):
        queue.finish(task, "of the old one")
    queue.finish(pop(queue), "of the new one")
    assert new.result(timeout=0) == "of the new one"


def test_settings_go_too_and_its_slots_and_places_are_free(queue: TaskQueue) -> None:
    queue.set_user("u", weight=4, max_concurrency=1, rate="1/d", max_backlog=3, paused=False)
    queue.push_batch([echo(n) for n in range(3)], user_id="u")
    assert len(queue.pop_many(3)) == 1
    assert queue.erase_user("u") == 3
    assert queue.get_user("u") == UserSettings()
    assert "u" not in queue.all_limits().users
    queue.push_batch([echo(n) for n in range(5)], user_id="u")
    assert len(queue.pop_many(9)) == 5


def test_what_waited_for_a_slot_of_the_same_name_starts(queue: TaskQueue) -> None:
    queue.set_limits(task="contract.echo", max_concurrency=1)
    queue.push(echo("of u"), user_id="u")
    assert pop(queue).user_id == "u"
    queue.push_batch([echo(n) for n in range(2)], user_id="v")
    assert queue.pop() is None, "they are set aside"
    assert queue.erase_user("u") == 1
    assert pop(queue).args == (0,)


def test_a_user_with_many_tasks_is_erased_in_steps(queue: TaskQueue) -> None:
    bury(queue, [echo(n) for n in range(130)])
    queue.push_batch([echo(n).with_(delay=60 if n % 3 else 0, priority=1 + n % 6) for n in range(520)], user_id="u")
    queue.push(echo("other"), user_id="v")
    assert len(queue.pop_many(100)) == 100
    assert queue.erase_user("u") == 650
    assert set(queue.users()) == {"v"}
    assert counted(queue, "v")[2:] == (0, 0)


@pytest.mark.parametrize("state", ["queued", "started"])
def test_a_waiter_hears_that_its_task_is_gone(make: Make, redis_client: redis.Redis, prefix: str, state: str) -> None:
    queue, other = make(), make()
    handle = brought_to(queue, state)
    waiter = Waiter(queue, handle.task_id)
    key = f"{{{prefix}:default}}:queue:waiters"
    wait_until(lambda: redis_client.hlen(key), description="the waiter is listed")
    assert other.erase_user("u") == 1
    assert waiter.join() < 1
    assert isinstance(waiter.outcome, UnknownTask)


def test_a_user_that_left_nothing_is_erased_too(queue: TaskQueue) -> None:
    assert queue.erase_user("nobody") == 0
    queue.set_user("settings only", paused=True)
    assert queue.erase_user("settings only") == 0
    assert queue.get_user("settings only") == UserSettings()


@pytest.mark.parametrize("user", ["*", "", " ", "a\nb", "x" * 257, 3, None, b"u"])
def test_a_user_that_cannot_be_is_refused(queue: TaskQueue, user: Any) -> None:
    queue.push(echo(1), user_id="u")
    with pytest.raises(TaskValidationError, match="user_id: "):
        queue.erase_user(user)
    assert counted(queue)[0] == 1


@pytest.mark.parametrize("skip", [0, 1])
def test_an_erasure_that_loses_a_reply_on_the_way_counts_right(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, skip: int
) -> None:
    """I3."""
    queue.push_batch([echo(n) for n in range(150)], user_id="u")
    assert lossy(lambda: far.erase_user("u"), skip) == 150
    assert queue.users() == {}


@pytest.mark.parametrize("how", ["tried again", "deleted", "pushed again"])
def test_what_is_kept_no_more_leaves_nothing_either(
    queue: TaskQueue, redis_client: redis.Redis, prefix: str, how: str
) -> None:
    """I22."""
    handle = brought_to(queue, "failed", task_id="x")
    if how == "tried again":
        assert handle.retry()
    elif how == "deleted":
        assert queue.delete_task("x", user_id="u")
    else:
        assert queue.push(echo(1).with_(task_id="x"), user_id="u").created
    queue.erase_user("u")
    assert list(redis_client.scan_iter(match=f"*{prefix}*user:u:*", count=1000)) == []
