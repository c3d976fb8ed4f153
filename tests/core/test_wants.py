"""Parameters that take results of parents: how they are found, which results they take, and how those come back."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from fairque import GraphError, TaskValidationError, from_parent
from fairque.core.arguments import Parameters
from fairque.core.models import Take
from fairque.core.taking import Parent, names_of, take_of
from fairque.core.wants import Want, unmet, wants_of
from tests.core.travel import Point


def load(source: str, rows: list[int] = from_parent(), *rest: int, limit: int = from_parent("count")) -> Any:
    return source, rows, rest, limit


def test_a_parameter_with_from_parent_as_its_default_wants_a_result() -> None:
    rows, limit = wants_of(load)
    assert rows == Want("rows", 1, None)
    assert limit == Want("limit", None, "count")
    assert wants_of(names_of) == ()
    assert wants_of(min) == (), "a function in C without a signature"


def test_a_signature_shows_where_a_value_comes_from() -> None:
    assert "rows: 'list[int]' = from_parent(), *rest: 'int', limit: 'int' = from_parent('count')" in str(
        inspect.signature(load)
    )


@pytest.mark.parametrize(
    ("args", "kwargs", "left"),
    [
        (("s",), {}, ["rows", "limit"]),
        (("s", [1]), {}, ["limit"]),
        (("s",), {"rows": [1]}, ["limit"]),
        (("s", [1], 2, 3), {"limit": 4}, []),
        ((), {"source": "s", "limit": None}, ["rows"]),
    ],
)
def test_what_a_call_does_not_give_is_left_to_parents(
    args: tuple[Any, ...], kwargs: dict[str, Any], left: list[str]
) -> None:
    assert [want.parameter for want in unmet(wants_of(load), args, kwargs)] == left


def test_a_call_that_leaves_them_out_is_accepted_and_keeps_nothing_of_them() -> None:
    parameters = Parameters(load)
    parameters.check(("s",), {})
    assert parameters.rebuild(["s"], {}) == (["s"], {})
    with pytest.raises(TaskValidationError, match=r"^arguments: "):
        parameters.check((), {})
    with pytest.raises(TaskValidationError, match=r"^args\[1\]: .*FromParent"):
        parameters.check(("s", from_parent()), {})


def positional(rows: int = from_parent(), /) -> None: ...
def uncalled(rows: Any = from_parent) -> None: ...


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (positional, "^rows: a parameter that is positional only"),
        (uncalled, r"^rows: call it, as in rows=from_parent\(\)"),
    ],
)
def test_a_parameter_that_no_parent_can_give_is_refused(function: Callable[..., Any], fault: str) -> None:
    with pytest.raises(TaskValidationError, match=fault):
        wants_of(function)


@pytest.mark.parametrize("name", ["", 3, True, b"a", load, ["a"]])
def test_the_name_of_a_parent_is_text(name: Any) -> None:
    with pytest.raises(TaskValidationError, match=r"^from_parent: expected the name of a parent"):
        from_parent(name)


# --- which results --------------------------------------------------------------------------------------------------


def parent(label: str, group: int = 0, *, failed: bool = False) -> Parent:
    return Parent(label, names_of(label, f"m:{label.upper()}"), group, failed)


ONE = [parent("a")]
TWO = [parent("a"), parent("b")]
GROUP = [parent("a", 1), parent("b", 1), parent("c", 1)]
ALIKE = [Parent("task", ("m:f", "f"), 1), Parent("task", ("m:f", "f"), 1), parent("other")]


@pytest.mark.parametrize(
    ("name", "parents", "take"),
    [
        pytest.param(None, ONE, Take((0,)), id="one parent: its value"),
        pytest.param(None, [parent("a", 1)], Take((0,), many=True), id="a group of one: a list"),
        pytest.param(None, GROUP, Take((0, 1, 2), many=True), id="a group: a list"),
        pytest.param(None, TWO, Take((0, 1), many=True), id="several parents: a list"),
        pytest.param("b", TWO, Take((1,)), id="by id"),
        pytest.param("m:B", TWO, Take((1,)), id="by task name"),
        pytest.param("B", TWO, Take((1,)), id="by the last part of the task name"),
        pytest.param("b", GROUP, Take((1,)), id="one of a group: its value"),
        pytest.param("f", ALIKE, Take((0, 1), many=True), id="several of that name: a list"),
        pytest.param("f", ALIKE[1:], Take((0,), many=True), id="a whole group of that name, of one: a list"),
        pytest.param("f", [*ALIKE[1:], parent("x", 1)], Take((0,)), id="one of a mixed group: its value"),
        pytest.param("x", [*ONE, Parent("x", ("x",))], Take((1,)), id="a parent by depends_on"),
    ],
)
def test_a_parameter_takes(name: str | None, parents: list[Parent], take: Take) -> None:
    assert take_of(Want("rows", 0, name), parents) == take


@pytest.mark.parametrize(
    ("name", "parents", "fault"),
    [
        (None, [], "rows: there is no parent to take a result from; write parent >> child"),
        ("x", [], "rows: there is no parent"),
        ("x", TWO, "rows: no parent is called 'x'; there is a, b$"),
        ("x" * 300, [parent(str(n)) for n in range(10_000)], "there is 0, 1, 2, 3, 4 and 9,995 more$"),
        (None, [parent("a", failed=True)], "rows: on_failure follows a task that failed"),
        ("a", [parent("a", failed=True)], "rows: on_failure follows a task that failed"),
    ],
)  # fmt: skip
def test_a_parameter_that_asks_for_what_no_parent_has_is_refused(
    name: str | None, parents: list[Parent], fault: str
) -> None:
    with pytest.raises(GraphError, match=fault) as caught:
        take_of(Want("rows", 0, name), parents)
    assert len(str(caught.value)) < 300


# --- how they come back ---------------------------------------------------------------------------------------------


def draw(
    points: list[Point], origin: Point = from_parent(), *, bare: Any = from_parent(), limit: int = 0, **rest: int
) -> None: ...


@pytest.mark.parametrize(
    ("name", "found", "value"),
    [
        ("origin", b'{"x":1,"y":2.5}', Point(1, 2.5)),
        ("points", [b'{"x":1,"y":2.5}', b'{"x":3,"y":0}'], [Point(1, 2.5), Point(3, 0.0)]),
        ("points", b'[{"x":1,"y":2.5}]', [Point(1, 2.5)]),
        ("points", [], []),
        ("bare", [b'"a"', b"null", b"[1]"], ["a", None, [1]]),
        ("bare", b"1.5", 1.5),
        ("other", b"3", 3),
    ],
)
def test_results_come_back_as_the_annotation_has_them(name: str, found: Any, value: object) -> None:
    assert Parameters(draw).taken(name, found) == value


@pytest.mark.parametrize(
    ("name", "found"),
    [("origin", b"[1]"), ("points", [b'{"x":1,"y":2.5}', b"3"]), ("other", b'"a"'), ("limit", b"1.5"), ("bare", b"{")],
)
def test_a_result_that_does_not_fit_is_refused_by_its_path(name: str, found: Any) -> None:
    with pytest.raises(TaskValidationError, match=rf"^kwargs\['{name}'\]: "):
        Parameters(draw).taken(name, found)


def test_a_large_group_of_results_is_read_at_once() -> None:
    found = [json.dumps({"x": n, "y": 0.5}).encode() for n in range(10_000)]
    assert Parameters(draw).taken("points", found)[-1] == Point(9_999, 0.5)
