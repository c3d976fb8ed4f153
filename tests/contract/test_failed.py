"""The dead letters: read page by page, told apart by what is known of them, queued again or forgotten."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from fairque import Task, TaskQueue, TaskState
from fairque.errors import TaskValidationError, UnknownTask
from tests.contract.conftest import Lossy
from tests.contract.hands import brought_to, bury, counted
from tests.contract.jobs import add, echo


def paged(queue: TaskQueue, *arguments: Any, **which: Any) -> list[list[Task[Any]]]:
    """Return all pages."""
    pages, cursor = list[list[Task[Any]]](), None
    while True:
        page = queue.failed(*arguments, cursor=cursor, **which)
        pages.append(list(page.tasks))
        cursor = page.cursor
        if cursor is None:
            return pages


def listed(queue: TaskQueue, *arguments: Any, **which: Any) -> list[Any]:
    """Return the first arguments of all that `failed` shows."""
    return [task.args[0] for page in paged(queue, *arguments, **which) for task in page]


def mixed(queue: TaskQueue) -> None:
    """Let tasks of two users, two names and three kinds of error fail."""
    bury(queue, [echo(1), add(2, 0)], ValueError("no"), "a")
    bury(queue, [echo(3)], KeyError("no"), "a")
    bury(queue, [echo(4), add(5, 0)], ValueError("no"), "b")
    bury(queue, [echo(6)], "said in words", "b:c|{d}")
    brought_to(queue, "canceled", user_id="a")
    brought_to(queue, "finished", user_id="a")
    brought_to(queue, "retrying", user_id="a")
    brought_to(queue, "started", user_id="a")


# --- reading --------------------------------------------------------------------------------------------------------


def test_nothing_has_failed_at_first(queue: TaskQueue) -> None:
    for page in (queue.failed(), queue.failed("u")):
        assert (page.tasks, page.cursor) == ((), None)
    assert (queue.requeue_failed(), queue.purge_failed(), queue.requeue_failed("u")) == (0, 0, 0)


def test_a_failed_task_is_shown_with_its_call_and_its_error(queue: TaskQueue) -> None:
    bury(queue, [echo(1).with_(task_id="x", priority=5)], ValueError("no disk"), "u:1")
    (task,) = queue.failed().tasks
    assert (task.task_id, task.user_id, task.state, task.priority) == ("x", "u:1", TaskState.FAILED, 5)
    assert (task.name, task.args, task.attempt, task.failures) == ("contract.echo", (1,), 1, 1)
    assert task.failure is not None
    assert (task.failure.type, task.failure.message) == ("ValueError", "no disk")
    assert task.ended_at is not None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
def test_pages_hold_every_failed_task_once_the_newest_of_a_user_first(queue: TaskQueue, limit: int) -> None:
    mixed(queue)
    pages = paged(queue, limit=limit)
    assert all(len(page) == limit for page in pages[:-1])
    order = [task.args[0] for page in pages for task in page]
    assert [order[0], set(order[1:3]), set(order[3:5]), order[5]] == [3, {1, 2}, {4, 5}, 6]
    assert {task.state for page in pages for task in page} == {TaskState.FAILED}


def test_each_filter_and_all_of_them_together(queue: TaskQueue) -> None:
    mixed(queue)
    assert set(listed(queue, "a")) == {1, 2, 3}
    assert listed(queue, "b:c|{d}") == [6]
    assert listed(queue, "nobody") == []
    assert set(listed(queue, task=add.name)) == {2, 5}
    assert set(listed(queue, error="ValueError")) == {1, 2, 4, 5}
    assert listed(queue, error="RuntimeError") == [6]
    assert listed(queue, error="valueerror") == listed(queue, task="add") == []
    assert listed(queue, "a", task=add.name, error="ValueError", older_than=0) == [2]
    assert listed(queue, older_than=3_600) == []
    assert set(listed(queue, older_than=0.0)) == {1, 2, 3, 4, 5, 6}


def test_a_page_that_finds_little_is_short_and_goes_on(queue: TaskQueue) -> None:
    bury(queue, [echo(-1)], ValueError("the one"))
    bury(queue, [echo(n) for n in range(1_050)], "no")
    pages = paged(queue, error="ValueError")
    assert [[task.args[0] for task in page] for page in pages] == [[], [-1]]


def test_a_cursor_goes_on_though_its_task_and_its_user_are_gone(queue: TaskQueue) -> None:
    for number in range(4):
        bury(queue, [echo(number)], user_id="a")
    bury(queue, [echo(9)], user_id="b")
    page = queue.failed(limit=2)
    assert [task.args[0] for task in page.tasks] == [3, 2]
    assert queue.delete_task(page.tasks[1].task_id or "")
    seen = [task.args[0] for task in queue.failed(limit=10, cursor=page.cursor).tasks]
    assert seen in ([1, 0, 9], [3, 1, 0, 9]), "one that failed in the same millisecond may be seen twice"
    assert queue.purge_failed("a") == 3
    assert [task.args[0] for task in queue.failed(cursor=page.cursor).tasks] == [9]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "u:x", "u:x:", "u:x:-1", "u:x:1e3", "u:x:٣", f"u:x:{10**15}", "*:x:1", ":x:1", "u::1", "u:x:1:",
     "u:x:1:y", "u" * 300 + ":x:1", "u:x\0:1", "u:x\n:1", "u%0A:x:1", "u:%00:1", "u:%20:1", 5, b"u:x:1", ["u", "x", 1]],
)  # fmt: skip
def test_a_forged_cursor_is_refused(queue: TaskQueue, cursor: Any) -> None:
    with pytest.raises(TaskValidationError, match=r"cursor: |user_id: |task_id: "):
        queue.failed(cursor=cursor)


def test_a_cursor_that_no_page_had_shows_nobody_anything_more(queue: TaskQueue) -> None:
    """I23."""
    mixed(queue)
    assert queue.failed("a", cursor="a:no such task:0").tasks == ()
    assert {task.args[0] for task in queue.failed("a", cursor="b:x:0").tasks} <= {1, 2, 3}
    assert queue.failed(cursor="zzz:x:0").tasks == ()
    assert {task.user_id for task in queue.failed(cursor="a|*:x:0").tasks} == {"b", "b:c|{d}"}


@pytest.mark.parametrize(
    "which",
    [{"user_id": "*"}, {"user_id": ""}, {"user_id": 3}, {"older_than": -1}, {"older_than": float("nan")},
     {"older_than": "1"}, {"older_than": True}],
)  # fmt: skip
def test_filters_that_cannot_be_are_refused_and_nothing_is_done(queue: TaskQueue, which: dict[str, Any]) -> None:
    bury(queue, [echo(1)])
    for verb in (queue.failed, queue.requeue_failed, queue.purge_failed):
        with pytest.raises(TaskValidationError, match=r"user_id: |older_than: "):
            verb(**which)
    assert counted(queue) == (0, 0, 0, 1)


@pytest.mark.parametrize("limit", [0, -1, 1_001, True, 1.0, "1", None])
def test_a_limit_that_is_not_within_bounds_is_refused(queue: TaskQueue, limit: Any) -> None:
    with pytest.raises(TaskValidationError, match="limit: expected an int from 1 to 1000"):
        queue.failed(limit=limit)


def test_a_damaged_record_is_shown_as_that_and_hides_no_other(
    queue: TaskQueue, redis_client: redis.Redis, prefix: str
) -> None:
    for name in ("x", "y", "z"):
        bury(queue, [echo(name).with_(task_id=name)])
    redis_client.hset(f"{{{prefix}:default}}:queue:user:u:tasks", "y", b"\x00garbage|")
    page = queue.failed()
    assert [(task.task_id, task.failure and task.failure.type) for task in page.tasks] == [
        ("z", "RuntimeError"), ("y", "corrupt"), ("x", "RuntimeError"),
    ]  # fmt: skip
    assert queue.requeue_failed() == 2
    assert queue.purge_failed(error="corrupt") == 1
    assert queue.failed().tasks == ()
    assert counted(queue) == (2, 0, 0, 0)


# --- queueing again -------------------------------------------------------------------------------------------------


def test_all_that_is_meant_is_queued_again_and_nothing_else(queue: TaskQueue) -> None:
    mixed(queue)
    assert queue.requeue_failed("a", error="ValueError") == 2
    assert set(listed(queue)) == {3, 4, 5, 6}
    assert queue.requeue_failed(task="contract.echo", older_than=3_600) == 0
    assert queue.requeue_failed(task="contract.echo") == 3
    assert listed(queue) == [5]
    popped = queue.pop_many(20)
    assert {task.args[0] for task in popped} == {1, 2, 3, 4, 6}
    assert {(task.failures, task.lost, task.attempt) for task in popped} == {(0, 0, 2)}
    for task in popped:
        queue.finish(task, "at last")
    assert queue.get_stats()["failed"] == 1


def test_many_pages_are_queued_again_and_can_fail_again(queue: TaskQueue) -> None:
    bury(queue, [echo(n) for n in range(250)], user_id="a")
    bury(queue, [echo(250)], user_id="b")
    assert queue.requeue_failed() == 251
    assert queue.get_queue_sizes("a")["queued"] == 250
    assert queue.failed().tasks == ()
    bury(queue, [])
    assert (queue.get_stats()["failed"], queue.get_stats()["failed_total"]) == (251, 502)
    assert len(listed(queue, "a", limit=70)) == 250
    assert queue.purge_failed() == 251
    assert counted(queue, "a") == (0, 0, 0, 0)


def test_a_paused_user_and_a_full_backlog_do_not_refuse_it(queue: TaskQueue) -> None:
    bury(queue, [echo(n) for n in range(5)])
    queue.pause("u")
    queue.set_user("u", max_backlog=2)
    assert queue.requeue_failed() == 5
    assert queue.pop() is None
    queue.resume("u")
    assert len(queue.pop_many(9)) == 5


# --- forgetting -----------------------------------------------------------------------------------------------------


def test_all_that_is_meant_is_forgotten_and_nothing_else(queue: TaskQueue) -> None:
    mixed(queue)
    kept = queue.get_stats()
    assert queue.purge_failed("b") == 2
    assert queue.purge_failed(error="KeyError", task=add.name) == 0
    assert queue.purge_failed(task="contract.echo", error="KeyError") == 1
    assert set(listed(queue)) == {1, 2, 6}
    after = queue.get_stats()
    assert after["failed"] == kept["failed"] - 3
    assert {**after, "failed": 0, "users": 0} == {**kept, "failed": 0, "users": 0}


def test_what_was_purged_is_not_known_any_more_and_its_id_is_free(queue: TaskQueue) -> None:
    handle = brought_to(queue, "failed", task_id="x")
    assert queue.purge_failed() == 1
    with pytest.raises(UnknownTask):
        handle.state()
    assert queue.get_stats()["users"] == 0
    assert brought_to(queue, "finished", task_id="x").created


# --- replies lost ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
@pytest.mark.parametrize("verb", ["requeue_failed", "purge_failed"])
def test_a_sweep_that_loses_a_reply_on_the_way_acts_once_and_counts_right(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, verb: str, skip: int
) -> None:
    """I3."""
    bury(queue, [echo(n) for n in range(130)])
    assert lossy(lambda: getattr(far, verb)("u"), skip) == 130
    assert counted(queue) == (130 if verb == "requeue_failed" else 0, 0, 0, 0)
    assert len({task.task_id for task in queue.pop_many(200)}) == (130 if verb == "requeue_failed" else 0)
