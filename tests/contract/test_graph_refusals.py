"""A graph is taken whole or not at all: what stands in its way, and that nothing of it is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairque import GraphError, TaskQueue, chain, group
from fairque.errors import BacklogFull, TaskConflict, TaskReplaced, UnknownTask
from tests.contract.conftest import Lossy
from tests.contract.graphs import D, F, Q, X, named, serve
from tests.contract.jobs import echo

Dump = Callable[[], dict[bytes, bytes]]
SIZES = (3, 450)
"""Of one call, and of several."""


def of_size(size: int, *, first: Any = None, last: Any = None) -> Any:
    """Return a chain-like graph of so many tasks: one, a group, one."""
    first, last = first or echo("first"), last or echo("last")
    return first >> group(echo(n) for n in range(size - 2)) >> last


def kept(dump: Dump) -> dict[bytes, bytes]:
    """Return all keys but those of the queue's clock and of calls just answered."""
    return {key: value for key, value in dump().items() if b":last:" not in key and not key.endswith(b":stats")}


# --- ids and keys that live -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_living_id_refuses_the_whole(queue: TaskQueue, dump: Dump, size: int, place: str) -> None:
    queue.push(echo(1).with_(task_id="x"), user_id="u")
    before, stats = kept(dump), queue.get_stats()
    with pytest.raises(TaskConflict, match="x"):
        queue.enqueue(of_size(size, **{place: echo(2).with_(task_id="x")}), user_id="u")
    assert kept(dump) == before
    assert queue.get_stats() == stats
    assert queue.enqueue(of_size(size, **{place: echo(2).with_(task_id="x")}), user_id="v").state() is Q


@pytest.mark.parametrize("size", SIZES)
def test_a_taken_unique_key_refuses_the_whole(queue: TaskQueue, dump: Dump, size: int) -> None:
    queue.push(echo(1).with_(unique_key="k"), user_id="u")
    before = kept(dump)
    with pytest.raises(TaskConflict):
        queue.enqueue(of_size(size, last=echo(2).with_(unique_key="k")), user_id="u")
    assert kept(dump) == before
    assert queue.enqueue(of_size(size, last=echo(2).with_(unique_key="k")), user_id="v")


def test_a_unique_key_in_a_graph_is_taken_until_its_task_has_ended(queue: TaskQueue) -> None:
    run = queue.enqueue(echo(1) >> echo(2).with_(unique_key="k"), user_id="u")
    other = queue.push(echo(3).with_(unique_key="k"), user_id="u")
    assert (other.created, other.task_id) == (False, run[1].task_id)
    serve(queue)
    assert queue.push(echo(3).with_(unique_key="k"), user_id="u").created


@pytest.mark.parametrize("size", SIZES)
def test_a_full_backlog_refuses_the_whole_and_nothing_of_it_is_left(queue: TaskQueue, dump: Dump, size: int) -> None:
    queue.set_user("u", max_backlog=size)
    queue.push(echo(1), user_id="u")
    before = kept(dump)
    with pytest.raises(BacklogFull):
        queue.enqueue(of_size(size), user_id="u")
    assert kept(dump) == before
    assert serve(queue) == [1]
    run = queue.enqueue(of_size(size), user_id="u")
    with pytest.raises(BacklogFull):
        queue.push(echo(1), user_id="u")
    serve(queue)
    assert run.state() is F


# --- run ids --------------------------------------------------------------------------------------------------------


def test_a_run_id_stands_before_the_chosen_ids_so_that_runs_overlap(queue: TaskQueue) -> None:
    days = ("2026-11-21", "2026-11-22")
    runs = [queue.enqueue(chain(*named("a", "b"), echo("c")), user_id="u", run_id=day) for day in days]
    assert [run.run_id for run in runs] == list(days)
    assert [[one.task_id for one in run][:2] for run in runs] == [[f"{day}/a", f"{day}/b"] for day in days]
    assert "/" not in runs[0][2].task_id
    assert sorted(serve(queue)) == ["a", "a", "b", "b", "c", "c"]
    assert [run.results(timeout=0) for run in runs] == [["a", "b", "c"]] * 2
    assert queue.get_result(f"{days[0]}/a", user_id="u") == "a"


def test_depends_on_inside_a_graph_means_the_task_of_its_own_run(queue: TaskQueue) -> None:
    a, b = named("a", "b")
    queue.push(a, user_id="u")
    runs = [queue.enqueue([a, b.with_(depends_on=["a"])], user_id="u", run_id=day) for day in ("1", "2")]
    assert [run.graph().nodes[1].parents for run in runs] == [(0,), (0,)]
    one = queue.enqueue([a, b.with_(depends_on=["3/a"])], user_id="u", run_id="3")
    assert one.graph().nodes[1].parents == (0,)


def test_a_run_id_that_lives_is_refused_and_one_that_has_ended_is_free(queue: TaskQueue, dump: Dump) -> None:
    first = queue.enqueue(chain(*named("a", "b")), user_id="u", run_id="nightly")
    before = kept(dump)
    with pytest.raises(TaskConflict, match="nightly"):
        queue.enqueue(chain(*named("c", "d")), user_id="u", run_id="nightly")
    assert kept(dump) == before
    assert queue.enqueue(chain(*named("a", "b")), user_id="v", run_id="nightly").state() is Q
    serve(queue)
    second = queue.enqueue(chain(*named("a", "b")), user_id="u", run_id="nightly")
    assert second.states() == [Q, D]
    with pytest.raises(TaskReplaced):
        first[0].state()
    with pytest.raises(UnknownTask):
        first.state()
    assert queue.flow("nightly", user_id="u").state() is Q  # type: ignore[union-attr]


def test_a_run_that_is_stuck_still_has_its_id(queue: TaskQueue) -> None:
    run = queue.enqueue(chain(*named("a", "b")), user_id="u", run_id="nightly")
    serve(queue, "a")
    with pytest.raises(TaskConflict):
        queue.enqueue(chain(*named("a", "b")), user_id="u", run_id="nightly")
    assert run.cancel() == 1
    assert queue.enqueue(chain(*named("a", "b")), user_id="u", run_id="nightly").states() == [Q, D]


# --- parents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_parent_that_is_not_known_refuses_the_whole(queue: TaskQueue, dump: Dump, size: int) -> None:
    queue.push(echo(1).with_(task_id="theirs"), user_id="v")
    generated = queue.push(echo(1), user_id="v").task_id
    before = kept(dump)
    for parent in ("never", "theirs", generated):
        with pytest.raises(UnknownTask, match=parent):
            queue.enqueue(of_size(size, last=echo(2).with_(depends_on=[parent])), user_id="u")
        with pytest.raises(UnknownTask, match=parent):
            queue.push(echo(2).with_(depends_on=[parent]), user_id="u")
        with pytest.raises(UnknownTask, match=parent):
            queue.push_batch([echo(2), echo(2).with_(depends_on=[parent])], user_id="u")
    assert kept(dump) == before


def test_a_handle_of_another_users_task_is_no_parent_i23(queue: TaskQueue) -> None:
    """I23."""
    theirs = queue.push(echo(1), user_id="v")
    with pytest.raises(UnknownTask):
        queue.push(echo(2).with_(depends_on=[theirs]), user_id="u")
    assert queue.users().keys() == {"v"}


# --- a task with followers, pushed ----------------------------------------------------------------------------------


def test_a_pushed_task_brings_its_followers_and_a_living_id_brings_none(queue: TaskQueue) -> None:
    (task,) = named("x", on_success=echo("after"))
    first = queue.push(task, user_id="u")
    assert (first.created, first.task_id) == (True, "x")
    second = queue.push(task, user_id="u")
    assert (second.created, second.task_id, second.incarnation) == (False, "x", first.incarnation)
    assert queue.get_stats()["deferred"] == 1
    assert serve(queue) == ["x", "after"]
    assert second.result(timeout=0) == "x"
    third = queue.push(task, user_id="u")
    assert third.created
    with pytest.raises(TaskReplaced):
        first.state()


def test_a_pushed_task_with_parents_and_a_living_id_is_that_one(queue: TaskQueue) -> None:
    (a,) = named("a")
    (b,) = named("b", depends_on=["a"])
    queue.push(a, user_id="u")
    first, second = queue.push(b, user_id="u"), queue.push(b, user_id="u")
    assert [(one.created, one.state()) for one in (first, second)] == [(True, D), (False, D)]
    assert queue.get_stats()["deferred"] == 1
    assert serve(queue) == ["a", "b"]


def test_a_batch_takes_what_waits_and_what_has_followers(queue: TaskQueue) -> None:
    a, b, c = named("a", "b", "c")
    handles = queue.push_batch([a, b.with_(depends_on=["a"]), c.with_(on_failure=echo("help"))], user_id="u")
    assert [handle.state() for handle in handles] == [Q, D, Q]
    assert sorted(serve(queue, "c")) == ["a", "b", "c", "help"]
    assert [handle.state() for handle in handles] == [F, F, X]


# --- replies lost ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_a_graph_whose_reply_is_lost_is_there_once(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, size: int, skip: int
) -> None:
    """I3."""
    if skip and size < 200:
        size = 1_000  # one call has one reply
    run = lossy(lambda: far.enqueue(of_size(size), user_id="u"), skip)
    assert queue.get_stats()["deferred"] == size - 1
    served = serve(queue)
    assert (len(served), served[0], served[-1]) == (size, "first", "last")
    assert (run.state(), run.summary().total) == (F, size)


def test_what_cannot_be_a_graph_is_refused_before_anything_is_sent(queue: TaskQueue, dump: Dump) -> None:
    a, b = named("a", "b")
    before = kept(dump)
    wrongs: list[Any] = [a >> b >> a, a >> a, [a, a.with_(unique_key="k")], [], "a", echo]
    for wrong in wrongs:
        with pytest.raises((GraphError, ValueError)):
            queue.enqueue(wrong, user_id="u")
    with pytest.raises(ValueError, match="user"):
        queue.enqueue(a >> b)
    assert kept(dump) == before
    assert queue.pop() is None
