"""Tasks that are added from inside a task: in its run, fenced by its lease, awaited by its children if it says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis

from fairque import FairQueueConfig, Run, TaskQueue, Worker, chain, current_task, group, task
from fairque.errors import StaleLease
from tests.contract.graphs import C, D, F, X, named
from tests.contract.jobs import echo, fail, gather, rows
from tests.waiting import wait_until


@task(max_retries=0)
def grow(ids: list[str], holds: bool = False) -> list[str]:
    """Add a chain of tasks with these ids; `!` before one makes it fail, as long as nobody lets it be."""
    links = [fail().with_(task_id=one[1:]) if one[0] == "!" else echo(one).with_(task_id=one) for one in ids]
    return current_task().enqueue(chain(*links), before_children=holds)


@task(max_retries=0)
async def grow_later(ids: list[str]) -> list[str]:
    return await asyncio.to_thread(grow(ids))


@task(max_retries=0)
def fan_out(count: int) -> int:
    """Add a group and what gathers it, ahead of its own children."""
    return len(current_task().enqueue(echo.map(range(count)) >> gather(), before_children=True))


@task(max_retries=0)
def grow_wide(count: int) -> int:
    return len(current_task().enqueue(group(echo(n) for n in range(count)), before_children=True))


@task(max_retries=1, retry_backoff=0.01)
def grow_twice(task_id: str | None) -> int:
    """Add a task in each of two attempts, the first of which fails."""
    context = current_task()
    context.enqueue(echo(context.attempt).with_(task_id=task_id), before_children=True)
    if context.attempt == 1:
        raise ValueError("once more")
    return context.attempt


@task(max_retries=0)
def grow_when_lost(url: str, runs: str, user_id: str) -> None:
    """Take this run's own lease away, add something, and write down what came of it."""
    context = current_task()
    with redis.Redis.from_url(url) as client:
        client.hdel(runs, f"{user_id}|{context.task_id}")
        try:
            context.enqueue(echo("late") >> echo("later"))
        except StaleLease as error:
            client.set(f"{runs}:told", f"{type(error).__name__} {context.should_stop}")


def worked(config: FairQueueConfig, run: Run) -> Run:
    """Let a worker do all of a run that can be done, and return the run."""
    with Worker(config) as worker:
        run.wait(30)
        worker.drain(30)
    return run


def told(run: Run) -> list[tuple[str, Any]]:
    """Return all tasks of a run by the ids that people know, and their states."""
    return [(node.title, node.state) for node in run.graph().nodes]


@pytest.mark.parametrize("way", ["thread", "process", "coroutine"])
def test_what_a_task_adds_is_in_its_run(queue: TaskQueue, config: FairQueueConfig, way: str) -> None:
    adding = grow_later(["x", "y"]) if way == "coroutine" else grow(["x", "y"]).with_(executor=way)
    run = queue.enqueue(adding.with_(task_id="a") >> echo(1).with_(task_id="b"), user_id="u", run_id="day")
    worked(config, run)
    assert run[0].result(timeout=0) == ["day/x", "day/y"]
    assert told(run) == [("a", F), ("b", F), ("x", F), ("y", F)]
    assert (run.summary().total, run.state(), len(run)) == (4, F, 2)
    assert queue.get_result("day/y", user_id="u") == "y"
    assert [one.task_id for one in queue.flow("day", user_id="u") or ()] == ["day/a", "day/b", "day/x", "day/y"]


def test_children_wait_for_what_their_parent_added_if_it_says_so(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue(fan_out(30).with_(auto_xcom=True) >> echo("child"), user_id="u")
    worked(config, run)
    assert run.state() is F
    tasks = [queue.get_task(node.task_id, user_id="u") for node in run.graph().nodes]
    ended = [task.ended_at for task in tasks if task and task.ended_at]
    assert len(ended) == 33
    assert run.graph().nodes[1].title == "contract.echo"
    assert max(ended) == ended[1], "the child ended last"


def test_an_added_task_that_fails_holds_the_children_until_it_is_tried_again_or_deleted(
    queue: TaskQueue, config: FairQueueConfig
) -> None:
    runs = [
        queue.enqueue(
            grow(["x", "!y"], True) >> echo("child").with_(on_parent_failure=policy), user_id="u", run_id=policy
        )
        for policy in ("wait", "run", "cancel")
    ]
    for run in runs:
        worked(config, run)
        assert run.states() == [F, D]
        assert told(run)[2:] == [("x", F), ("y", X)]
        assert run[1].explain().reasons == (("deferred", "deferred on tasks that its parents have added"),)
        assert run.state() is X
    for run in runs:
        queue.delete_task(f"{run.run_id}/y", user_id="u")
    with Worker(config) as worker:
        worker.drain(30)
    assert [run[1].state() for run in runs] == [C, F, C]


def test_an_added_task_that_is_tried_again_releases_the_children(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue(grow(["!y"], True) >> echo("child"), user_id="u", run_id="day")
    worked(config, run)
    for _ in range(2):
        assert queue.retry("day/y", user_id="u")
        worked(config, run)
        assert run.states() == [F, D]
    assert queue.retry("day/y", user_id="u")
    popped = queue.pop(5)
    assert popped is not None
    queue.finish(popped, "by hand")
    assert worked(config, run).states() == [F, F]


@pytest.mark.parametrize("task_id", [None, "x"])
def test_each_attempt_adds_what_is_not_there(queue: TaskQueue, config: FairQueueConfig, task_id: str | None) -> None:
    run = queue.enqueue(grow_twice(task_id) >> echo("child"), user_id="u", run_id="day")
    worked(config, run)
    assert run.results(timeout=0) == [2, "child"]
    assert run.summary().total == (4 if task_id is None else 3)
    assert run.state() is F


def test_a_task_of_no_run_begins_one(queue: TaskQueue, config: FairQueueConfig) -> None:
    handle = queue.push(grow(["x", "y"]), user_id="u")
    with Worker(config) as worker:
        worker.drain(30)
    assert handle.result(timeout=0) == ["x", "y"]
    (flow,) = queue.flows("u").flows
    assert (flow.total, flow.state) == (2, F)
    assert queue.get_result("y", user_id="u") == "y"


def test_many_are_added_in_steps(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue((fan_out(300) | grow_wide(450)) >> echo("child"), user_id="u")
    assert worked(config, run).results(timeout=0) == [301, 450, "child"]
    assert (run.summary().total, run.summary().finished) == (754, 754)
    latest = max(
        task.ended_at for node in run.graph().nodes if (task := queue.get_task(node.task_id)) and task.ended_at
    )
    assert queue.get_task(run[2].task_id).ended_at == latest  # type: ignore[union-attr]


@task(name="contract:add-a-circle", max_retries=0)
def add_a_circle() -> None:
    context = current_task()
    context.enqueue(echo("late").with_(depends_on=[context.task_id]), before_children=True)


def test_what_waits_for_the_adding_task_cannot_be_waited_for_by_its_children(
    queue: TaskQueue, config: FairQueueConfig
) -> None:
    run = worked(config, queue.enqueue(add_a_circle() >> echo("child"), user_id="u"))
    assert (run.states(), run.summary().total) == ([X, D], 2)
    failure: Any = run.graph().nodes[0].failure
    assert (failure.type, "which would wait for it" in failure.message) == ("GraphError", True)


def test_what_would_wait_for_more_than_can_be_added_at_once_is_refused(
    queue: TaskQueue, config: FairQueueConfig
) -> None:
    run = worked(config, queue.enqueue(fan_out(301) >> echo("child"), user_id="u"))
    assert (run.states(), run.summary().total) == ([X, D], 2)
    failure: Any = run.graph().nodes[0].failure
    assert failure.message == "a task that is added by another waits for 300 of the added ones at most"


def test_a_run_that_has_lost_its_lease_adds_nothing_i6(
    queue: TaskQueue, config: FairQueueConfig, redis_client: redis.Redis, redis_url: str, prefix: str
) -> None:
    """I6."""
    runs = f"{{{prefix}:default}}:queue:runs"
    run = queue.enqueue(grow_when_lost(redis_url, runs, "u") >> rows(1), user_id="u")
    with Worker(config):
        wait_until(lambda: redis_client.get(f"{runs}:told"), description="it was refused")
    assert redis_client.get(f"{runs}:told") == b"StaleLease True"
    assert run.summary().total == 2
    assert queue.get_stats()["deferred"] == 1


def test_an_id_that_lives_is_not_added_and_the_task_hears_of_it(queue: TaskQueue, config: FairQueueConfig) -> None:
    queue.push(named("x")[0].with_(delay=600), user_id="u")
    run = queue.enqueue(grow(["x"]) >> echo("child"), user_id="u")
    other = queue.enqueue(grow(["x"]), user_id="v")
    worked(config, run)
    worked(config, other)
    assert (run.states(), run.summary().total) == ([X, D], 2)
    failure: Any = run.graph().nodes[0].failure
    assert failure.type == "TaskConflict"
    assert other.states() == [F]
