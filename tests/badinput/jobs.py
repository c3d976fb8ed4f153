"""Task functions that bad input is given to; but for `give`, none of them ever runs."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from fairque import task


class Colour(enum.Enum):
    RED = "red"


@task(name="badinput.echo")
def echo(value: object = None) -> object:
    return value


@task(name="badinput.owned", user_id=lambda owner: owner)
def owned(owner: object) -> object:
    return owner


@task(name="badinput.rest")
def rest(*args: object, **kwargs: object) -> object:
    return args, kwargs


@task(name="badinput.whole")
def whole(number: int) -> int:
    return number


@task(name="badinput.raw")
def raw(value: bytes) -> bytes:
    return value


@task(name="badinput.paint")
def paint(colour: Colour) -> Colour:
    return colour


Options = dict[str, Any]
WITH_OPTIONS: dict[str, Callable[[Options], Any]] = {
    "with_": lambda options: echo(1).with_(**options),
    "@task": lambda options: task(**options)(echo.function)(1),
}


TO_GIVE: dict[str, object] = {}


@task(name="badinput.give", max_retries=0)
def give(name: str) -> object:
    """Return a value of a test that runs its worker in this process."""
    return TO_GIVE[name]
