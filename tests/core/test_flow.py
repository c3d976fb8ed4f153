"""A flow as a value: the state of the whole, its numbers, and which of its tasks are drawn as one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from fairque.core.flow import MOST_EDGES, FlowGraph, FlowSummary, Fold, is_mark
from fairque.core.state import TaskState
from tests.core.flows import BEGAN, chosen, flow, flows, node, thousand


def summary(total: int = 10, **counts: Any) -> FlowSummary:
    return FlowSummary(run_id="r", user_id="u", created_at=BEGAN, total=total, **counts)


@pytest.mark.parametrize(
    ("counts", "state", "ended"),
    [
        ({"finished": 10}, "finished", 10),
        ({}, "finished", 10),  # no record is left of any
        ({"finished": 9, "failed": 1}, "failed", 10),
        ({"finished": 8, "failed": 1, "canceled": 1}, "failed", 10),
        ({"finished": 9, "canceled": 1}, "canceled", 10),
        ({"finished": 4, "failed": 1, "deferred": 5}, "failed", 5),
        ({"finished": 4, "canceled": 1, "deferred": 5}, "canceled", 5),
        ({"finished": 4, "deferred": 6}, "deferred", 4),
        ({"deferred": 10}, "deferred", 0),
        ({"active": 1, "deferred": 9}, "queued", 0),
        ({"active": 1, "started": 1, "deferred": 9}, "started", 0),
        ({"active": 1, "finished": 1, "deferred": 8}, "started", 1),
        ({"active": 1, "failed": 9}, "started", 9),
        ({"active": 10, "staged": True}, "deferred", 0),
        ({"staged": True}, "deferred", 0),
    ],
)
def test_the_state_of_the_whole_follows_from_the_numbers(counts: dict[str, Any], state: str, ended: int) -> None:
    of = summary(**counts)
    assert (of.state, of.ended, of.percent) == (state, ended, 10 * ended)
    assert of.is_settled is (state in {"finished", "failed", "canceled"})


def test_a_flow_of_nothing_has_no_part_that_ended() -> None:
    assert (summary(total=0).percent, summary(total=0).state) == (0, "finished")


def test_a_graph_counts_its_tasks() -> None:
    states = ["queued", "started", "scheduled", "deferred", "deferred", "finished", "failed", "canceled", None]
    graph = flow(*(node("a", state) for state in states))
    assert graph.summary == FlowSummary(
        run_id="nightly",
        user_id="user:a",
        created_at=BEGAN,
        total=9,
        finished=1,
        failed=1,
        canceled=1,
        deferred=2,
        active=3,
        started=1,
    )
    assert (graph.summary.ended, graph.state) == (4, TaskState.STARTED)


@pytest.mark.parametrize(
    ("text", "so"),
    [
        ("g0123456789abcde", True),
        ("g0123456789abcd", False),
        ("g0123456789abcdef", False),
        ("g0123456789ABCDE", False),
        ("0123456789abcdef", False),
        ("g0123456789abcde\n", False),
        ("", False),
    ],
)
def test_a_mark_is_known_by_its_look(text: str, so: bool) -> None:
    assert is_mark(text) is so


def test_people_call_a_task_by_the_id_they_chose_or_by_its_function() -> None:
    assert (node("load", None).title, node("load", None, written_id="load-eu").title) == ("load", "load-eu")
    nameless = flow(node("x", None)).nodes[0]
    assert nameless.called == "x"
    assert Fold((nameless, nameless), ()).title == "x × 2"


def test_a_hook_whose_case_has_not_come_does_not_count() -> None:
    graph = flow(
        chosen("done", "finished"),
        chosen("alarm", None, 0, policy="f"),
        chosen("after-alarm", None, 1),
        chosen("thanks", None, 0, policy="s"),  # it ran, and its record has gone by now
        chosen("broken", "failed"),
        chosen("cheers", None, 4, policy="s"),
        chosen("note", "finished", 4, policy="f"),
        chosen("lost", None),
        chosen("mail", None, 7, policy="f"),
    )
    assert [fold.title for fold in graph.folds()] == ["done", "thanks", "broken", "note", "lost", "mail"]
    assert (graph.summary.total, graph.summary.ended, graph.state) == (6, 6, "failed")


# --- what is drawn as one -------------------------------------------------------------------------------------------


def told(graph: FlowGraph, most: int = 3) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(fold.title, str(fold.one.state), fold.parents) for fold in graph.folds(most)]


def test_a_small_flow_is_drawn_task_by_task() -> None:
    graph = flow(node("a", "finished"), node("b", "queued", 0), node("b", "queued", 0))
    assert told(graph) == [("a", "finished", ()), ("b", "queued", (0,)), ("b", "queued", (0,))]


def test_of_a_large_flow_what_is_alike_is_one_and_what_follows_it_too() -> None:
    assert told(thousand(), most=200) == [
        ("list", "finished", ()),
        ("resize × 3", "failed", (0,)),
        ("resize × 997", "finished", (0,)),
        ("upload × 3", "deferred", (1,)),
        ("upload × 997", "finished", (2,)),
        ("index", "deferred", (3, 4)),
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(node("b", "queued", 0), id="name"),
        pytest.param(node("a", "started", 0), id="state"),
        pytest.param(node("a", "queued"), id="parents"),
        pytest.param(node("a", "queued", 0, policy="r"), id="policy"),
        pytest.param(node("a", "queued", 0, outside=1), id="outside"),
    ],
)
def test_what_differs_is_drawn_apart(other: Any) -> None:
    graph = flow(node("top", "finished"), node("a", "queued", 0), node("a", "queued", 0), other)
    assert sorted(len(fold.nodes) for fold in graph.folds(3)) == [1, 1, 2]


def test_of_too_many_edges_those_between_what_is_alike_are_one() -> None:
    few, side = range(22), 23  # 22 x 23 edges are more than Mermaid draws
    graph = flow(*(node("a", "finished") for _ in few), *(node("b", "queued", *few) for _ in range(side)))
    assert len(few) * side > MOST_EDGES
    assert told(graph, most=200) == [("a × 22", "finished", ()), ("b × 23", "queued", (0,))]


def test_what_was_written_before_its_parents_is_drawn_after_them() -> None:
    graph = flow(chosen("last", "deferred", 1), chosen("middle", "deferred", 2), chosen("first", "queued"))
    assert told(graph) == [("first", "queued", ()), ("middle", "deferred", (0,)), ("last", "deferred", (1,))]


@given(flows())
def test_whatever_is_drawn_as_one_every_task_is_drawn_once_below_its_parents(graph: FlowGraph) -> None:
    for most in (0, 100):
        folds = graph.folds(most)
        place = {one.task_id: number for number, fold in enumerate(folds) for one in fold.nodes}
        assert sorted(place) == sorted(graph.nodes[index].task_id for index in graph.wanted)
        assert sum(len(fold.nodes) for fold in folds) == len(place) == graph.summary.total
        for number, fold in enumerate(folds):
            assert all(parent < number for parent in fold.parents)
            for one in fold.nodes:
                ids = [graph.nodes[parent].task_id for parent in one.parents]
                assert {place[parent] for parent in ids if parent in place} == {*fold.parents}
                assert (one.name, one.state, one.policy) == (fold.one.name, fold.one.state, fold.one.policy)
