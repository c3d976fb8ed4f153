"""Which results a parameter with `from_parent` takes: decided when its graph is enqueued, stored with the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from fairque.core.models import Take
from fairque.core.wants import Want
from fairque.core.wording import clipped
from fairque.errors import GraphError

MOST_NAMES: Final = 5
"""Names of tasks that a message tells."""


class Parent(NamedTuple):
    """A parent as its child sees it: what messages call it, and what it can be called by `from_parent`."""

    label: str
    names: tuple[str, ...]
    group: int = 0
    """Which of the child's groups it came in; 0: none."""
    failed: bool = False
    """Whether its child runs because it failed, so that it has no result."""


def names_of(task_id: str | None, name: str) -> tuple[str, ...]:
    """Return what a task can be called: its id as it was written, its name, and the last part of that."""
    return tuple(one for one in (task_id, name, name.rpartition(":")[2]) if one)


def take_of(want: Want, parents: Sequence[Parent]) -> Take:
    """Return where a parameter's value comes from.

    Raises:
        GraphError: there is no such parent.
    """
    giving = [place for place, parent in enumerate(parents) if not parent.failed]
    found = [place for place in giving if want.parent is None or want.parent in parents[place].names]
    if not found:
        raise GraphError(f"{want.parameter}: {_missing(want, parents)}")
    group = parents[found[0]].group
    alone = not group or any(parents[place].group == group for place in giving if place != found[0])
    return Take(tuple(found), many=len(found) > 1 or not alone)


def _missing(want: Want, parents: Sequence[Parent]) -> str:
    if not parents:
        return "there is no parent to take a result from; write parent >> child, or depends_on=[...]"
    if all(parent.failed for parent in parents):
        return "on_failure follows a task that failed, and so has no result to take"
    shown = ", ".join(parent.label for parent in parents[:MOST_NAMES])
    more = f" and {len(parents) - MOST_NAMES:,} more" if len(parents) > MOST_NAMES else ""
    return f"no parent is called {clipped(want.parent or '', 40)!r}; there is {shown}{more}"
