"""Graphs that are enqueued, and their run: order, states, results, progress, waiting, canceling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from fairque import Run, TaskQueue, chain, group
from fairque.core.flow import FlowSummary
from fairque.errors import ResultError, ResultTimeout, TaskCanceled, TaskFailed, UnknownTask
from tests.contract.conftest import Make
from tests.contract.graphs import C, D, F, Q, R, X, named, serve
from tests.contract.hands import pop
from tests.contract.jobs import echo
from tests.proxy import Proxy
from tests.waiting import wait_until


def diamond(queue: TaskQueue, **options: Any) -> Run:
    a, b, c, d = named("a", "b", "c", "d")
    return queue.enqueue(a >> (b | c) >> d, user_id="u", **options)


def told(summary: FlowSummary) -> tuple[int, ...]:
    names = ("total", "active", "deferred", "finished", "failed", "canceled")
    return tuple(getattr(summary, name) for name in names)


# --- order, states, progress ----------------------------------------------------------------------------------------


def test_a_run_has_its_tasks_as_they_were_written_and_they_start_after_their_parents_i17(queue: TaskQueue) -> None:
    d, b, c, a = named("d", "b", "c", "a")
    run = queue.enqueue(d << (b | c) << a, user_id="u")
    assert [handle.task_id for handle in run] == ["d", "b", "c", "a"]
    assert [handle.created for handle in run] == [True] * 4
    assert (len(run), run[1].task_id, [one.task_id for one in run[1:3]], run[-1].task_id) == (4, "b", ["b", "c"], "a")
    assert run.states() == [D, D, D, Q]
    assert serve(queue) == ["a", "b", "c", "d"]
    assert run.states() == [handle.state() for handle in run] == [F] * 4


def test_a_run_says_how_far_it_is_at_every_step(queue: TaskQueue) -> None:
    run = diamond(queue)
    steps = [(run.state(), told(run.summary()), run.progress())]
    for _ in range(4):
        task = pop(queue)
        steps.append((run.state(), told(run.summary()), run.progress()))
        queue.finish(task, 1)
    steps.append((run.state(), told(run.summary()), run.progress()))
    assert [state for state, _, _ in steps] == [Q, R, R, R, R, F]
    assert [numbers for _, numbers, _ in steps] == [
        (4, 1, 3, 0, 0, 0),
        (4, 1, 3, 0, 0, 0),
        (4, 2, 1, 1, 0, 0),
        (4, 1, 1, 2, 0, 0),
        (4, 1, 0, 3, 0, 0),
        (4, 0, 0, 4, 0, 0),
    ]
    assert [progress.percent for _, _, progress in steps] == [0, 0, 25, 50, 75, 100]
    assert steps[-1][2].message == "4 of 4 tasks have ended"


def test_its_graph_says_what_each_task_waits_for(queue: TaskQueue) -> None:
    run = diamond(queue, run_id="nightly")
    serve(queue, "b")
    graph = run.graph()
    assert (graph.run_id, graph.user_id, graph.state) == ("nightly", "u", X)
    assert [(node.task_id, node.title, node.state, node.parents, node.attempt) for node in graph.nodes] == [
        ("nightly/a", "a", F, (), 1),
        ("nightly/b", "b", X, (0,), 1),
        ("nightly/c", "c", F, (0,), 1),
        ("nightly/d", "d", D, (1, 2), 0),
    ]
    assert [node.failure.message if node.failure else "" for node in graph.nodes] == ["", "no", "", ""]
    assert told(graph.summary) == told(run.summary()) == (4, 0, 1, 2, 1, 0)


def test_the_numbers_of_the_queue_count_what_is_deferred(queue: TaskQueue) -> None:
    run = diamond(queue)
    assert (queue.get_stats()["deferred"], queue.get_queue_sizes("u")["deferred"]) == (3, 3)
    assert queue.users()["u"]["deferred"] == 3
    serve(queue)
    assert (queue.get_stats()["deferred"], queue.get_queue_sizes("u")["deferred"]) == (0, 0)
    assert run.state() is F


def test_a_graph_of_one_task_is_a_run(queue: TaskQueue) -> None:
    run = queue.enqueue(echo(1), user_id="u")
    assert [handle.state() for handle in run] == [Q]
    assert (run.state(), run.user_id, len(run)) == (Q, "u", 1)
    assert serve(queue) == [1]
    assert run.results(timeout=0) == [1]
    assert run[0].result(timeout=0) == 1


def test_the_same_calls_built_twice_are_two_runs(queue: TaskQueue) -> None:
    def build() -> Any:
        return echo("first") >> (echo("x") | echo("y")) >> echo("last")

    runs = [queue.enqueue(build(), user_id="u") for _ in range(2)]
    assert len({handle.task_id for run in runs for handle in run}) == 8
    assert sorted(serve(queue)) == sorted(["first", "x", "y", "last"] * 2)
    assert [run.results(timeout=0) for run in runs] == [["first", "x", "y", "last"]] * 2


def test_one_graph_that_is_enqueued_twice_is_two_runs(queue: TaskQueue) -> None:
    graph = chain(echo(1), echo(2))
    first, second = (queue.enqueue(graph, user_id=user) for user in ("u", "v"))
    assert {handle.task_id for handle in first}.isdisjoint(handle.task_id for handle in second)
    assert sorted(serve(queue)) == [1, 1, 2, 2]
    assert first.state() is second.state() is F


# --- results --------------------------------------------------------------------------------------------------------


def test_results_come_in_the_order_in_which_the_tasks_were_written(queue: TaskQueue) -> None:
    tasks = [echo(n) for n in range(40)]
    run = queue.enqueue(group(tasks[20:]) << group(tasks[:20]), user_id="u")
    serve(queue)
    assert run.results(timeout=5) == [*range(20, 40), *range(20)]


def test_where_a_task_has_no_result_its_error_is_raised_or_stands_in_its_place(queue: TaskQueue) -> None:
    a, b, c, d, e = named("a", "b", "c", "d", "e")
    run = queue.enqueue([a, b >> c, d, e], user_id="u")
    assert run[3].cancel()
    serve(queue, "b", "e")
    with pytest.raises(TaskFailed, match="b: RuntimeError: no"):
        run.results(timeout=5)
    found = run.results(timeout=5, return_exceptions=True)
    assert found[0] == "a"
    assert [type(one) for one in found[1:]] == [TaskFailed, ResultError, TaskCanceled, TaskFailed]
    assert str(found[2]) == "c: is deferred: what it waits for has failed or was canceled"


def test_a_result_that_is_gone_is_an_error_too(queue: TaskQueue) -> None:
    run = queue.enqueue(named("a", "b"), user_id="u")
    serve(queue)
    assert queue.delete_task("a", user_id="u")
    found = run.results(timeout=0, return_exceptions=True)
    assert isinstance(found[0], UnknownTask)
    assert (found[1], run.states()) == ("b", [None, F])
    with pytest.raises(UnknownTask):
        run.results(timeout=0)


# --- waiting --------------------------------------------------------------------------------------------------------


class Waiting:
    """A thread that waits for a run."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        self.outcome: Any = None
        self._thread = threading.Thread(target=self._act, args=(wait,), daemon=True)
        self._thread.start()

    def _act(self, wait: Callable[[], Any]) -> None:
        try:
            self.outcome = wait()
        except Exception as error:
            self.outcome = error

    def over(self) -> Any:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.outcome


def listed(client: redis.Redis, prefix: str) -> bool:
    return bool(client.hlen(f"{{{prefix}:default}}:queue:waiters"))


@pytest.mark.parametrize("end", ["finished", "stuck", "canceled", "erased"])
def test_who_waits_for_a_run_asks_twice_and_is_woken(
    far: TaskQueue, make: Make, proxy: Proxy, redis_client: redis.Redis, prefix: str, end: str
) -> None:
    run, queue = diamond(far), make()
    waiter = Waiting(lambda: run.wait(30))
    wait_until(lambda: listed(redis_client, prefix), description="the waiter is listed")
    before = proxy.replies
    serve(queue, *(["c"] if end == "stuck" else []), most=3)
    assert waiter.outcome is None or end == "stuck"
    if end == "canceled":
        queue.flow(run.run_id, user_id="u").cancel()  # type: ignore[union-attr]
    elif end == "erased":
        queue.erase_user("u")
    else:
        serve(queue)
    outcome = waiter.over()
    if end == "erased":
        assert isinstance(outcome, UnknownTask)
    else:
        assert outcome == {"finished": F, "stuck": X, "canceled": C}[end]
    assert proxy.replies - before <= 3, "the hint, and one look"
    assert not listed(redis_client, prefix)


def test_a_run_that_does_not_end_in_time_is_a_timeout_and_leaves_nothing_behind(
    queue: TaskQueue, redis_client: redis.Redis, prefix: str
) -> None:
    run = diamond(queue)
    for timeout in (0, -1, 0.1):
        with pytest.raises(ResultTimeout, match=r"has not ended after .* 0 of 4 tasks have ended"):
            run.wait(timeout)
        with pytest.raises(ResultTimeout):
            run.results(timeout)
    assert not listed(redis_client, prefix)
    serve(queue)
    assert run.wait(0) is F


# --- canceling ------------------------------------------------------------------------------------------------------


def test_a_run_is_canceled_as_a_whole(queue: TaskQueue) -> None:
    run = diamond(queue)
    serve(queue, most=1)
    running = pop(queue)
    assert run.cancel() == 3
    assert run.states() == [F, R, C, C]
    queue.fail(running, "stopped")
    assert (run.states(), run.state()) == ([F, C, C, C], C)
    assert run.cancel() == 0
    assert told(run.summary()) == (4, 0, 0, 1, 0, 3)
    assert queue.get_stats()["deferred"] == 0


def test_a_run_is_found_again_by_its_id_and_its_tasks_with_it(make: Make) -> None:
    run, queue = diamond(make()), make()
    again = queue.flow(run.run_id)
    assert again is not None
    assert [(one.task_id, one.user_id) for one in again] == [(one.task_id, one.user_id) for one in run]
    assert serve(queue) == ["a", "b", "c", "d"]
    assert again.results(timeout=0) == ["a", "b", "c", "d"]
    assert queue.flow("g" + 15 * "0") is None
    assert queue.flow(run.run_id, user_id="v") is None
