"""A book of calls: for each script those that take it through its branches. `calls` has it filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fairque.store.call import Call
from tests.lua.stages import Stage

AnyCall = Call[Any]
Make = Callable[[Stage], AnyCall]
CALLS: Final[dict[str, dict[str, Make]]] = {}
"""script -> what is done -> the call."""


def call(script: str, what: str) -> Callable[[Make], Make]:
    """Add a call to the table."""

    def add(make: Make) -> Make:
        CALLS.setdefault(script, {})[what] = make
        return make

    return add
