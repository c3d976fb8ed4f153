"""Annotations decide how an argument comes back: equal, and of the type that was sent."""

from __future__ import annotations

import inspect
import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from fairque.core.codec import decode_result, encode_result
from fairque.errors import TaskValidationError
from tests.core.travel import WHEN, Colour, Order, Point, Size, takes, travel

ORDER = Order(7, WHEN, (Point(1, 2.5), Point(-1, 0.0)))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Point, Point(1, 2.5)),
        (Order, ORDER),
        (datetime, WHEN),
        (datetime, datetime(2026, 11, 21, 9, 30)),
        (datetime, WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))),
        (date, date(2026, 11, 21)),
        (timedelta, timedelta(seconds=1.5)),
        (UUID, UUID(int=7)),
        (Decimal, Decimal("0.10")),
        (bytes, b"\x00\xff|:"),
        (tuple[int, str], (1, "a")),
        (tuple[Point, ...], (Point(1, 2.0),)),
        (set[int], {1, 2}),
        (frozenset[str], frozenset({"a", "b"})),
        (Colour, Colour.RED),
        (Size, Size.BIG),
        (dict[int, str], {1: "a", -2: "b"}),
        (dict[UUID, list[Point]], {UUID(int=1): [Point(1, 2.0)]}),
        (Point | None, None),
        (Point | None, Point(1, 2.5)),
        (list[datetime | None], [WHEN, None]),
        (dict[str, Any], {"a": [1, 1.0, True, None]}),
        (float, 2.0),
        (int, 10**400),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, set | frozenset) else ascii(value)[:30],
)
def test_an_annotated_argument_comes_back_equal_and_of_its_type(annotation: Any, value: Any) -> None:
    (back,), _ = travel(takes(annotation), value)
    assert (back, type(back)) == (value, type(value))
    _, named = travel(takes(annotation), value=value)
    assert (named["value"], type(named["value"])) == (value, type(value))
    back = decode_result(encode_result(value), annotation)
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "1"), (int, True), (int, 1.5), (bool, 1), (str, b"a"), (float, math.nan), (float, "1.0"),
        (Point, {"x": 1}), (Point, Order), (datetime, "yesterday"), (set[int], {"a"}), (tuple[int], (1, 2)),
        (list[Any], [WHEN]), (dict[str, Any], {"a": (1,)}), (Any, {1: 2}),
        (dict[str, float | None], {"a": math.inf}), (str, "\ud800"), (UUID, "x"), (Colour, "nope"),
        pytest.param(int, 10**5000, id="huge"),
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_an_argument_that_does_not_fit_its_annotation_is_refused_by_its_path(annotation: Any, value: Any) -> None:
    with pytest.raises(TaskValidationError, match=r"^arg(s\[0\]|uments: )"):
        travel(takes(annotation), value)


@pytest.mark.parametrize("args", [(), (1, 2, 3), ("a",)])
def test_a_call_that_the_function_would_not_take_is_refused(args: tuple[Any, ...]) -> None:
    def function(x: int, y: int) -> None: ...

    with pytest.raises(TaskValidationError, match=r"^arg"):
        travel(function, *args)
    for kwargs in ({"z": 1}, {"x": 1}, {}):
        with pytest.raises(TaskValidationError, match=r"^arguments: "):
            travel(function, *args[:1], **kwargs, w=1)


def test_every_kind_of_parameter_has_its_own_annotation() -> None:
    def function(a: datetime, /, b: UUID, *rest: Decimal, c: bytes, **more: date) -> None: ...

    args = (WHEN, UUID(int=1), Decimal(2), Decimal(3))
    kwargs = {"c": b"4", "d": date(2026, 1, 1), "a": date(2026, 1, 2)}
    back, named = travel(function, *args, **kwargs)
    assert (tuple(back), dict(named)) == (args, kwargs)


def test_an_annotation_that_nobody_knows_counts_as_none() -> None:
    def function(a: inspect.Signature, b: NoSuchThing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert travel(function, [1], "x")[0] == [[1], "x"]
