"""Parents and children that are tried again: what waited is released, what ran is left alone (I17)."""

from __future__ import annotations

import pytest

from fairque import TaskQueue
from fairque.errors import TaskFailed
from tests.contract.graphs import C, D, F, Q, X, canceled, child_of, named, serve
from tests.contract.jobs import echo

BAD = ("failed", "canceled")


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
