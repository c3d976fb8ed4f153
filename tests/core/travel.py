"""A call's way to a worker and back, and the types that the tests of it send."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from fairque.core.arguments import Parameters
from fairque.core.codec import Body, Terms, decode_body, encode_body

WHEN = datetime(2026, 11, 21, 9, 30, 1, 500, tzinfo=UTC)


@dataclass
class Point:
    x: int
    y: float


class Order(msgspec.Struct):
    id: int
    when: datetime
    lines: tuple[Point, ...] = ()


class Colour(enum.Enum):
    RED = "r"


class Size(enum.IntEnum):
    BIG = 3


def takes(annotation: Any) -> Callable[..., Any]:
    def function(value: Any) -> Any:
        return value

    function.__annotations__ = {"value": annotation, "return": annotation}
    return function


def travel(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return a call's arguments as the worker gets them."""
    parameters = Parameters(function)
    parameters.check(args, kwargs)
    body = decode_body(encode_body(Body("m:f", list(args), kwargs, Terms())))
    return parameters.rebuild(body.args, body.kwargs)


def nested(depth: int) -> list[Any]:
    """Return a list of that depth."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value
