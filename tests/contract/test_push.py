"""Pushing: what gets an id, what is there already, whose it is, and that a batch is accepted in order or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from fairque import Backoff, Priority, Task, TaskQueue, TaskState
from fairque.core.ids import fingerprint, user_print_of
from fairque.errors import TaskReplaced, TaskValidationError, UnknownTask
from tests.contract.conftest import Make
from tests.contract.jobs import Point, add, echo, move

Dump = Callable[[], dict[bytes, bytes]]


def work(queue: TaskQueue, count: int = 200) -> list[str]:
    """Pop and finish; return the ids in order."""
    popped = queue.pop_many(count)
    for task in popped:
        queue.finish(task, task() if task.function else None)
    return [task.task_id or "" for task in popped]


def test_a_pushed_task_is_queued_started_and_finished_and_its_result_comes_back(queue: TaskQueue) -> None:
    handle = queue.push(add(1, 2).with_(user_id="user:1"))
    assert (handle.user_id, handle.created, handle.state()) == ("user:1", True, TaskState.QUEUED)
    task = queue.pop()
    assert task is not None
    assert (task(), handle.state(), task.attempt) == (3, TaskState.STARTED, 1)
    queue.finish(task, task())
    assert (handle.state(), handle.result(timeout=0)) == (TaskState.FINISHED, 3)


def test_push_function_task_returns_the_id(queue: TaskQueue) -> None:
    task_id = queue.push_function_task("user:1", add, args=(1,), kwargs={"y": 2}, priority=5, task_id=None)
    found = queue.get_task(task_id)
    assert found is not None
    assert (found.args, found.kwargs, found.priority, found.user_id) == ((1,), {"y": 2}, Priority.VERY_HIGH, "user:1")


def test_annotated_arguments_and_results_come_back_as_they_were(queue: TaskQueue) -> None:
    when = datetime(2026, 11, 21, tzinfo=UTC)
    handle = queue.push(move(Point(1, 2), when=when), user_id="u")
    task = queue.pop()
    assert task is not None
    assert (task.args, task.kwargs) == ((Point(1, 2),), {"when": when})
    queue.finish(task, task())
    assert handle.result(timeout=0) == Point(2, 2)


def test_a_payload_task_travels_with_its_options(queue: TaskQueue) -> None:
    payload = {"a": [1, 1.0, True, None, "é\0"], "b": {}}
    queue.push(Task.create(user_id="u", payload=payload, priority=6, max_retries=0, result_ttl=90, retry_backoff=2))
    task = queue.pop()
    assert task is not None
    assert (task.payload, task.priority, task.max_retries, task.result_ttl) == (payload, Priority.CRITICAL, 0, 90)
    assert isinstance(task.retry_backoff, Backoff)
    assert task.retry_backoff.base == 2


def test_user_id_of_the_push_overrides_the_tasks_own(queue: TaskQueue) -> None:
    assert queue.push(add(1, 2).with_(user_id="a"), user_id="b").user_id == "b"


def test_a_task_without_a_user_or_that_is_none_is_refused(queue: TaskQueue, dump: Dump) -> None:
    queue.get_stats()
    before = dump()
    with pytest.raises(TaskValidationError, match="has no user"):
        queue.push(add(1, 2))
    things: list[Any] = [add, 3, None, {"user_id": "u"}, add.function]
    for thing in things:
        with pytest.raises(TaskValidationError, match="expected a task, got"):
            queue.push(thing, user_id="u")
    for user in ("", "*", "a\nb", 3, b"a"):
        with pytest.raises(TaskValidationError, match="user_id: "):
            queue.push(add(1, 2), user_id=user)  # type: ignore[arg-type]
    with pytest.raises(TaskValidationError, match=r"args\[0\]"):
        queue.push(add("1", 2), user_id="u")  # type: ignore[arg-type]
    assert dump() == before


# --- ids ------------------------------------------------------------------------------------------------------------


def test_a_generated_id_is_found_by_id_alone(queue: TaskQueue) -> None:
    ids = {user: queue.push(add(1, 2), user_id=user).task_id for user in ("a", "b:{x}|%", "é")}
    assert all(UUID(task_id).version == 7 for task_id in ids.values())
    for user, task_id in ids.items():
        found = queue.get_task(task_id)
        assert found is not None
        assert (found.user_id, found.task_id) == (user, task_id)
        assert queue.get_task(task_id, user_id="other") is None


def test_a_chosen_id_that_is_alive_is_not_pushed_again(queue: TaskQueue) -> None:
    first = queue.push(echo(1).with_(user_id="u", task_id="x"))
    second = queue.push(echo(2).with_(user_id="u", task_id="x"))
    assert (first.created, second.created) == (True, False)
    task = queue.pop()
    assert task is not None
    assert not queue.push(echo(3).with_(user_id="u", task_id="x")).created
    queue.finish(task, "one")
    assert (first.result(timeout=0), second.result(timeout=0)) == ("one", "one")
    assert queue.pop() is None


def test_a_handle_to_an_earlier_task_of_an_id_says_that_it_was_replaced(queue: TaskQueue) -> None:
    first = queue.push(echo(1).with_(user_id="u", task_id="x"))
    work(queue)
    second = queue.push(echo(2).with_(user_id="u", task_id="x"))
    assert second.created
    with pytest.raises(TaskReplaced):
        first.state()
    with pytest.raises(TaskReplaced):
        first.result(timeout=0)
    work(queue)
    assert second.result(timeout=0) == 2
    assert queue.get_result("x", user_id="u", timeout=0) == 2


def test_two_users_may_choose_the_same_id_and_never_see_each_others_task(queue: TaskQueue) -> None:
    one = queue.push(echo("of a").with_(user_id="a", task_id="extract"))
    other = queue.push(echo("of b").with_(user_id="b", task_id="extract"))
    assert (one.created, other.created) == (True, True)
    work(queue)
    assert (one.result(timeout=0), other.result(timeout=0)) == ("of a", "of b")
    assert queue.delete_task("extract", user_id="a")
    assert (queue.get_task("extract", user_id="a"), other.state()) == (None, TaskState.FINISHED)
    assert queue.get_task("extract") is None


def test_users_that_share_a_fingerprint_are_kept_apart(queue: TaskQueue, prefix: str) -> None:
    seen: dict[str, str] = {}
    number = 0
    while (user := f"user:{number}") and seen.setdefault(fingerprint(f"{{{prefix}:default}}", user), user) == user:
        number += 1
    twin = seen[fingerprint(f"{{{prefix}:default}}", user)]
    one, other = (queue.push(echo(name), user_id=name) for name in (user, twin))
    assert user_print_of(one.task_id) == user_print_of(other.task_id)
    for handle, name in ((one, user), (other, twin)):
        found = queue.get_task(handle.task_id)
        assert found is not None
        assert (found.user_id, found.args) == (name, (name,))
    assert queue.delete_task(one.task_id)
    assert queue.get_task(one.task_id) is None
    assert queue.get_task(other.task_id) is not None
    assert queue.get_stats()["queued"] == 1


# --- batches --------------------------------------------------------------------------------------------------------


def test_a_batch_of_thousands_keeps_its_order(queue: TaskQueue) -> None:
    handles = queue.push_batch(echo(number).with_(user_id=f"user:{number % 9}") for number in range(2_500))
    assert [handle.user_id for handle in handles] == [f"user:{number % 9}" for number in range(2_500)]
    assert all(handle.created for handle in handles)
    assert len({handle.task_id for handle in handles}) == 2_500
    first: dict[str, list[Any]] = {}
    while popped := queue.pop_many(200):
        for task in popped:
            first.setdefault(task.user_id or "", []).append(task.args[0])
    assert first == {f"user:{user}": list(range(user, 2_500, 9)) for user in range(9)}


def test_an_empty_batch_is_none(queue: TaskQueue) -> None:
    assert queue.push_batch([]) == []


@pytest.mark.parametrize("bad", [echo(object()), add(1, 2).with_(user_id=None), echo("x" * 2_000_000), "add"])
def test_a_batch_with_one_bad_task_writes_nothing(queue: TaskQueue, dump: Dump, bad: Any) -> None:
    queue.push(echo(), user_id="u")
    before = dump()
    good = [echo(number).with_(user_id="u") for number in range(600)]
    if isinstance(bad, Task) and bad.name == "contract.echo":
        bad = bad.with_(user_id="u")
    with pytest.raises(TaskValidationError):
        queue.push_batch([*good, bad])
    assert dump() == before


def test_a_chosen_id_twice_in_a_batch_is_one_task(queue: TaskQueue) -> None:
    batch = [echo(number).with_(user_id=user, task_id="x") for number, user in enumerate(["a", "b", "a", "a"])]
    handles = queue.push_batch(batch)
    assert [handle.created for handle in handles] == [True, True, False, False]
    work(queue)
    assert [handle.result(timeout=0) for handle in handles] == [0, 1, 0, 0]


def test_a_batch_with_a_user_gives_it_to_every_task(queue: TaskQueue) -> None:
    assert {handle.user_id for handle in queue.push_batch([echo(1), echo(2)], user_id="u")} == {"u"}


# --- when -----------------------------------------------------------------------------------------------------------


def test_a_delayed_task_is_scheduled_until_its_time(queue: TaskQueue) -> None:
    later = queue.push(echo(1).with_(delay=0.3), user_id="u")
    at = queue.push(echo(2).with_(execute_after=datetime.now(UTC) + timedelta(seconds=0.3)), user_id="u")
    past = queue.push(echo(3).with_(execute_after=datetime(1999, 1, 1, tzinfo=UTC)), user_id="u")
    assert {later.state(), at.state()} == {TaskState.SCHEDULED}
    assert work(queue) == [past.task_id]
    assert queue.get_queue_sizes("u")["scheduled"] == 2
    popped = [queue.pop(timeout=3), queue.pop(timeout=3)]
    assert {task.task_id for task in popped if task} == {later.task_id, at.task_id}
    assert queue.get_stats()["scheduled"] == 0


def test_another_name_is_another_queue_with_a_ring_of_its_own(make: Make) -> None:
    one, other = make(), make(name="emails")
    assert (one.name, other.name) == ("default", "emails")
    first = one.push(echo(1).with_(user_id="u", task_id="x"))
    second = other.push(echo(2).with_(user_id="u", task_id="x"))
    assert (first.created, second.created) == (True, True)
    assert other.get_task(one.push(echo(3), user_id="u").task_id) is None
    assert work(other) == ["x"]
    assert (first.state(), second.state()) == (TaskState.QUEUED, TaskState.FINISHED)
    assert (one.get_stats()["queued"], other.get_stats()["queued"]) == (2, 0)


def test_what_is_not_known_is_none_or_an_error_by_name(queue: TaskQueue) -> None:
    assert queue.get_task("no", user_id="u") is None
    assert queue.get_task("0190a3c2-0000-7000-8000-000000000000") is None
    assert queue.delete_task("no", user_id="u") is False
    assert queue.delete_task("no") is False
    with pytest.raises(UnknownTask, match="no: no such task"):
        queue.get_result("no", user_id="u", timeout=0)
