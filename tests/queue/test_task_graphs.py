"""Task functions in graphs: `map`, `@xcom_task`, results of parents, what is refused, and what a type checker sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fairque import GraphError, Task, TaskValidationError, from_parent, task, xcom_task
from fairque.core.codec import decode_body
from fairque.core.layout import layout_of
from fairque.core.models import Take
from fairque.queue.intake import entry_of
from fairque.queue.planning import Node
from fairque.queue.reading import task_of_grant
from fairque.queue.registry import find_task
from fairque.store.records import Grant
from tests.queue.checker import assert_said
from tests.queue.etl import MINT, USER, alert, extract, load, merge, planned

ROOT = Path(__file__).resolve().parents[2]


def body(built: Task[Any]) -> Any:
    return decode_body(entry_of(built, USER, MINT).body)


# --- map ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "items",
    [[1, 2, 3], (1, 2, 3), range(1, 4), iter([1, 2, 3]), {1: "a", 2: "b", 3: "c"}],
    ids=lambda items: type(items).__name__,
)
def test_map_is_a_group_of_calls_with_one_argument(items: Any) -> None:
    tasks, parents = layout_of(extract.map(items) >> alert())
    assert [one.args for one in tasks] == [(1,), (2,), (3,), ()]
    assert list(parents[3]) == [0, 1, 2]
    assert all(parents[3].values())


def test_map_takes_its_options_from_the_function() -> None:
    owned = task(name="graphs:owned", user_id=lambda n: f"user:{n}", priority=5)(extract.function)
    assert [(one.user_id, one.priority) for one in layout_of(owned.map([1, 2])).tasks] == [("user:1", 5), ("user:2", 5)]


def test_a_map_of_nothing_is_a_group_of_zero() -> None:
    with pytest.raises(GraphError, match="group: there are no tasks in it"):
        extract.map([])
    with pytest.raises(TaskValidationError, match="map: expected a list of arguments, got int"):
        extract.map(3)  # type: ignore[arg-type]


def test_a_map_without_an_end_is_refused() -> None:
    with pytest.raises(GraphError, match="more than 100,000 members"):
        extract.map(iter(int, 1))


# --- xcom -----------------------------------------------------------------------------------------------------------


def test_xcom_task_keeps_its_result_under_the_key() -> None:
    rows = xcom_task("rows", name="graphs:rows", priority=5)(extract.function)
    assert find_task("graphs:rows") is rows
    built = rows(3)
    assert (built.auto_xcom, built.push_key, built.priority, built()) == (True, "rows", 5, [0, 1, 2])
    assert body(built).terms.push_key == "rows"


@pytest.mark.parametrize("key", ["", 3, None, "a\nb", "x" * 257, extract.function])
def test_a_key_is_printable(key: Any) -> None:
    with pytest.raises(TaskValidationError, match="push_key: "):
        xcom_task(key)


def test_without_a_key_a_result_is_kept_under_the_task_id() -> None:
    auto = alert().with_(auto_xcom=True)
    assert body(auto.with_(task_id="a")).terms.push_key == "a"
    entry = entry_of(auto, USER, MINT)
    assert decode_body(entry.body).terms.push_key == entry.task_id
    assert body(alert()).terms.push_key is None
    assert not body(alert().with_(enable_xcom=False)).terms.xcom


def test_options_of_xcom_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(TaskValidationError, match="push_key: names what auto_xcom=True stores"):
        entry_of(alert().with_(push_key="rows"), USER, MINT)
    with pytest.raises(TaskValidationError, match="auto_xcom: enable_xcom=False forbids it"):
        entry_of(alert().with_(auto_xcom=True, enable_xcom=False), USER, MINT)


# --- results of parents ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "missing"), [(load(), "rows"), (merge(), "rows"), (merge([1]), "size"), (merge(size=1), "rows")]
)
def test_called_here_and_now_a_task_has_no_parent(call: Task[Any], missing: str) -> None:
    with pytest.raises(TaskValidationError, match=f"^{missing}: would come from a parent, and this call has none"):
        call()


def test_called_with_all_its_arguments_it_needs_none() -> None:
    assert load([1, 2])() == 2
    assert merge([1, 2], size=3)() == 6


def test_pushed_alone_it_is_refused_unless_all_is_given() -> None:
    with pytest.raises(GraphError, match=r"^rows: comes from a parent, and etl:load has none: write parent >> child"):
        entry_of(load(), USER, MINT)
    assert body(load([1])).args == [[1]]


def method(rows: int = from_parent(), /) -> None: ...


def test_a_parameter_that_cannot_be_given_by_name_refuses_the_decorator() -> None:
    with pytest.raises(TaskValidationError, match="rows: a parameter that is positional only"):
        task(name="graphs:method")(method)
    assert find_task("graphs:method") is None


def granted(node: Node) -> Grant:
    return Grant(b"", b"1", USER, node.task_id, node.level, 1, 0, 0, node.task.nonce or "", 0, 0, 1.0, node.body)


def test_what_a_task_waits_for_and_takes_comes_back_with_it() -> None:
    first = alert().with_(task_id="a", auto_xcom=True, enable_xcom=True)
    last = merge(size=2).with_(on_parent_failure="cancel", depends_on=["extract"], enable_xcom=False)
    plan = planned(first >> last, run_id="r")
    with pytest.raises(GraphError, match="no parent is called 'extract'; there is a, x"):
        planned(first >> last.with_(depends_on=["x"]))
    back, child = (task_of_grant(granted(node)) for node in plan.nodes)
    assert (back.auto_xcom, back.push_key, back.enable_xcom, back.parents, back.policy) == (True, "a", True, (), "w")
    assert (child.auto_xcom, child.push_key, child.enable_xcom) == (False, None, False)
    assert (child.parents, child.policy, child.on_parent_failure) == (("r/a", "extract"), "c", "cancel")
    assert (child.takes, child.kwargs) == ({"rows": Take((1,))}, {"size": 2})


def test_a_task_that_was_granted_waits_for_the_results_that_it_takes() -> None:
    child = task_of_grant(granted(planned(extract(3) >> load()).nodes[1]))
    with pytest.raises(TaskValidationError, match="rows: would come from a parent"):
        child()
    found = {name: load.parameters.taken(name, b"[0,1,2]") for name in child.takes}
    assert replace(child, kwargs={**child.kwargs, **found})() == 3


# --- what is no task ------------------------------------------------------------------------------------------------

UNCALLED: dict[str, Callable[[Any], object]] = {
    "add >> task": lambda add: add >> alert(),
    "task >> add": lambda add: alert() >> add,
    "add << task": lambda add: add << alert(),
    "task << add": lambda add: alert() << add,
    "add | task": lambda add: add | alert(),
    "task | add": lambda add: alert() | add,
    "add >> add": lambda add: add >> add,
    "add >> list": lambda add: add >> [alert()],
    "list >> add": lambda add: [alert()] >> add,
    "graph >> add": lambda add: (alert() >> alert()) >> add,
    "in a list": lambda add: alert() >> [alert(), add],
    "on_failure": lambda add: alert().with_(on_failure=add),
    "push": lambda add: entry_of(add, USER, MINT),
}


@pytest.mark.parametrize("act", UNCALLED.values(), ids=list(UNCALLED))
def test_a_task_function_that_was_not_called_is_refused_with_a_hint(act: Callable[[Any], object]) -> None:
    with pytest.raises(TaskValidationError, match=r"expected a task, got TaskFunction; call it: extract\(\.\.\.\)"):
        act(extract)


def test_a_graph_is_not_pushed() -> None:
    with pytest.raises(TaskValidationError, match=r"expected a task, got Graph; give it to enqueue\(\)"):
        entry_of(alert() >> alert(), USER, MINT)  # type: ignore[arg-type]


# --- types ----------------------------------------------------------------------------------------------------------

FUNCTIONS = """
    from fairque import Graph, Task, chain, from_parent, group, task, xcom_task

    @task
    def add(x: int, y: int = 0) -> int:
        return x + y

    @task
    async def fetch(url: str) -> bytes:
        return url.encode()

    @xcom_task("rows", priority=5)
    def rows(n: int, more: list[int] = from_parent()) -> list[int]:
        return [n, *more]
"""


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("graph: Graph = add(1) >> add(2) << fetch('u') | rows(3)", ""),
        ("graph: Graph = add(1) >> [add(2), fetch('u')] >> rows(3)", ""),
        ("graph: Graph = [add(2), fetch('u')] >> rows(3)", ""),
        ("graph: Graph = chain(add(1), [add(2)], add(3) | add(4))", ""),
        ("graph: Graph = group(add(n) for n in range(3)) | group(add(1), fetch('u'))", ""),
        ("graph: Graph = add.map([1, 2]) >> fetch.map(['u']) >> rows(1)", ""),
        ("built: Task[list[int]] = rows(1)", ""),
        ("add(1).with_(on_failure=fetch('u'))", ""),
        ("add.map(['u'])", "list-item"),
        ("rows('a')", "arg-type"),
        ("add(1) >> 3", "operator"),
        ("3 >> add(1)", "operator"),
        ("add(1) >> add", "operator"),
        ("chain(add)", "arg-type"),
    ],
)
def test_a_type_checker_knows_graphs(tmp_path: Path, line: str, fault: str) -> None:
    assert_said(tmp_path, FUNCTIONS, line, fault)
