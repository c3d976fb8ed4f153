"""Flows to be drawn, as values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from fairque.core.flow import EDGES, FlowGraph, FlowNode
from fairque.core.state import TaskState

BEGAN: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
_numbers = itertools.count()


def node(name: str, state: str | None, *parents: int, policy: str = "w", **fields: Any) -> FlowNode:
    """Return a task whose id was generated; `parents` are places in the flow."""
    generated: dict[str, Any] = {"task_id": f"019aab0e-8c00-7{next(_numbers) % 4096:03x}-8abc-1234deadbeef"}
    stands = None if state is None else TaskState(state)
    return FlowNode(**(generated | fields), name=f"etl:{name}", state=stands, parents=parents, policy=policy)


def chosen(task_id: str, state: str | None, *parents: int, **fields: Any) -> FlowNode:
    """Return a task whose id was written, and is its function's name."""
    return node(task_id, state, *parents, task_id=task_id, written_id=task_id, **fields)


def flow(*nodes: FlowNode, **fields: Any) -> FlowGraph:
    plain: dict[str, Any] = {"run_id": "nightly", "user_id": "user:a", "created_at": BEGAN}
    return FlowGraph(**(plain | fields), nodes=nodes)


def thousand(failed: int = 3) -> FlowGraph:
    """Return a fan-out of 1,000 of which some failed, a task after each, and a fan-in."""
    return flow(
        chosen("list", "finished"),
        *(node("resize", "failed" if n < failed else "finished", 0) for n in range(1_000)),
        *(node("upload", "deferred" if n < failed else "finished", n + 1) for n in range(1_000)),
        chosen("index", "deferred", *range(1_001, 2_001)),
    )


@st.composite
def flows(draw: st.DrawFn, most: int = 12) -> FlowGraph:
    """Give any flow; children may have been written before their parents."""
    size = draw(st.integers(1, most))
    written: Sequence[int] = draw(st.permutations(range(size)))  # place in the flow, of the n-th from the top
    nodes: dict[int, FlowNode] = {}
    for n in range(size):
        above = draw(st.sets(st.integers(0, n - 1))) if n else set()
        state = draw(st.sampled_from([*TaskState, None]))
        policy = draw(st.sampled_from(sorted(EDGES)))
        parents = tuple(written[parent] for parent in above)
        nodes[written[n]] = node(draw(st.sampled_from("ab")), state, *parents, policy=policy)
    return flow(*(nodes[place] for place in range(size)))
