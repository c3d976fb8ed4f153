"""A flow as Mermaid text, for documents: https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from fairque.core.ids import user_print_of
from fairque.core.wording import clipped

if TYPE_CHECKING:
    from fairque.core.flow import FlowNode, Fold

GONE: Final = "gone"
"""Stands for the state of a task whose record is gone."""
_COLOURS: Final = {
    "queued": "fill:#eef2f7,stroke:#64748b,color:#1e293b",
    "started": "fill:#dbeafe,stroke:#2563eb,color:#1e3a8a",
    "deferred": "fill:#f8fafc,stroke:#94a3b8,color:#475569,stroke-dasharray:4 3",
    "finished": "fill:#dcfce7,stroke:#16a34a,color:#14532d",
    "failed": "fill:#fee2e2,stroke:#dc2626,color:#7f1d1d,stroke-width:2px",
    "canceled": "fill:#fef9c3,stroke:#ca8a04,color:#713f12",
    "scheduled": "fill:#ede9fe,stroke:#7c3aed,color:#4c1d95",
    GONE: "fill:#ffffff,stroke:#cbd5e1,color:#94a3b8",
}
_ARROWS: Final = {
    "w": "-->",
    "r": "-->|run|",
    "c": "-->|cancel|",
    "s": "-.->|on_success|",
    "f": "-.->|on_failure|",
    "a": "-.->|added|",
}
_PLAIN: Final = frozenset(" _-.:/,×")
"""What may stand in a label as it is, beside letters and digits."""
_LONGEST: Final = 80
"""Characters of a name or an id in a label."""


def flowchart(folds: Sequence[Fold]) -> str:
    """Return folds as a flowchart: a node each, coloured by state, and an edge from each to those that wait for it."""
    return "\n".join(["flowchart TD", *_nodes(folds), *_edges(folds), *_classes(folds)]) + "\n"


def short_id(task_id: str) -> str:
    """Return the part of a generated id that tells it from others of its user and time; another id is itself."""
    return task_id if user_print_of(task_id) is None else f"…{task_id[14:28]}…"


def _nodes(folds: Sequence[Fold]) -> Iterator[str]:
    for number, fold in enumerate(folds):
        lines = list(dict.fromkeys(_label(fold)))
        yield f'  n{number}["{"<br/>".join(map(_escaped, lines))}"]:::{_state(fold)}'


def _label(fold: Fold) -> Iterator[str]:
    one: FlowNode = fold.one
    if len(fold.nodes) > 1:
        yield f"{fold.title} {_state(fold)}"
    else:
        yield one.called
        yield one.written_id or short_id(one.task_id)
    if one.outside:
        yield f"after {one.outside:,} outside"


def _edges(folds: Sequence[Fold]) -> Iterator[str]:
    for number, fold in enumerate(folds):
        for parent in fold.parents:
            yield f"  n{parent} {_ARROWS[fold.one.policy]} n{number}"


def _classes(folds: Sequence[Fold]) -> Iterator[str]:
    used = {_state(fold) for fold in folds}
    return (f"  classDef {state} {colours}" for state, colours in _COLOURS.items() if state in used)


def _state(fold: Fold) -> str:
    return str(fold.one.state or GONE)


def _escaped(text: str) -> str:
    """Return text as a label has it: whatever could mean something to Mermaid or to HTML is written by its number."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in clipped(text, _LONGEST))
