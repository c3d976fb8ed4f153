"""Rows that wait for their feature: each fails as soon as the feature is there, and goes when its cells are written."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Final

import pytest

from fairque.cli.main import COMMANDS
from fairque.core.options import OPTIONS


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(f"fairque.{name}") is not None


LATER: Final[dict[str, Callable[[], bool]]] = {
    "cron: four fields, 60, */0, 31 February, R, @reboot, Arabic digits, 10 KB; a zone unknown, and ../etc/passwd; "
    "29 February, gaps, overlaps and half hours of daylight saving": _module("scheduler"),
    "cron: the same on a command line": lambda: "schedule" in COMMANDS,
    "ids: a schedule's": _module("core.cron"),
    "tags of a task": lambda: "tags" in OPTIONS,
}


@pytest.mark.parametrize("built", LATER.values(), ids=list(LATER))
def test_a_row_waits_for_its_feature(built: Callable[[], bool]) -> None:
    assert not built(), "the feature is there: write the cells of its rows, and take them off this list"
