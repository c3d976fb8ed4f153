"""Results that go from parents to children: as arguments, by keys, and what becomes of those that cannot be stored."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import pytest

from fairque import FairQueueConfig, Run, Task, TaskQueue, Worker, group
from fairque.core.outcome import Failure
from fairque.errors import TaskFailed
from fairque.worker.handler import TaskHandler
from tests.contract.graphs import C, D, F, X
from tests.contract.jobs import Point, double, echo, fail, gather, merge, move, pull, return_it, rows

POINT = Point(1, 2)
WHEN = datetime.fromisoformat("2026-11-21T12:00:00+00:00")


def worked(config: FairQueueConfig, run: Run, handler: TaskHandler | None = None) -> Run:
    """Let a worker do all of a run that can be done, and return the run."""
    with Worker(config, handler):
        run.wait(30)
    return run


def failure_of(run: Run, place: int) -> Failure:
    with pytest.raises(TaskFailed) as caught:
        run[place].result(timeout=0)
    assert isinstance(caught.value.failure, Failure)
    return caught.value.failure


# --- as arguments ---------------------------------------------------------------------------------------------------


def test_a_result_goes_down_a_chain(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue(rows(3) >> double() >> double() >> gather(), user_id="u")
    assert worked(config, run).results(timeout=0) == [[0, 1, 2], [0, 2, 4], [0, 4, 8], [0, 4, 8]]


def test_results_of_a_group_come_in_the_order_in_which_it_was_written(
    queue: TaskQueue, config: FairQueueConfig
) -> None:
    members = [echo(n).with_(priority=1 + n % 6) for n in range(30)]
    run = queue.enqueue(gather() << group(members), user_id="u")
    assert worked(config, run)[0].result(timeout=0) == list(range(30))


def test_a_mapped_function_gives_a_list_even_of_one(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue([echo.map([1, 2]) >> gather(), echo.map([3]) >> gather(), echo(4) >> gather()], user_id="u")
    worked(config, run)
    assert [run[place].result(timeout=0) for place in (2, 4, 6)] == [[1, 2], [3], 4]


def test_parents_are_told_apart_by_their_ids_and_names(queue: TaskQueue, config: FairQueueConfig) -> None:
    left, right = echo("l").with_(task_id="left"), echo("r").with_(task_id="right")
    run = queue.enqueue((right | left) >> (merge() | merge("given", sign="-")), user_id="u", run_id="x")
    assert worked(config, run).results(timeout=0)[2:] == [["l", "+", "r"], ["given", "-", "r"]]


def test_a_parent_outside_the_graph_gives_its_result(queue: TaskQueue, config: FairQueueConfig) -> None:
    before = queue.enqueue(rows(2), user_id="u")
    worked(config, before)
    run = queue.enqueue(double().with_(depends_on=[before[0]]), user_id="u")
    handle = queue.push(gather().with_(depends_on=[before[0], run[0]]), user_id="u")
    worked(config, run)
    assert run.results(timeout=0) == [[0, 2]]
    with Worker(config) as worker:
        worker.drain(30)
    assert handle.result(timeout=0) == [[0, 1], [0, 2]]


def test_a_result_is_rebuilt_by_the_annotation(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue(move(POINT, WHEN) >> gather(), user_id="u")
    assert worked(config, run).results(timeout=0) == [Point(2, 2), {"x": 2, "y": 2}]
    wrong = worked(config, queue.enqueue(echo("text") >> double(), user_id="u"))
    assert wrong.states() == [F, X]
    assert "rows" in failure_of(wrong, 1).message


def test_what_runs_in_spite_of_a_failure_gets_none_in_its_place(queue: TaskQueue, config: FairQueueConfig) -> None:
    members = [echo(1), fail(), echo(3)]
    run = queue.enqueue(members >> gather().with_(on_parent_failure="run"), user_id="u")
    assert worked(config, run)[3].result(timeout=0) == [1, None, 3]
    assert run.states() == [F, X, F, F]


def test_a_run_later_in_the_day_takes_the_results_of_its_own(queue: TaskQueue, config: FairQueueConfig) -> None:
    runs = [
        queue.enqueue(echo(day).with_(task_id="extract") >> gather(), user_id=user, run_id=day)
        for user in ("u", "v")
        for day in ("1", "2")
    ]
    assert [worked(config, run)[1].result(timeout=0) for run in runs] == ["1", "2"] * 2


# --- by keys --------------------------------------------------------------------------------------------------------


def test_keys_of_results_are_pulled_within_the_run(queue: TaskQueue, config: FairQueueConfig) -> None:
    stored = echo(1).with_(task_id="kept", auto_xcom=True)
    named = echo(2).with_(auto_xcom=True, push_key="mine")
    plain = echo(3).with_(task_id="plain")
    keys = ("rows", "kept", "mine", "plain", "never")
    run = queue.enqueue([rows(2), stored, named, plain] >> pull(*keys), user_id="u", run_id="day")
    assert worked(config, run)[4].result(timeout=0)[:3] == [[0, 1], 1, 2]
    assert run[4].result(timeout=0)[4] == "nothing"
    elsewhere = queue.enqueue([pull(*keys), pull(*keys)], user_id="u")
    others = queue.enqueue(pull(*keys), user_id="v")
    assert worked(config, elsewhere).results(timeout=0) == [["nothing"] * 5] * 2
    assert worked(config, others).results(timeout=0) == [["nothing"] * 5]


def test_a_key_is_found_far_down_the_run(queue: TaskQueue, config: FairQueueConfig) -> None:
    run = queue.enqueue(rows(2) >> echo(0) >> echo(0) >> pull("rows"), user_id="u")
    assert worked(config, run)[3].result(timeout=0) == [[0, 1]]


def test_the_result_of_a_parent_outside_is_pulled_by_its_key(queue: TaskQueue, config: FairQueueConfig) -> None:
    before = worked(config, queue.enqueue(rows(2), user_id="u"))
    run = queue.enqueue(pull("rows", before[0].task_id).with_(depends_on=[before[0]]), user_id="u")
    assert worked(config, run).results(timeout=0) == [[[0, 1], [0, 1]]]


# --- what cannot be stored ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("object", "result: cannot be stored as JSON"),
        ("nan", r"result[0]: has a NaN or an infinity"),
        ("large", "result: 1,048,578 bytes as JSON; at most 1,048,576 are taken"),
        ("deep", "result: nested deeper than 100"),
    ],
)
def test_a_result_that_cannot_be_stored_fails_its_task_and_holds_its_children(
    queue: TaskQueue, config: FairQueueConfig, what: str, told: str
) -> None:
    family = gather() | gather().with_(on_parent_failure="run") | gather().with_(on_parent_failure="cancel")
    last = return_it(what).with_(on_failure=echo("told"), on_success=echo("never"))
    run = worked(config, queue.enqueue(last >> family, user_id="u"))
    assert run.states() == [X, D, F, C]
    assert failure_of(run, 0).type == "TaskValidationError"
    assert told in failure_of(run, 0).message
    assert run[2].result(timeout=0) is None
    assert sorted((node.policy, str(node.state)) for node in run.graph().nodes[4:]) == [
        ("f", "finished"),
        ("s", "deferred"),
    ]


class Raising(TaskHandler):
    """Its hooks raise."""

    def on_task_start(self, task: Task[Any]) -> None:
        raise KeyboardInterrupt(task.name)

    def on_task_success(self, task: Task[Any], result: Any) -> None:
        raise ValueError(task.name, result)

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:
        raise error from ValueError(task.name)


def test_a_hook_that_raises_is_logged_and_changes_nothing(
    queue: TaskQueue, config: FairQueueConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "fairque.worker"):
        run = worked(config, queue.enqueue(rows(1) >> double() >> fail() >> echo(1), user_id="u"), Raising())
        again = worked(config, queue.enqueue(rows(1), user_id="u"), Raising())
    assert (run.states(), again.results(timeout=0)) == ([F, F, X, D], [[0]])
    logged = [record.getMessage() for record in caplog.records]
    assert {text.split(" ")[0] for text in logged} == {
        f"Raising.on_task_{hook}" for hook in ("start", "success", "failure")
    }
