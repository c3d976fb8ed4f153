"""Task functions that the tests of the contract push."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fairque import current_task, from_parent, task, xcom_task


@dataclass
class Point:
    x: int
    y: int


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def move(point: Point, when: datetime) -> Point:
    assert when
    return Point(point.x + 1, point.y)


@task(name="contract.echo", max_retries=1)
def echo(value: object = None) -> object:
    return value


@task(max_retries=0)
def double(rows: list[int] = from_parent()) -> list[int]:
    return [2 * row for row in rows]


@task(max_retries=0)
def gather(values: object = from_parent()) -> object:
    return values


@task(max_retries=0)
def merge(left: object = from_parent("left"), right: object = from_parent("right"), *, sign: str = "+") -> object:
    return [left, sign, right]


@task(max_retries=0)
def pull(*keys: str) -> list[object]:
    return [current_task().xcom_pull(key, default="nothing") for key in keys]


@xcom_task("rows", max_retries=0)
def rows(count: int) -> list[int]:
    return list(range(count))


@task(max_retries=0)
def return_it(what: str) -> object:
    """Return what cannot be stored, or is too large for it."""
    odd: dict[str, object] = {"object": object(), "nan": [float("nan")], "large": "x" * 2**20, "deep": None}
    if what == "deep":
        for _ in range(200):
            odd["deep"] = [odd["deep"]]
    return odd[what]


@task(max_retries=0)
def fail(word: str = "no") -> None:
    raise ValueError(word)
