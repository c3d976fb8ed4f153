"""Rows that wait for their feature: each fails as soon as the feature is there, and goes when its cells are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from fairque.core.options import OPTIONS

LATER: Final[dict[str, Callable[[], bool]]] = {
    "tags of a task": lambda: "tags" in OPTIONS,
}


@pytest.mark.parametrize("built", LATER.values(), ids=list(LATER))
def test_a_row_waits_for_its_feature(built: Callable[[], bool]) -> None:
    assert not built(), "the feature is there: write the cells of its rows, and take them off this list"
