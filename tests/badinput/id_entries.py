"""The verbs that take an id. Each gives back the id as it comes out again, so that a cell is one comparison.

The town: every safe user has a live task `LIVE` whose argument is its own id, a finished one `ENDED` whose result is,
and a weight; of every safe task id the user `HOST` has a live task, and `PAST` a finished one, that tell it likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from fairque import Task, TaskQueue, TaskState, task
from tests.badinput.ids import TASK, USER, safe
from tests.badinput.jobs import echo, owned

LIVE, ENDED, HOST, PAST = "live", "ended", "host", "past"
WRITES, OPTIONAL, EVERYONE = "writes", "optional", "everyone"


class Entry(NamedTuple):
    """`act(queue, id)` or, of a command, `act(ground, id)`.

    WRITES: it does, where the id is taken. OPTIONAL: None means that no id is given. EVERYONE: `*` is taken, and means
    all users.
    """

    act: Callable[[Any, Any], object]
    flags: tuple[str, ...] = ()


def entry(act: Callable[[Any, Any], object], *flags: str) -> Entry:
    """Return an entry with these flags."""
    return Entry(act, flags)


def build(queue: TaskQueue) -> None:
    """Build the town."""
    users, ids = safe(USER), safe(TASK)
    ended = [(user, ENDED, user) for user in users] + [(PAST, task_id, task_id) for task_id in ids]
    live = [(user, LIVE, user) for user in users] + [(HOST, task_id, task_id) for task_id in ids]
    queue.push_batch([echo(told).with_(user_id=user, task_id=task_id) for user, task_id, told in ended])
    while popped := queue.pop_many(200):
        for one in popped:
            queue.finish(one, one.args[0])
    queue.push_batch([echo(told).with_(user_id=user, task_id=task_id) for user, task_id, told in live])
    for user in users:
        queue.set_user(user, weight=2)


# --- users ----------------------------------------------------------------------------------------------------------


def _pushed(queue: TaskQueue, made: Task[Any], user_id: Any = None) -> object:
    """Push a task, look at it through its handle and by its id alone, and take it away again."""
    handle = queue.push(made) if user_id is None else queue.push(made, user_id=user_id)
    found = queue.get_task(handle.task_id)
    assert found is not None
    assert (handle.created, handle.state(), found.user_id) == (True, TaskState.QUEUED, handle.user_id)
    assert queue.delete_task(handle.task_id)
    return found.user_id


def _pushed_in_batch(queue: TaskQueue, user_id: Any) -> object:
    first, second = queue.push_batch([echo(1), echo(2)], user_id=user_id)
    assert queue.delete_task(first.task_id)
    assert queue.delete_task(second.task_id, user_id=user_id)
    return second.user_id


def _pushed_call(queue: TaskQueue, user_id: Any) -> object:
    task_id = queue.push_function_task(user_id, echo, args=(1,))
    found = queue.get_task(task_id)
    assert found is not None
    assert queue.delete_task(task_id)
    return found.user_id


def _paused(queue: TaskQueue, user_id: Any) -> object:
    queue.pause(user_id)
    assert queue.get_user(user_id).paused
    queue.resume(user_id)
    assert not queue.get_user(user_id).paused
    return user_id


def _set(queue: TaskQueue, user_id: Any) -> object:
    assert queue.set_user(user_id, max_concurrency=3).max_concurrency == 3
    assert queue.all_limits().users[user_id].max_concurrency == 3
    return user_id


def _reset(queue: TaskQueue, user_id: Any) -> object:
    queue.reset_user(user_id)
    assert user_id not in queue.all_limits().users
    queue.set_user(user_id, weight=2)
    return user_id


def _canceled(queue: TaskQueue, user_id: Any) -> object:
    """Cancel a task, queue it again, and take it away."""
    handle = queue.push(echo(1).with_(task_id="unwanted"), user_id=user_id)
    assert queue.cancel("unwanted", user_id=user_id)
    assert handle.state() == TaskState.CANCELED
    assert queue.retry("unwanted", user_id=user_id)
    assert queue.delete_task("unwanted", user_id=user_id)
    return handle.user_id


def _enqueued(queue: TaskQueue, user_id: Any) -> object:
    """Enqueue a graph, find it and its tasks by the user, and take it away."""
    run = queue.enqueue(echo(1).with_(task_id="first") >> echo(2), user_id=user_id, run_id="day")
    again = queue.flow("day", user_id=user_id)
    assert again is not None
    assert [flow.run_id for flow in queue.flows(user_id).flows] == ["day"]
    assert [one.task_id for one in again] == [one.task_id for one in run]
    assert all(queue.delete_task(one.task_id, user_id=user_id) for one in run)
    queue.pause()
    assert queue.pop() is None, "whoever claims next forgets the run"
    queue.resume()
    assert queue.flow("day", user_id=user_id) is None
    return again.user_id


def _listed(queue: TaskQueue, user_id: Any) -> object:
    assert user_id is None or {flow.user_id for flow in queue.flows(user_id).flows} <= {user_id}
    return user_id


def _erased(queue: TaskQueue, user_id: Any) -> object:
    assert queue.erase_user(user_id) == 2
    assert queue.erase_user(user_id) == 0
    return user_id


def _sizes(queue: TaskQueue, user_id: Any) -> object:
    assert queue.get_queue_sizes(user_id)["queued"] == 1
    return next(user for user, sizes in queue.users().items() if user == user_id and sizes["queued"] == 1)


USER_ENTRIES: Final = {
    "push": entry(lambda queue, user: _pushed(queue, echo(1), user), WRITES, OPTIONAL),
    "with_": entry(lambda queue, user: _pushed(queue, echo(1).with_(user_id=user)), WRITES),
    "@task": entry(lambda queue, user: _pushed(queue, task(user_id=user)(echo.function)(1)), WRITES),
    "@task-by-argument": entry(lambda queue, user: _pushed(queue, owned(user)), WRITES),
    "create": entry(lambda queue, user: _pushed(queue, Task.create(user_id=user)), WRITES),
    "push_batch": entry(_pushed_in_batch, WRITES),
    "push_function_task": entry(_pushed_call, WRITES),
    "get_task": entry(lambda queue, user: queue.get_task(LIVE, user_id=user).args[0], OPTIONAL),
    "get_result": entry(lambda queue, user: queue.get_result(ENDED, user_id=user, timeout=0), OPTIONAL),
    "delete_task": entry(lambda queue, user: queue.delete_task("none", user_id=user) or user, OPTIONAL),
    "cancel, retry": entry(_canceled, WRITES, OPTIONAL),
    "cancel": entry(lambda queue, user: queue.cancel("none", user_id=user) or user, OPTIONAL),
    "retry": entry(lambda queue, user: queue.retry("none", user_id=user) or user, WRITES, OPTIONAL),
    "failed": entry(lambda queue, user: user if not queue.failed(user).tasks else None, OPTIONAL),
    "requeue_failed": entry(lambda queue, user: queue.requeue_failed(user) or user, OPTIONAL),
    "purge_failed": entry(lambda queue, user: queue.purge_failed(user) or user, OPTIONAL),
    "explain": entry(lambda queue, user: queue.explain(LIVE, user_id=user).user_id, OPTIONAL),
    "get_queue_sizes": entry(_sizes),
    "enqueue": entry(_enqueued, WRITES),
    "flow": entry(lambda queue, user: queue.flow("none", user_id=user) or user, OPTIONAL),
    "flows": entry(_listed, OPTIONAL),
    "get_user": entry(lambda queue, user: queue.get_user(user) and user, EVERYONE),
    "set_user": entry(_set, WRITES, EVERYONE),
    "reset_user": entry(_reset, WRITES, EVERYONE),
    "pause, resume": entry(_paused, WRITES, OPTIONAL, EVERYONE),
}
"""Every verb that takes a user, but the one that takes everything from it."""
ERASE: Final = entry(_erased, WRITES)

# --- tasks ----------------------------------------------------------------------------------------------------------


def _taken(queue: TaskQueue, made: Task[Any]) -> object:
    """Push a task whose id is alive: what is there stays, and is what the handle stands for."""
    handle = queue.push(made, user_id=HOST)
    assert (handle.created, handle.state()) == (False, TaskState.QUEUED)
    return handle.task_id


def _unique(queue: TaskQueue, made: Task[Any]) -> object:
    """Push a task with a unique key twice, and once for another user; and take both away."""
    first = queue.push(made, user_id=HOST)
    again, other = queue.push(echo(2).with_(unique_key=made.unique_key), user_id=HOST), queue.push(made, user_id=PAST)
    found = queue.get_task(first.task_id)
    assert found is not None
    assert (first.created, again.created, again.task_id, other.created) == (True, False, first.task_id, True)
    assert queue.delete_task(first.task_id)
    assert queue.delete_task(other.task_id)
    return found.unique_key


def _of_nobody(queue: TaskQueue, task_id: Any) -> object:
    """Ask without a user: a chosen id is found with its user only."""
    assert queue.get_task(task_id) is None
    return queue.delete_task(task_id) or task_id


TASK_ENTRIES: Final = {
    "with_": entry(lambda queue, name: _taken(queue, echo(0).with_(task_id=name)), WRITES, OPTIONAL),
    "@task": entry(lambda queue, name: _taken(queue, task(task_id=name)(echo.function)(0)), WRITES, OPTIONAL),
    "create": entry(lambda queue, name: _taken(queue, Task.create(user_id=HOST, task_id=name)), WRITES, OPTIONAL),
    "push_function_task": entry(
        lambda queue, name: queue.push_function_task(HOST, echo, task_id=name), WRITES, OPTIONAL
    ),
    "get_task": entry(lambda queue, name: queue.get_task(name, user_id=HOST).args[0]),
    "get_result": entry(lambda queue, name: queue.get_result(name, user_id=PAST, timeout=0)),
    "delete_task": entry(lambda queue, name: queue.delete_task(name, user_id="nobody") or name),
    "cancel": entry(lambda queue, name: queue.cancel(name, user_id="nobody") or name),
    "retry": entry(lambda queue, name: queue.retry(name, user_id="nobody") or name, WRITES),
    "explain": entry(lambda queue, name: queue.explain(name, user_id=HOST).task_id),
    "without its user": entry(_of_nobody),
}
"""Every verb that takes a task id."""
KEY_ENTRIES: Final = {
    "with_": entry(lambda queue, key: _unique(queue, echo(0).with_(unique_key=key)), WRITES, OPTIONAL),
    "@task": entry(lambda queue, key: _unique(queue, task(unique_key=key)(echo.function)(0)), WRITES, OPTIONAL),
    "create": entry(lambda queue, key: _unique(queue, Task.create(user_id=HOST, unique_key=key)), WRITES, OPTIONAL),
}
"""Every way to give a unique key, which is whatever may be a task id."""
