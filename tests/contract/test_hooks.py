"""`on_success` and `on_failure`: what follows comes in the very step that ends its task, and else leaves no trace."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from fairque import Run, TaskQueue
from tests.contract.graphs import C, D, F, Q, R, X, named, serve
from tests.contract.hands import pop
from tests.contract.jobs import echo
from tests.waiting import wait_until


def hooked(task_id: str = "a", **options: Any) -> Any:
    """Return a task that is followed by `good` or `bad`."""
    return named(task_id, **options)[0].with_(on_success=echo("good"), on_failure=echo("bad"))


def nodes(run: Run) -> list[tuple[str, Any]]:
    """Return the state of every task of a run, followers included, by their policies."""
    return [(node.policy, node.state) for node in run.graph().nodes]


def test_what_follows_success_comes_in_the_same_step_and_the_other_is_gone(queue: TaskQueue) -> None:
    run = queue.enqueue(hooked(), user_id="u")
    assert len(run) == 1, "followers are no tasks that were written"
    assert (nodes(run), run.summary().total) == ([("w", Q), ("s", D), ("f", D)], 3)
    assert serve(queue, most=1) == ["a"]
    assert (nodes(run), run.summary().total) == ([("w", F), ("s", Q), ("f", None)], 2)
    assert (run.summary().deferred, queue.get_stats()["deferred"]) == (0, 0)
    assert serve(queue) == ["good"]
    assert (run.state(), run.progress().percent) == (F, 100)


def test_what_follows_failure_comes_in_the_same_step_and_the_other_waits_for_another_try(queue: TaskQueue) -> None:
    run = queue.enqueue(hooked(), user_id="u")
    assert serve(queue, "a", most=1) == ["a"]
    assert nodes(run) == [("w", X), ("s", D), ("f", Q)]
    assert serve(queue) == ["bad"]
    assert (run.state(), run.summary().deferred) == (X, 1)
    assert run[0].retry()
    assert serve(queue) == ["a", "good"]
    assert (run.state(), run.summary().total, run.progress().percent) == (F, 3, 100)


def test_what_would_follow_is_gone_with_what_failed(queue: TaskQueue) -> None:
    run = queue.enqueue(hooked(), user_id="u")
    serve(queue, "a")
    assert queue.purge_failed(user_id="u") == 1
    wait_until(lambda: not queue.pop() and not queue.get_stats()["deferred"], description="`good` is gone")
    assert nodes(run) == [("w", None), ("s", None), ("f", F)]


def test_a_retry_is_no_failure_yet(queue: TaskQueue) -> None:
    run = queue.enqueue(hooked().with_(max_retries=1, retry_backoff=0.01), user_id="u")
    queue.fail(pop(queue), "no")
    assert nodes(run)[1:] == [("s", D), ("f", D)]
    task = pop(queue, 5)
    assert task.attempt == 2
    queue.finish(task)
    assert serve(queue) == ["good"]


def test_a_task_lost_three_times_has_failed_for_its_followers_too(queue: TaskQueue) -> None:
    run = queue.enqueue(hooked(), user_id="u")
    for attempt in (1, 2, 3):
        wait_until(lambda: (task := queue.pop()) and task.args == ("a",), description=f"attempt {attempt} is lost")
    wait_until(lambda: (task := queue.pop()) and task.args == ("bad",), description="the third is, too")
    assert nodes(run) == [("w", X), ("s", D), ("f", R)]


@pytest.mark.parametrize("how", ["waiting", "running", "expired", "deleted"])
def test_what_did_not_run_to_its_end_is_followed_by_nothing(queue: TaskQueue, how: str) -> None:
    run = queue.enqueue(hooked(expires_in=0.05 if how == "expired" else None), user_id="u")
    if how == "running":
        task = pop(queue)
        assert run[0].cancel()
        queue.fail(task, "stopped")
    elif how == "deleted":
        assert queue.delete_task("a", user_id="u")
    elif how == "waiting":
        assert run[0].cancel()
    else:
        queue.pause("u")
        wait_until(lambda: queue.pop() is None and run[0].state() is C, description="it has expired")
        queue.resume("u")
    assert serve(queue) == []
    if how == "deleted":
        assert run.states() == [None]
        wait_until(lambda: not queue.pop() and not queue.get_stats()["deferred"], description="its followers are gone")
        return
    assert nodes(run) == [("w", C), ("s", D), ("f", D)], "it may be queued again"
    assert run[0].retry()
    assert sorted(serve(queue, "a")) == ["a", "bad"]


def test_followers_have_followers_and_may_be_graphs(queue: TaskQueue) -> None:
    undo = echo("undo").with_(max_retries=0, on_failure=echo("call") >> [echo("x"), echo("y")], on_success=echo("ok"))
    run = queue.enqueue(named("a")[0].with_(on_failure=undo), user_id="u")
    assert serve(queue, "a", "undo") == ["a", "undo", "call", "x", "y"]
    assert nodes(run) == [("w", X), ("f", X), ("s", D), ("f", F), ("w", F), ("w", F)]
    assert run.state() is X


def test_a_branch_that_was_not_taken_is_gone_with_all_its_tasks(
    queue: TaskQueue, redis_client: redis.Redis, prefix: str
) -> None:
    branch = echo(1) >> [echo(2), echo(3).with_(on_success=echo(4))] >> echo(5)
    run = queue.enqueue(named("a")[0].with_(on_failure=branch), user_id="u")
    assert run.summary().total == 6
    serve(queue)
    wait_until(lambda: queue.pop() is None and run.summary().total == 1, description="the branch is gone")
    assert (run.state(), queue.get_stats()["deferred"]) == (F, 0)
    root = f"{{{prefix}:default}}:queue:"
    assert not redis_client.exists(f"{root}user:u:waits")
    assert list(redis_client.scan_iter(match=f"{root}user:u:children:*", count=1000)) == []
    assert redis_client.hkeys(f"{root}user:u:tasks") == [b"a"]


def test_what_waits_for_a_task_does_not_wait_for_its_followers(queue: TaskQueue) -> None:
    a, b = hooked(), named("b")[0]
    run = queue.enqueue(a >> b, user_id="u")
    assert serve(queue, most=1) == ["a"]
    assert run[1].state() is Q
    assert sorted(serve(queue)) == ["b", "good"]


def test_a_run_is_stuck_only_when_its_followers_have_ended(queue: TaskQueue) -> None:
    run = queue.enqueue(hooked() >> named("b")[0], user_id="u")
    assert serve(queue, "a", most=1) == ["a"]
    assert run.state() is R
    assert serve(queue) == ["bad"]
    assert (run.state(), run.states()) == (X, [X, D])


def test_a_follower_of_a_full_user_passes(queue: TaskQueue) -> None:
    queue.set_user("u", max_backlog=3)
    queue.enqueue(hooked(), user_id="u")
    task = pop(queue)
    queue.push(echo("filler"), user_id="u")
    queue.finish(task)
    assert sorted(serve(queue)) == ["filler", "good"]


def test_a_task_with_hooks_whose_unique_key_is_taken_is_the_living_one(queue: TaskQueue) -> None:
    first = queue.push(echo("one").with_(unique_key="k", on_success=echo("good")), user_id="u")
    again = queue.push(echo("two").with_(unique_key="k", on_success=echo("good")), user_id="u")
    assert (again.created, again.task_id, again.state()) == (False, first.task_id, Q)
    assert queue.get_stats()["deferred"] == 1
    assert serve(queue) == ["one", "good"]
