"""What a task waits for: parents in every state, what their failure means, and what a retry of them brings (I17)."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from fairque import TaskQueue
from fairque.errors import TaskCanceled
from tests.contract.graphs import C, D, F, Q, R, X, canceled, child_of, named, serve
from tests.contract.hands import brought_to, pop
from tests.contract.jobs import echo
from tests.waiting import wait_until

POLICIES = ("wait", "run", "cancel")
ALIVE = ("queued", "started", "scheduled", "retrying")
BAD = ("failed", "canceled")


# --- parents in every state -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ALIVE)
@pytest.mark.parametrize("policy", POLICIES)
def test_it_waits_for_a_parent_that_has_not_ended(queue: TaskQueue, state: str, policy: str) -> None:
    parent = brought_to(queue, state)
    child = child_of(queue, parent, policy=policy)
    told = child.explain()
    assert (child.state(), told.position, told.due_at) == (D, None, None)
    shown = "scheduled" if state == "retrying" else state
    assert told.reasons == (("deferred", f"deferred on [{parent.task_id} ({shown})]"),)
    assert [tuple(one) for one in told.waits_for] == [(parent.task_id, shown)]
    assert str(told) == f"{child.task_id} is deferred: deferred on [{parent.task_id} ({shown})]"
    assert queue.pop() is None or state == "queued"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("by", ["id", "handle", "task"])
def test_a_finished_parent_holds_nobody(queue: TaskQueue, policy: str, by: str) -> None:
    parent = brought_to(queue, "finished", task_id="a")
    given = {"id": "a", "handle": parent, "task": echo(1).with_(task_id="a")}[by]
    assert child_of(queue, given, policy=policy).state() is Q
    assert serve(queue) == ["child"]


@pytest.mark.parametrize("state", BAD)
def test_a_parent_that_did_not_end_well_is_judged_by_the_policy(queue: TaskQueue, state: str) -> None:
    parent = brought_to(queue, state, task_id="a")
    waits, runs, gives_up = (child_of(queue, parent, policy=policy) for policy in POLICIES)
    assert (waits.state(), runs.state()) == (D, Q)
    text = f"deferred on [a ({state})]: what failed or was canceled has to be retried, or this canceled"
    assert waits.explain().reasons == (("deferred", text),)
    assert serve(queue) == ["child"]
    assert runs.state() is F
    assert canceled(queue, gives_up) == "parent"
    assert parent.retry()
    assert serve(queue) == [1, "child"]
    assert waits.state() is F


def test_many_parents_are_named_up_to_five(queue: TaskQueue) -> None:
    parents = queue.push_batch(named(*(f"p{n}" for n in range(8))), user_id="u")
    child = child_of(queue, *parents)
    shown = ", ".join(f"p{n} (queued)" for n in range(5))
    assert child.explain().reasons == (("deferred", f"deferred on [{shown}, and 3 more]"),)
    serve(queue, most=7)
    assert child.explain().reasons == (("deferred", "deferred on [p7 (queued)]"),)
    assert serve(queue) == ["p7", "child"]


def test_each_of_several_parents_counts_once_in_whatever_order_they_end(queue: TaskQueue) -> None:
    parents = queue.push_batch(named("a", "b", "c"), user_id="u")
    child = child_of(queue, "a", "b", "c", "b", parents[0])
    tasks = queue.pop_many(3)
    for task in reversed(tasks):
        assert child.state() is D
        queue.finish(task)
    assert child.state() is Q


def test_the_same_child_id_waits_anew_in_its_next_life(queue: TaskQueue) -> None:
    """Edges of an earlier life of an id count for nothing."""
    queue.push_batch(named("a", "b"), user_id="u")
    first = child_of(queue, "a", task_id="child")
    assert first.cancel()
    second = child_of(queue, "b", task_id="child")
    assert serve(queue, most=1) == ["a"]
    assert second.state() is D
    assert serve(queue) == ["b", "child"]


def test_tasks_of_other_users_with_the_same_ids_are_nobodys_parents_i23(queue: TaskQueue) -> None:
    """I23."""
    for user in ("u", "v"):
        queue.push_batch([*named("a"), *named("b", depends_on=["a"])], user_id=user)
    mine = pop(queue)
    queue.finish(mine)
    states = {user: queue.get_task("b", user_id=user) for user in ("u", "v")}
    assert {user: task.state for user, task in states.items() if task} == {
        user: Q if user == mine.user_id else D for user in ("u", "v")
    }


# --- ends that pass on ----------------------------------------------------------------------------------------------


def test_a_cascade_of_cancels_ends_where_somebody_waits(queue: TaskQueue) -> None:
    a, b, c, d, e = named("a", "b", "c", "d", "e")
    b, c = (one.with_(on_parent_failure="cancel") for one in (b, c))
    run = queue.enqueue(a >> b >> c >> (d | e.with_(on_parent_failure="run")), user_id="u")
    assert serve(queue, "a") == ["a", "e"]
    assert run.states() == [X, C, C, D, F]
    assert [reason.text for reason in run[3].explain().reasons] == [
        "deferred on [c (canceled)]: what failed or was canceled has to be retried, or this canceled"
    ]
    assert run.state() is X


@pytest.mark.parametrize("policy", POLICIES)
def test_a_parent_that_is_deleted_leaves_orphans(queue: TaskQueue, policy: str) -> None:
    child_of_deleted = child_of(queue, queue.push(echo("a").with_(task_id="a"), user_id="u"), policy=policy)
    assert queue.delete_task("a", user_id="u")
    if policy == "run":
        assert serve(queue) == ["child"]
    else:
        assert canceled(queue, child_of_deleted) == "orphaned"


def test_a_parent_that_is_purged_leaves_orphans_and_theirs(queue: TaskQueue) -> None:
    run = queue.enqueue(named("a")[0] >> echo("b") >> echo("c").with_(on_parent_failure="run"), user_id="u")
    serve(queue, "a")
    assert run.states() == [X, D, D]
    assert queue.purge_failed(user_id="u") == 1
    assert serve(queue) == ["c"]
    assert run.states() == [None, C, F]


def test_a_child_expires_while_it_waits_and_its_own_children_hear_of_it(queue: TaskQueue) -> None:
    a, b, c, d = named("a", "b", "c", "d")
    b, c = b.with_(expires_in=0.05), c.with_(on_parent_failure="cancel")
    run = queue.enqueue(a >> b >> (c | d.with_(on_parent_failure="run")), user_id="u")
    running = pop(queue)
    wait_until(lambda: queue.pop() is not None, description="d is granted")
    queue.heartbeat(running)
    assert run.states() == [R, C, C, R]
    with pytest.raises(TaskCanceled) as caught:
        run[1].result(timeout=0)
    assert getattr(caught.value.failure, "type", "") == "expired"


def test_a_child_with_a_delay_waits_for_both(queue: TaskQueue) -> None:
    queue.push(named("a")[0], user_id="u")
    soon, late = child_of(queue, "a", delay=0.2), child_of(queue, "a", delay=600)
    assert soon.state() is late.state() is D
    queue.finish(pop(queue))
    assert late.state() == "scheduled"
    wait_until(lambda: queue.pop() is not None, description="its time has come")
    assert soon.state() is R
    assert late.explain().reasons[0].code == "scheduled"


def test_a_batch_of_tasks_that_wait_for_many_is_cut_by_what_they_wait_for(
    queue: TaskQueue, redis_client: redis.Redis
) -> None:
    def calls() -> int:
        stats: Any = redis_client.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("eval", "evalsha"))

    parents = queue.push_batch([echo(n) for n in range(200)], user_id="u")
    before = calls()
    handles = queue.push_batch([echo(n).with_(depends_on=parents) for n in range(5)], user_id="u")
    assert calls() - before >= 5
    assert [handle.state() for handle in handles] == [D] * 5
    serve(queue, most=200)
    assert [handle.state() for handle in handles] == [Q] * 5
