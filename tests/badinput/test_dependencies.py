"""Dependencies at a server: what is no graph, and parents that cannot be, are refused whole (I17, I23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest

from fairque import TaskQueue, TaskState, Worker
from fairque.core.options import MAX_OUTSIDE
from fairque.core.settings import WorkerSettings
from fairque.errors import GraphError, TaskValidationError, UnknownTask
from tests.badinput.ground import COLOURS, Ground, cell, opened, refused, untouched
from tests.badinput.ids import IDS, TASK
from tests.badinput.jobs import TO_GIVE, echo, give
from tests.badinput.payloads import SECRET, VALUES
from tests.badinput.test_graphs import NO_GRAPHS

THEIRS: Final = "theirs"
"""An id that another user's task has."""
USER: Final = "u"
MANY: Final = [f"{n}" for n in range(100_000)]


@pytest.fixture(scope="module")
def ground(redis_url: str) -> Iterator[Ground]:
    """Give a queue in which user `v` has a task, and `u` some that have ended."""
    with opened(redis_url) as ground:
        queue = ground.queues["sync"]
        ended = [echo(name).with_(task_id=name, max_retries=0) for name in ("finished", "failed")]
        queue.push_batch(ended, user_id=USER)
        for task in queue.pop_many(2):
            if task.args == ("failed",):
                queue.fail(task, "no")
            else:
                queue.finish(task, 1)
        assert queue.push(echo(1).with_(task_id="canceled"), user_id=USER).cancel()
        queue.push(echo(1).with_(task_id=THEIRS), user_id="v")
        yield ground


Sends = Callable[[TaskQueue, Any], object]
SENDS: Final[dict[str, Sends]] = {
    "enqueue": lambda queue, made: queue.enqueue(made, user_id=USER, run_id="run"),
    "push": lambda queue, made: queue.push(made, user_id=USER),
    "push_batch": lambda queue, made: queue.push_batch([echo(1), made], user_id=USER),
}
each_colour = pytest.mark.parametrize("colour", COLOURS)
each_way = pytest.mark.parametrize("send", SENDS.values(), ids=list(SENDS))


ALONE: Final = ("run-and-id-too-long", "policy-by-hand")
"""What is wrong with these a task has not that is pushed by itself: it has no run and no parents."""


# --- what is no graph -----------------------------------------------------------------------------------------------


@each_colour
@each_way
def test_what_is_no_graph_is_refused_by_every_verb_and_nothing_is_written(
    ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, send: Sends
) -> None:
    with untouched(ground, caplog):
        for name, build in NO_GRAPHS.items():
            with cell(name):
                try:
                    made = build()
                except TaskValidationError:
                    continue
                if name not in ALONE or send is SENDS["enqueue"]:
                    assert isinstance(refused(partial(send, ground.queues[colour], made)), TaskValidationError)


# --- parents --------------------------------------------------------------------------------------------------------

PARENTS: Final[dict[str, tuple[list[Any], type[Exception]]]] = {
    "unknown": (["nobody"], UnknownTask),
    "unknown-after-known": (["finished", "nobody"], UnknownTask),
    "another-user's": ([THEIRS], UnknownTask),
    "a-generated-id-of-nobody": (["0190a3c2-0000-7000-8000-000000000000"], UnknownTask),
    "as-many-as-there-may-be": (MANY[:MAX_OUTSIDE], UnknownTask),
    "one-more": (MANY[: MAX_OUTSIDE + 1], TaskValidationError),
    "100000": (MANY, TaskValidationError),
    "a-task-that-was-not-pushed": ([echo(1)], TaskValidationError),
    "itself": (["x"], GraphError),
    "number": ([3], TaskValidationError),
    "none": ([None], TaskValidationError),
    "list": ([["finished"]], TaskValidationError),
}


@each_colour
@each_way
def test_a_parent_that_cannot_be(ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, send: Sends) -> None:
    with untouched(ground, caplog):
        for name, (parents, error) in PARENTS.items():
            with cell(name):
                act = partial(_send_child, send, ground.queues[colour], parents)
                assert isinstance(refused(act), error)


def _send_child(send: Sends, queue: TaskQueue, parents: Any) -> object:
    return send(queue, echo(1).with_(task_id="x", depends_on=parents))


@each_colour
@each_way
def test_whatever_may_be_an_id_may_be_an_unknown_parents(
    ground: Ground, caplog: pytest.LogCaptureFixture, colour: str, send: Sends
) -> None:
    with untouched(ground, caplog):
        for row in IDS:
            with cell(row.name):
                error = refused(partial(_send_child, send, ground.queues[colour], [row.value]))
                assert isinstance(error, UnknownTask if TASK in row.names else TaskValidationError)


TAKEN: Final[dict[str, tuple[list[str], str, str]]] = {
    "finished": (["finished"], "wait", "queued"),
    "finished-twice": (["finished", "finished"], "wait", "queued"),
    "failed": (["failed"], "wait", "deferred"),
    "failed-run": (["failed"], "run", "queued"),
    "failed-cancel": (["finished", "failed"], "cancel", "canceled"),
    "canceled": (["canceled"], "wait", "deferred"),
    "canceled-run": (["canceled", "failed"], "run", "queued"),
    "canceled-cancel": (["canceled"], "cancel", "canceled"),
}


@each_colour
@each_way
@pytest.mark.parametrize("name", TAKEN)
def test_a_parent_that_has_ended(ground: Ground, colour: str, send: Sends, name: str) -> None:
    parents, policy, state = TAKEN[name]
    queue = ground.queues[colour]
    send(queue, echo(1).with_(task_id="x", depends_on=parents, on_parent_failure=policy))
    task_id = "run/x" if send is SENDS["enqueue"] else "x"
    if state == "canceled":
        queue.set_limits(max_concurrency=0)
        assert queue.pop() is None
        queue.set_limits(max_concurrency=None)
    found = queue.get_task(task_id, user_id=USER)
    assert found is not None
    assert found.state == state
    assert queue.delete_task(task_id, user_id=USER)


@each_colour
@each_way
def test_a_parent_that_has_expired(redis_url: str, colour: str, send: Sends) -> None:
    with opened(redis_url) as ground:
        queue = ground.queues[colour]
        queue.pause(USER)
        late = queue.push(echo(1).with_(task_id="late", expires_in=0.001), user_id=USER)
        while late.state() is not TaskState.CANCELED:
            assert queue.pop() is None
        send(queue, echo(1).with_(task_id="x", depends_on=["late"]))
        told = queue.explain("run/x" if send is SENDS["enqueue"] else "x", user_id=USER)
        assert told.reasons[0].text.startswith("deferred on [late (canceled)]")


# --- names of runs --------------------------------------------------------------------------------------------------


@each_colour
def test_a_run_id(redis_url: str, caplog: pytest.LogCaptureFixture, colour: str) -> None:
    with opened(redis_url) as ground:
        queue = ground.queues[colour]
        names: list[tuple[str, Any, bool]] = [(row.name, row.value, TASK in row.names) for row in IDS]
        with untouched(ground, caplog):
            for name, run_id, is_taken in names:
                if not is_taken and run_id is not None:
                    with cell(name):
                        refused(partial(queue.enqueue, echo(1), user_id=USER, run_id=run_id))
                        refused(partial(queue.flow, run_id))
                        refused(partial(queue.flow, run_id, user_id=USER))
        taken = [(name, run_id) for name, run_id, is_taken in names if is_taken]
        for name, run_id in taken:
            with cell(name):
                assert queue.enqueue(echo(name), user_id=USER, run_id=run_id).run_id == run_id
        for name, run_id in taken:
            with cell(name):
                found: Any = queue.flow(run_id, user_id=USER)
                task: Any = queue.get_task(found[0].task_id)
                assert (found.run_id, task.args) == (run_id, (name,))


# --- results --------------------------------------------------------------------------------------------------------


def test_a_result_that_does_not_encode_holds_its_children_and_no_log_tells_it(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row for row in VALUES if not row.returned and row.name not in {"1-GB", "depth-100000"}]
    TO_GIVE.update({row.name: row.make(0) for row in rows})
    worker = WorkerSettings(id="w1", assigned_users=("*",))
    with opened(redis_url, workers=(worker,)) as ground, Worker(ground.config) as serving:
        queue = ground.queues["sync"]
        runs = {row.name: queue.enqueue(give(row.name) >> echo(1), user_id=USER) for row in rows}
        serving.drain(60)
        for name, run in runs.items():
            with cell(name):
                assert run.wait(30) is TaskState.FAILED
                assert run.states() == ["failed", "deferred"]
                error = refused(partial(run[0].result, 0))
                assert SECRET not in str(error)
                assert "TaskValidationError: result" in str(error)
    assert SECRET not in caplog.text
