"""Task functions that the tests of the contract push."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fairque import task


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
