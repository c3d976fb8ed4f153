"""Who waits for whom in a graph: what its operators mean."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from fairque.core.graph import MAX_TASKS, Graph, Wired, read
from fairque.errors import GraphError

if TYPE_CHECKING:
    from fairque.core.models import Task

MAX_LINKS: Final = 1_000_000
"""Links that the operators of a graph may make: of two groups, each task of the one is linked to each of the other."""


class Layout(NamedTuple):
    """A graph as it was read: its tasks in the order in which they were written, and who waits for whom."""

    tasks: tuple[Task[Any], ...]
    parents: tuple[dict[int, int], ...]
    """For each task the places of those that it waits for, in written order, and which group each came in (0: none)."""


def layout_of(whole: Wired) -> Layout:
    """Read a task or a graph. A cycle is not noticed here.

    Raises:
        GraphError: there are more tasks or links than a graph may have.
    """
    surveyor = _Surveyor(whole)
    parents = tuple(dict(sorted(links.items())) for links in surveyor.parents())
    return Layout(cast("tuple[Task[Any], ...]", tuple(surveyor.tasks)), parents)


class _Joint(NamedTuple):
    """One `>>`: each of `after` waits for all of `before`, which came in that group (0: none)."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    group: int


class _Surveyor:
    """Finds the first and the last tasks of each part of a graph, and links them. Never recurses."""

    def __init__(self, whole: Wired) -> None:
        self.tasks, self._sequences, self._tangled = read(whole)
        if len(self.tasks) > MAX_TASKS:
            raise GraphError(f"the graph has {len(self.tasks):,} tasks; at most {MAX_TASKS:,} are taken")
        self._places = {id(task): place for place, task in enumerate(self.tasks)}
        self._joints: dict[int, list[_Joint]] = {}
        self._known: dict[tuple[int, bool], tuple[int, ...]] = {}

    def parents(self) -> list[dict[int, int]]:
        """Return for each task whom it waits for."""
        parents: list[dict[int, int]] = [{} for _ in self.tasks]
        links = groups = 0
        for sequence in self._sequences:
            joints = self._joints[id(sequence)] = []
            for first, then in pairwise(sequence.parts if sequence.way == ">>" else sequence.parts[::-1]):
                before, grouped = self._ends(first, last=True)
                after, _ = self._ends(then, last=False)
                links += len(before) * len(after)
                if links > MAX_LINKS:
                    raise GraphError(f"the graph has more than {MAX_LINKS:,} links; put a task between two groups")
                groups += grouped
                joints.append(_Joint(before, after, groups if grouped else 0))
                _link(parents, joints[-1])
        return parents

    def _ends(self, part: Wired, *, last: bool) -> tuple[tuple[int, ...], bool]:
        """Return the first or the last tasks of a part, and whether they come from a group."""
        while isinstance(part, Graph) and part.way != "|":
            part = _end_of(part, last=last)
        if not isinstance(part, Graph):
            return (self._places[id(part)],), False
        found = self._known.get((id(part), last))
        if found is None:
            found = self._known[id(part), last] = self._ends_of_group(part, last=last)
        return found, True

    def _ends_of_group(self, whole: Graph, *, last: bool) -> tuple[int, ...]:
        found: dict[int, None] = {}
        seen: set[int] = set()
        unread: list[Wired] = [whole]
        while unread:
            part = unread.pop()
            if not isinstance(part, Graph):
                found[self._places[id(part)]] = None
            elif id(part) not in seen:
                seen.add(id(part))
                if part.way == "|":
                    unread.extend(reversed(part.parts))
                else:
                    unread.append(_end_of(part, last=last))
        if self._tangled:
            passed = self._passed(whole, last=last)
            return tuple(place for place in found if place not in passed) or tuple(found)
        return tuple(found)

    def _passed(self, whole: Graph, *, last: bool) -> set[int]:
        """Return the tasks of a group that another of it follows (`last`) or precedes: `(a >> b) | (b >> c)`."""
        passed: set[int] = set()
        seen: set[int] = set()
        unread: list[Wired] = [whole]
        while unread:
            part = unread.pop()
            if isinstance(part, Graph) and id(part) not in seen:
                seen.add(id(part))
                unread.extend(part.parts)
                for joint in self._joints.get(id(part), ()):
                    passed.update(joint.before if last else joint.after)
        return passed


def _end_of(sequence: Graph, *, last: bool) -> Wired:
    return sequence.parts[-1 if (sequence.way == ">>") is last else 0]


def _link(parents: list[dict[int, int]], joint: _Joint) -> None:
    for child in joint.after:
        if joint.group:
            parents[child].update(dict.fromkeys(joint.before, joint.group))
        else:
            parents[child].setdefault(joint.before[0], 0)
