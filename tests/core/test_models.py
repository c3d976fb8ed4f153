"""A task as a value: frozen, copied with changes, called here and now, shown without what may be secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fairque import Priority, Task
from fairque.core.models import Lease
from fairque.errors import TaskValidationError

WHEN = datetime(2026, 11, 21, tzinfo=UTC)


def add(x: int, y: int) -> int:
    return x + y


def task_of(*args: Any, **kwargs: Any) -> Task[Any]:
    return Task(name="m:add", function=add, args=args, kwargs=kwargs)


def test_a_new_task_has_the_defaults_of_the_contract() -> None:
    task = Task.create(user_id="user:1")
    assert (task.priority, task.payload, task.user_id) == (Priority.NORMAL, {}, "user:1")
    assert (task.task_id, task.max_retries, task.delay, task.execute_after, task.state) == (None,) * 5
    assert (task.attempt, task.failures, task.lost, task.lease) == (0, 0, 0, None)


def test_a_task_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Task.create(user_id="user:1").priority = Priority.HIGH  # type: ignore[misc]


def test_with_returns_a_changed_copy_and_leaves_the_first_alone() -> None:
    task = task_of(1, 2)
    changed = task.with_(user_id="user:1", priority=6)
    assert (changed.user_id, changed.priority, changed.args) == ("user:1", Priority.CRITICAL, (1, 2))
    assert (task.user_id, task.priority) == (None, Priority.NORMAL)


def test_the_later_one_of_delay_and_instant_wins() -> None:
    task = Task.create(user_id="user:1", delay=5)
    at = task.with_(execute_after=WHEN)
    assert (at.delay, at.execute_after) == (None, WHEN)
    assert (at.with_(delay=1).delay, at.with_(delay=1).execute_after) == (1.0, None)
    assert task.with_(priority=1).delay == 5.0
    assert task.with_(delay=None).delay is None


def test_calling_a_task_runs_its_function_here_and_now() -> None:
    assert task_of(1, y=2)() == 3


def test_a_payload_task_cannot_be_called() -> None:
    with pytest.raises(TaskValidationError, match="a payload task: has no function in this process to call"):
        Task.create(user_id="user:1")()


def test_a_task_that_calls_a_function_has_no_payload() -> None:
    with pytest.raises(TaskValidationError, match="payload: "):
        task_of(1, 2).with_(payload={"a": 1})


@pytest.mark.parametrize("payload", [[], "a", 3, b"a"])
def test_a_payload_that_is_no_dict_is_refused(payload: Any) -> None:
    with pytest.raises(TaskValidationError, match="payload: expected a dict"):
        Task.create(user_id="user:1", payload=payload)


def test_a_payload_task_needs_a_user() -> None:
    with pytest.raises(TypeError, match="user_id"):
        Task.create()  # type: ignore[call-arg]
    with pytest.raises(TaskValidationError, match="user_id: is empty"):
        Task.create(user_id="")


def test_two_payload_tasks_do_not_share_their_default_payload() -> None:
    one, other = Task.create(user_id="user:1"), Task.create(user_id="user:1")
    assert one.payload is not other.payload


def test_a_task_is_shown_without_its_arguments() -> None:
    task = task_of("sesame", token="sesame").with_(user_id="user:1", task_id="t1")
    assert repr(task) == "<Task m:add task_id='t1' user_id='user:1'>"
    assert repr(Task.create(user_id="u", payload={"password": "sesame"})) == "<Task payload user_id='u'>"


def test_tasks_are_compared_by_identity() -> None:
    one = task_of(1, 2)
    assert one == one  # noqa: PLR0124
    assert one != task_of(1, 2)
    assert len({one, task_of(1, 2)}) == 2


def test_a_lease_is_a_value() -> None:
    assert Lease("7", 1, 2) == Lease("7", 1, 2)
