"""One flow as a tree: each task on one line, under the nearest one through which all ways to it go.

So a fork stands under what forks, and what joins it stands beside its branches, not at the end of one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import reduce
from typing import Final

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from fairque.core.flow import ADDED, EDGES, HOOKS, MOST_DRAWN, FlowGraph, FlowNode, FlowSummary, Fold
from fairque.core.mermaid import GONE
from fairque.core.state import TaskState
from fairque.core.wording import clipped
from fairque.monitoring.tables import span, state_style
from fairque.monitoring.task_page import listed, one_line, printable

_SYMBOLS: Final = {
    TaskState.QUEUED: "•",
    TaskState.STARTED: "▶",
    TaskState.DEFERRED: "…",
    TaskState.FINISHED: "✓",
    TaskState.FAILED: "✗",
    TaskState.CANCELED: "⊘",
    TaskState.SCHEDULED: "◷",
    None: "∅",
}
_DEEPEST: Final = 8
"""Levels of the tree; what comes further down a chain stays on the last."""
_LONGEST: Final = 120
"""Characters of an error that are shown."""
_TOP: Final = -1
"""Stands for what all tasks are under."""


def flow_tree(graph: FlowGraph, *, now: datetime, most: int = MOST_DRAWN) -> RenderableType:
    """Return a flow as it stands; of more than `most` tasks, those alike are on one line."""
    folds = graph.folds(most)
    root = Tree(_heading(graph.summary, now), guide_style="dim", highlight=False)
    branches, levels = {_TOP: root}, {_TOP: 0}
    drawn: dict[int, int] = {}
    for number, place in enumerate(_places(folds)):
        under = place if levels[place] < _DEEPEST else drawn[place]
        drawn[number], levels[number] = under, levels[under] + 1
        branches[number] = branches[under].add(_line(folds, number, under, run_id=graph.run_id))
    return root


def _places(folds: Sequence[Fold]) -> list[int]:
    """Return for each fold under which other it belongs: the nearest that is on every way to it (its dominator)."""
    places: list[int] = []

    def meet(one: int, other: int) -> int:
        while one != other:  # what is above has the lesser number
            one, other = min(one, other), places[max(one, other)]
        return one

    for fold in folds:
        places.append(reduce(meet, fold.parents) if fold.parents else _TOP)
    return places


def _heading(flow: FlowSummary, now: datetime) -> Text:
    counts = {state: getattr(flow, state) for state in ("active", "deferred", "finished", "failed", "canceled")}
    parts = [f"{count:,} {state}" for state, count in counts.items() if count]
    return Text.assemble(
        ("flow ", "dim"),
        (flow.run_id, "bold"),
        (f" of {flow.user_id}: ", "dim"),
        ("being enqueued" if flow.staged else str(flow.state), state_style(flow.state)),
        (f", {flow.ended:,} of {flow.total:,} tasks have ended ({int(flow.percent)}%)", ""),
        (f": {', '.join(parts)}" if parts else "", ""),
        (f"; enqueued {span((now - flow.created_at).total_seconds())} ago", "dim"),
    )


def _line(folds: Sequence[Fold], number: int, under: int, *, run_id: str) -> Text:
    fold, one, style = folds[number], folds[number].one, state_style(folds[number].one.state)
    alone = len(fold.nodes) == 1
    told = one.task_id in (fold.title, f"{run_id}/{fold.title}")
    return _text(
        (f"{_SYMBOLS[one.state]} ", style),
        (f"{EDGES[one.policy]} " if one.policy in {*HOOKS, ADDED} else "", "magenta"),
        (fold.title, "bold"),
        (f" {one.called}" if alone and one.title != one.called else "", ""),
        (f" {one.task_id}" if alone and not told else "", "dim"),
        ("  ", ""),
        (_standing(folds, fold), style),
        (_attempts(one) if alone else "", ""),
        *((f", {clause}", "dim") for clause in _clauses(folds, fold, under)),
    )


def _attempts(node: FlowNode) -> str:
    """Return which attempt it is, but for what is made at the first; of what waits for another, which one it was."""
    if node.attempt and node.state in (TaskState.SCHEDULED, TaskState.QUEUED):
        return f", after attempt {node.attempt:,}"
    return f", attempt {node.attempt:,}" if node.attempt > 1 else ""


def _standing(folds: Sequence[Fold], fold: Fold) -> str:
    """Return in which state it is, and what there is to say of that."""
    node = fold.one
    if node.state is None:
        return GONE
    words = ""
    if node.failure is not None:
        error = node.failure.message
        error = f"{node.failure.type}: {error}" if node.state is TaskState.FAILED else error
        words = clipped(one_line(error), _LONGEST) + ("" if len(fold.nodes) == 1 else f" ({node.task_id})")
    elif node.state is TaskState.DEFERRED:
        words = _awaited(folds, fold)
    elif node.progress is not None and len(fold.nodes) == 1:
        words = clipped(one_line(f"{node.progress.percent:g}% {node.progress.message}".rstrip()), _LONGEST)
    return f"{node.state}: {words}" if words else str(node.state)


def _awaited(folds: Sequence[Fold], fold: Fold) -> str:
    """Return what a deferred task waits for."""
    waits = [folds[parent] for parent in _waits(folds, fold)]
    if fold.one.policy in HOOKS:
        ending = "fails" if fold.one.policy == "f" else "finishes"
        return f"in case {_names(waits)} {ending}" if waits else ""
    titles = [f"{one.title} ({one.one.state})" if _has_ended(one.one) else one.title for one in waits]
    parts = [listed(titles)] if titles else []
    parts += [f"{fold.one.outside:,} outside"] if fold.one.outside else []
    return f"waits for {' and '.join(parts)}" if parts else ""


def _waits(folds: Sequence[Fold], fold: Fold) -> list[int]:
    """Return the parents that have not ended as its policy needs. Of one whose record is gone nobody knows."""
    return [parent for parent in fold.parents if not _passed(fold.one.policy, folds[parent].one.state)]


def _passed(policy: str, state: TaskState | None) -> bool:
    if policy == ADDED:
        return True
    if state is None or policy == "r":
        return state is None or state.ended
    return state is HOOKS.get(policy, TaskState.FINISHED)


def _has_ended(node: FlowNode) -> bool:
    return node.state is not None and node.state.ended


def _clauses(folds: Sequence[Fold], fold: Fold, under: int) -> Iterator[str]:
    """Yield what its place in the tree does not say."""
    told = fold.one.state is TaskState.DEFERRED and _waits(folds, fold) == [*fold.parents]
    if fold.parents and fold.parents != (under,) and not told:
        yield f"after {_names([folds[parent] for parent in fold.parents])}"
    if fold.one.policy in "rc":
        yield f"on_parent_failure {EDGES[fold.one.policy]}"


def _names(folds: Sequence[Fold]) -> str:
    return listed([fold.title for fold in folds])


def _text(*parts: tuple[str, str]) -> Text:
    """Return one line, cut off where the terminal has no room for it."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for words, style in parts:
        text.append(" ".join(printable(words).splitlines()), style)
    return text
