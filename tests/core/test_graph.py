"""Graphs: what each expression means, whatever its form, and that building one is linear and never recurses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from fairque import GraphError, Task, TaskValidationError, chain, group
from fairque.core.graph import MAX_TASKS, Wired
from fairque.core.layout import MAX_LINKS, Layout, layout_of

A, B, C, D, E = (Task[int](name=name) for name in "abcde")
MANY = [Task[int](name=str(number)) for number in range(10_000)]


def drawn(whole: Wired) -> dict[str, str]:
    """Return for each task, in written order, its parents' names; those that came in a group are in upper case."""
    tasks, parents = layout_of(whole)
    found = {}
    for task, links in zip(tasks, parents, strict=True):
        assert list(links) == sorted(links)
        names = (tasks[place].name for place in links)
        found[task.name] = "".join(
            name.upper() if grouped else name for name, grouped in zip(names, links.values(), strict=True)
        )
    return found


@pytest.mark.parametrize(
    ("whole", "parents"),
    [
        pytest.param(A, {"a": ""}, id="a"),
        pytest.param(A >> B, {"a": "", "b": "a"}, id="a >> b"),
        pytest.param(B << A, {"b": "a", "a": ""}, id="b << a"),
        pytest.param(A >> B >> C, {"a": "", "b": "a", "c": "b"}, id="a >> b >> c"),
        pytest.param(A >> (B >> C), {"a": "", "b": "a", "c": "b"}, id="a >> (b >> c)"),
        pytest.param(C << B << A, {"c": "b", "b": "a", "a": ""}, id="c << b << a"),
        pytest.param(C << (B << A), {"c": "b", "b": "a", "a": ""}, id="c << (b << a)"),
        pytest.param((B >> C) << A, {"b": "a", "c": "b", "a": ""}, id="(b >> c) << a"),
        pytest.param((B << A) >> C, {"b": "a", "a": "", "c": "b"}, id="(b << a) >> c"),
        pytest.param(chain(A, B, C), {"a": "", "b": "a", "c": "b"}, id="chain(a, b, c)"),
        pytest.param(chain(A), {"a": ""}, id="chain(a)"),
        pytest.param(chain([A, B, C]), {"a": "", "b": "a", "c": "b"}, id="chain of a list"),
        pytest.param(chain(one for one in (A, [B, C])), {"a": "", "b": "a", "c": "a"}, id="chain of an iterator"),
        pytest.param(chain(A, [B, C], D >> E), {"a": "", "b": "a", "c": "a", "d": "BC", "e": "d"}, id="chain of all"),
        pytest.param(A | B | C, {"a": "", "b": "", "c": ""}, id="a | b | c"),
        pytest.param(A >> (B | C) >> D, {"a": "", "b": "a", "c": "a", "d": "BC"}, id="a >> (b | c) >> d"),
        pytest.param(A >> [B, C] >> D, {"a": "", "b": "a", "c": "a", "d": "BC"}, id="a >> [b, c] >> d"),
        pytest.param(A >> (B, C) >> D, {"a": "", "b": "a", "c": "a", "d": "BC"}, id="a >> (b, c) >> d"),
        pytest.param([B, C] >> D, {"b": "", "c": "", "d": "BC"}, id="[b, c] >> d"),
        pytest.param([B, C] << A, {"b": "a", "c": "a", "a": ""}, id="[b, c] << a"),
        pytest.param(D << [B, C] << A, {"d": "BC", "b": "a", "c": "a", "a": ""}, id="d << [b, c] << a"),
        pytest.param([A, B] | C, {"a": "", "b": "", "c": ""}, id="[a, b] | c"),
        pytest.param([[A], [[B, C]]] >> D, {"a": "", "b": "", "c": "", "d": "ABC"}, id="nested lists"),
        pytest.param([A] >> B, {"a": "", "b": "A"}, id="[a] >> b"),
        pytest.param(group(A) >> B, {"a": "", "b": "A"}, id="group(a) >> b"),
        pytest.param(group(A, [B, C]) >> D, {"a": "", "b": "", "c": "", "d": "ABC"}, id="group(a, [b, c]) >> d"),
        pytest.param(group(x for x in (A, B)) >> D, {"a": "", "b": "", "d": "AB"}, id="group of a generator"),
        pytest.param((A | B) >> (C | D), {"a": "", "b": "", "c": "AB", "d": "AB"}, id="group by group"),
        pytest.param((A >> B) | (A >> C), {"a": "", "b": "a", "c": "a"}, id="a fork"),
        pytest.param((A >> B >> D) | (A >> C >> D), {"a": "", "b": "a", "d": "bc", "c": "a"}, id="a diamond"),
        pytest.param(
            (A >> (B | C >> D)) >> E, {"a": "", "b": "a", "c": "a", "d": "c", "e": "BD"}, id="branches of two lengths"
        ),
        pytest.param((A >> B) | (B >> C), {"a": "", "b": "a", "c": "b"}, id="links one by one"),
        pytest.param(
            D >> ((A >> B) | (B >> C)) >> E, {"d": "", "a": "d", "b": "a", "c": "b", "e": "C"}, id="between links"
        ),
        pytest.param((A >> B) | (A >> B), {"a": "", "b": "a"}, id="a link twice"),
        pytest.param((A >> B) | ([A] >> B), {"a": "", "b": "A"}, id="a link twice, once in a group"),
        pytest.param(A | A, {"a": ""}, id="a | a"),
        pytest.param(A >> A, {"a": "a"}, id="a >> a"),
        pytest.param(A >> B >> A, {"a": "b", "b": "a"}, id="a circle"),
        pytest.param((A >> B | B >> A) >> C, {"a": "b", "b": "a", "c": "AB"}, id="a group that is a circle"),
    ],
)  # fmt: skip
def test_an_expression_says_who_waits_for_whom(whole: Wired, parents: dict[str, str]) -> None:
    assert drawn(whole) == parents
    assert list(drawn(whole)) == list(parents), "in written order"


def test_a_graph_stands_before_the_roots_of_another() -> None:
    etl = A >> (B | C)
    assert drawn(etl << D) == {"a": "d", "b": "a", "c": "a", "d": ""}
    assert drawn(etl) == {"a": "", "b": "a", "c": "a"}, "an operator changes nothing"


def test_members_of_different_groups_are_told_apart() -> None:
    _, parents = layout_of(((A | B) >> E) | ([C, D] >> E))
    groups = list(parents[2].values())
    assert groups[0] == groups[1] != groups[2] == groups[3]
    assert 0 not in groups


def test_a_copy_of_a_task_is_another_task() -> None:
    again = A.with_(priority=6)
    assert len(layout_of(A >> again).tasks) == 2


def test_a_graph_is_a_value() -> None:
    whole = A >> B
    assert len({whole, A >> B}) == 2
    with pytest.raises(AttributeError):
        whole.way = "|"  # type: ignore[misc]
    assert repr(chain(*MANY)) == "<Graph of 10,000 tasks>"


# --- what is refused ------------------------------------------------------------------------------------------------

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">>": lambda x, y: x >> y,
    "<<": lambda x, y: x << y,
    "|": lambda x, y: x | y,
}


def named(value: object) -> str:
    """Return what a test is called by, the same in each process."""
    return "object()" if type(value) is object else repr(value)


@pytest.mark.parametrize("operate", OPERATORS.values(), ids=list(OPERATORS))
@pytest.mark.parametrize("other", [3, None, "task", b"a", {A}, {"a": A}, Task, [3], [[A, None]], object()], ids=named)
def test_what_is_no_task_is_refused_on_either_side(operate: Callable[[Any, Any], Any], other: object) -> None:
    for left, right in ((A, other), (other, A), (A >> B, other)):
        with pytest.raises(TaskValidationError, match=r"^expected a task, got "):
            operate(left, right)


@pytest.mark.parametrize(
    "build",
    [
        lambda: A >> [], lambda: [] >> A, lambda: () | A, lambda: A << [[]], lambda: [[], A] >> B, group,
        lambda: group([]), lambda: group(iter(())), lambda: group({}), lambda: group(A, []),
    ],
)  # fmt: skip
def test_a_group_of_zero_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(GraphError, match=r"^group: there are no tasks in it"):
        build()


@pytest.mark.parametrize("build", [lambda: group(3), lambda: group("ab"), lambda: group([A, 3]), lambda: chain(A, 3)])  # type: ignore[arg-type]
def test_group_and_chain_take_nothing_but_tasks(build: Callable[[], object]) -> None:
    with pytest.raises(TaskValidationError, match=r"^expected a task, got "):
        build()


def test_a_chain_of_zero_is_refused() -> None:
    with pytest.raises(GraphError, match=r"^chain: there are no tasks in it"):
        chain()


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = [A]
    endless.append([endless])
    with pytest.raises(GraphError, match="a list in it contains itself"):
        A >> endless


def test_a_list_that_unfolds_to_more_than_a_graph_takes_is_refused() -> None:
    doubled: list[Any] = [A]
    for _ in range(60):
        doubled = [doubled, doubled]
    with pytest.raises(GraphError, match="more than 100,000 members"):
        group(doubled)


def test_more_tasks_or_links_than_a_graph_may_have_are_refused() -> None:
    whole = group(Task() for _ in range(MAX_TASKS))
    assert len(layout_of(whole).tasks) == MAX_TASKS
    with pytest.raises(GraphError, match="the graph has 100,001 tasks; at most 100,000 are taken"):
        layout_of(whole | A)
    assert len(MANY) ** 2 > MAX_LINKS
    with pytest.raises(GraphError, match="more than 1,000,000 links; put a task between two groups"):
        layout_of(group(MANY) >> group(MANY))


def test_random_graphs_have_the_links_that_were_written() -> None:
    for seed in range(200):
        dice = random.Random(seed)
        names = [Task[int](name=str(number)) for number in range(dice.randint(2, 30))]
        links = {tuple(dice.sample(range(len(names)), 2)) for _ in range(dice.randint(0, 60))}
        parts = [*names, *(names[parent] >> names[child] for parent, child in links)]
        layout = layout_of(group(parts))
        assert layout.tasks == tuple(names)
        assert {(parent, child) for child, found in enumerate(layout.parents) for parent in found} == links


def test_a_layout_is_told_by_place() -> None:
    assert layout_of(A >> [B, C] >> D) == Layout((A, B, C, D), ({}, {0: 0}, {0: 0}, {1: 1, 2: 1}))
