"""Graphs of ten thousand tasks and of any depth: building and reading them is linear and never recurses."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import pytest

from fairque import Graph, Task
from fairque.core.graph import Wired
from fairque.core.layout import layout_of

MANY = [Task[int](name=str(number)) for number in range(10_000)]


def _chained() -> Wired:
    whole: Wired = MANY[0]
    for task in MANY[1:]:
        whole = whole >> task
    return whole


def _chained_from_the_end() -> Wired:
    whole: Wired = MANY[-1]
    for task in MANY[-2::-1]:
        whole = task >> whole
    return whole


def _grouped() -> Wired:
    whole: Wired = MANY[0]
    for task in MANY[1:-1]:
        whole = whole | task
    return whole >> MANY[-1]


def _alternating() -> Wired:
    whole: Wired = MANY[0]
    for place in range(1, len(MANY) - 1, 2):
        whole = (whole >> MANY[place]) | MANY[place + 1]
    return whole >> MANY[-1]


def _alternating_inwards() -> Wired:
    whole: Wired = MANY[0]
    for place in range(1, len(MANY) - 1, 2):
        whole = (MANY[place] >> whole) | MANY[place + 1]
    return MANY[-1] >> whole


def _link_by_link() -> Wired:
    whole: Wired = MANY[0] >> MANY[1]
    for place in range(1, len(MANY) - 1):
        whole = whole | (MANY[place] >> MANY[place + 1])
    return whole


def _in_lists() -> Wired:
    nested: list[Any] = [MANY[0]]
    for task in MANY[1:-1]:
        nested = [nested, task]
    return nested >> MANY[-1]


@pytest.mark.parametrize(
    ("build", "links"),
    [
        (_chained, 9_999),
        (_chained_from_the_end, 9_999),
        (_grouped, 9_999),
        (_alternating, 9_999),
        (_alternating_inwards, 9_999),
        (_link_by_link, 9_999),
        (_in_lists, 9_999),
    ],
)
def test_ten_thousand_operators_build_and_read_in_linear_time_and_without_recursion(
    build: Callable[[], Wired], links: int
) -> None:
    start = time.process_time()
    whole = build()
    layout = layout_of(whole)
    assert isinstance(whole, Graph)
    assert (len(layout.tasks), sum(map(len, layout.parents))) == (len(MANY), links)
    assert repr(whole) == "<Graph of 10,000 tasks>"
    assert hash(whole) == hash(whole)
    gc.collect()
    del whole
    assert time.process_time() - start < 2, "well under 0.3 s where nothing else runs"


def test_a_graph_used_again_and_again_is_read_once() -> None:
    first, second, last = MANY[:3]
    whole: Wired = first | second
    for _ in range(1_000):
        whole = whole | whole
    assert layout_of(whole >> last) == ((first, second, last), ({}, {}, {0: 1, 1: 1}))
