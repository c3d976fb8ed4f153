"""What a task waits for: parents in every state, what their failure means, and what a retry of them brings (I17)."""

from __future__ import annotations

from typing import Any

import pytest

from fairque import TaskHandle, TaskQueue
from fairque.errors import TaskCanceled, TaskFailed
from tests.contract.graphs import C, D, F, Q, R, X, named, serve
from tests.contract.hands import brought_to, pop
from tests.contract.jobs import echo
from tests.waiting import wait_until

POLICIES = ("wait", "run", "cancel")
ALIVE = ("queued", "started", "scheduled", "retrying")
BAD = ("failed", "canceled")


def child_of(queue: TaskQueue, *parents: Any, policy: str = "wait", **options: Any) -> TaskHandle[Any]:
    child = echo("child").with_(depends_on=list(parents), on_parent_failure=policy, max_retries=0, **options)
    return queue.push(child, user_id="u")


def canceled(queue: TaskQueue, handle: TaskHandle[Any]) -> str:
    """Return why a task was canceled; it may take a call that follows."""
    assert queue.pop() is None
    wait_until(lambda: handle.state() is C, description="it is canceled")
    with pytest.raises(TaskCanceled) as caught:
        handle.result(timeout=0)
    return str(getattr(caught.value.failure, "type", ""))


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


# --- tried again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", BAD)
def test_a_parent_that_is_tried_again_releases_what_waited(queue: TaskQueue, bad: str) -> None:
    a, b, c, d = named("a", "b", "c", "d")
    run = queue.enqueue((a | b) >> c >> d, user_id="u")
    if bad == "canceled":
        assert run[0].cancel()
    for _ in range(3):
        serve(queue, "a")
        assert run.states() == [X if bad == "failed" or _ else C, F, D, D]
        assert run[0].retry()
        assert run.states() == [Q, F, D, D]
    assert serve(queue) == ["a", "c", "d"]
    assert run.results(timeout=0) == ["a", "b", "c", "d"]
    summary = run.summary()
    assert (summary.finished, summary.failed, summary.canceled, summary.deferred) == (4, 0, 0, 0)


def test_all_that_failed_is_queued_again_at_once(queue: TaskQueue) -> None:
    run = queue.enqueue([a >> b for a, b in zip(named("a", "b"), named("c", "d"), strict=True)], user_id="u")
    serve(queue, "a", "b")
    assert queue.requeue_failed(user_id="u") == 2
    serve(queue)
    assert run.states() == [F] * 4


def test_what_ran_in_spite_of_a_failure_does_not_run_again_when_the_parent_does(queue: TaskQueue) -> None:
    (a,) = named("a")
    run = queue.enqueue(a >> echo("b").with_(on_parent_failure="run"), user_id="u")
    assert serve(queue, "a") == ["a", "b"]
    assert run[0].retry()
    assert serve(queue) == ["a"]
    assert run.states() == [F, F]


def test_a_canceled_child_that_is_tried_again_waits_again_for_what_bars_it(queue: TaskQueue) -> None:
    a, b = named("a", "b")
    run = queue.enqueue(a >> b.with_(on_parent_failure="cancel"), user_id="u")
    serve(queue, "a")
    assert run.states() == [X, C]
    assert run[1].retry()
    assert canceled(queue, run[1]) == "parent", "its parent still stands as failed"
    assert run[0].retry()
    assert run[1].retry()
    assert run.states() == [Q, D]
    assert run[1].explain().reasons[0].text == "deferred on [a (queued)]"
    assert serve(queue) == ["a", "b"]


def test_a_child_that_was_canceled_by_hand_can_be_tried_again_before_and_after_its_parent(queue: TaskQueue) -> None:
    a, b, c = named("a", "b", "c")
    run = queue.enqueue(a >> (b | c), user_id="u")
    assert [run[1].cancel(), run[2].cancel(), run[1].retry()] == [True] * 3
    assert run.states() == [Q, D, C]
    assert serve(queue) == ["a", "b"]
    assert run[2].retry()
    assert run.states() == [F, F, Q]
    assert serve(queue) == ["c"]


def test_a_failed_child_that_is_tried_again_does_not_wait_for_what_has_finished(queue: TaskQueue) -> None:
    run = queue.enqueue(named("a")[0] >> named("b")[0], user_id="u")
    serve(queue, "b")
    with pytest.raises(TaskFailed):
        run.results(timeout=0)
    assert run[1].retry()
    assert run.states() == [F, Q]
    assert serve(queue) == ["b"]
    assert run.results(timeout=0) == ["a", "b"]


def test_an_id_that_is_pushed_again_stands_for_the_parent(queue: TaskQueue) -> None:
    queue.push(named("a")[0], user_id="u")
    child = child_of(queue, "a")
    serve(queue, "a")
    assert child.state() is D
    assert queue.push(named("a")[0], user_id="u").created
    assert child.explain().reasons[0].text == "deferred on [a (queued)]"
    assert serve(queue) == ["a", "child"]
