"""`on_success` and `on_failure`: what follows a task is planned with it."""

from __future__ import annotations

import pytest

from fairque import GraphError, task
from fairque.core.models import Take
from fairque.queue.planning import Plan
from tests.queue.etl import alert, extract, links, load, planned


def policies(plan: Plan) -> list[tuple[str, tuple[int, ...], str]]:
    return [(node.name.removeprefix("etl:"), node.inside, node.policy) for node in plan.nodes]


def test_what_follows_stands_behind_what_was_written() -> None:
    hooked = extract(1).with_(on_success=load() >> alert(), on_failure=alert())
    plan = planned(hooked >> load())
    assert plan.written == 2
    assert policies(plan) == [
        ("extract", (), "w"), ("load", (0,), "w"), ("load", (0,), "s"), ("alert", (2,), "w"), ("alert", (0,), "f")
    ]  # fmt: skip
    assert plan.nodes[2].task.takes == {"rows": Take((0,))}
    assert plan.nodes[4].task.parents == (plan.nodes[0].task_id,)


def test_what_follows_may_have_followers() -> None:
    plan = planned(extract().with_(on_failure=alert().with_(on_failure=alert(), on_success=[alert(), alert()])))
    assert [node.inside for node in plan.nodes] == [(), (0,), (1,), (1,), (1,)]
    assert "".join(node.policy for node in plan.nodes) == "wfssf"


def test_each_task_has_followers_of_its_own() -> None:
    shared = alert()
    hooked = task(name="etl:hooked", on_failure=shared)(extract.function)
    plan = planned([hooked(1), hooked(2), shared])
    assert policies(plan)[2:] == [("alert", (), "w"), ("alert", (0,), "f"), ("alert", (1,), "f")]
    assert len({node.task_id for node in plan.nodes}) == 5


def test_what_follows_is_of_the_user_of_its_task_unless_it_has_one() -> None:
    hooked = extract().with_(user_id="a", on_failure=alert().with_(on_success=alert()))
    assert {node.task.user_id for node in planned(hooked, None).nodes} == {"a"}
    with pytest.raises(GraphError, match="a graph is of one user: etl:extract of 'a', etl:alert of 'b'"):
        planned(hooked.with_(on_failure=alert().with_(user_id="b")), None)


def test_followers_of_followers_are_bounded() -> None:
    one = alert()
    for _ in range(40):
        one = one.with_(on_success=one, on_failure=one)
    with pytest.raises(GraphError, match="more than 100,000 tasks, on_success and on_failure included"):
        planned(one)


def test_what_follows_a_failure_has_no_result_to_take_and_nothing_else_to_wait_for() -> None:
    with pytest.raises(GraphError, match=r"^rows: on_failure follows a task that failed"):
        planned(extract().with_(on_failure=load()))
    with pytest.raises(GraphError, match=r"^etl:alert: depends_on: what follows by on_failure waits for nothing else"):
        planned(extract().with_(on_failure=alert().with_(depends_on=["x"])))
    assert planned(extract().with_(on_failure=alert() >> load())).nodes[2].task.takes == {"rows": Take((0,))}
    assert links(planned(extract().with_(on_success=alert().with_(depends_on=["x"]))))[1] == ((0,), ("x",))
