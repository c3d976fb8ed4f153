"""Graphs of tasks: `a >> b` says that b waits for a, `a | b` that they stand side by side.

An operator only notes what was written: a graph is the tree of what its operators were given, read once when it is
needed (core/layout.py). So building is linear, however many operators there are and however deep they nest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from fairque.errors import GraphError, TaskValidationError

MAX_TASKS: Final = 100_000
"""Tasks that a graph may have."""

Members: TypeAlias = list[Any] | tuple[Any, ...]
"""What stands for a group in an expression: tasks, graphs, and lists of these."""


class Wired:
    """What operators link: a task or a graph of tasks. A list or a tuple of these is a group."""

    __slots__ = ()

    def __rshift__(self, other: Wired | Members) -> Graph:
        """`self >> other`: the first tasks of `other` wait for the last ones of `self`."""
        return Graph(">>", (self, wired(other)))

    def __rrshift__(self, other: Members) -> Graph:
        return Graph(">>", (wired(other), self))

    def __lshift__(self, other: Wired | Members) -> Graph:
        """`self << other`: the first tasks of `self` wait for the last ones of `other`."""
        return Graph("<<", (self, wired(other)))

    def __rlshift__(self, other: Members) -> Graph:
        return Graph("<<", (wired(other), self))

    def __or__(self, other: Wired | Members) -> Graph:
        """`self | other`: a group, whose members do not wait for each other."""
        return Graph("|", (self, wired(other)))

    def __ror__(self, other: Members) -> Graph:
        return Graph("|", (wired(other), self))


class Graph(Wired, msgspec.Struct, frozen=True, eq=False):
    """Tasks and which of them wait for which. A task is what it is by identity: used twice, it is one task still.

    `way` is the operator, `parts` are its operands as written.
    """

    way: Literal[">>", "<<", "|"]
    parts: tuple[Wired, ...]

    def __repr__(self) -> str:
        return f"<Graph of {len(read(self).tasks):,} tasks>"


def chain(*parts: Wired | Iterable[Any]) -> Graph:
    """Return `a >> b >> c`. Instead of several steps it takes one iterable of them; a list among steps is a group.

    Raises:
        TaskValidationError: there is nothing in it, or something that is no task, no graph and no list of these.
    """
    steps = tuple(_given(parts))
    if not steps:
        raise GraphError("chain: there are no tasks in it")
    return Graph(">>", tuple(wired(step) for step in steps))


def group(*parts: Wired | Iterable[Any]) -> Graph:
    """Return `a | b | c`. Instead of several tasks or graphs it takes one iterable of them.

    What waits for a group gets the results of its members as a list, even of one.

    Raises:
        TaskValidationError: as `chain`.
    """
    return Graph("|", _members(_given(parts)))


def _given(parts: tuple[Any, ...]) -> Iterable[Any]:
    """Return what was given: the parts, or what the one iterable in their stead has."""
    alone = len(parts) == 1 and isinstance(parts[0], Iterable) and not isinstance(parts[0], str | bytes)
    return parts[0] if alone else parts


def wired(value: object) -> Wired:
    """Return a task or a graph as it is, a list or a tuple of them as a group.

    Raises:
        TaskValidationError: it is something else.
    """
    if isinstance(value, Wired):
        return value
    if isinstance(value, list | tuple):
        return Graph("|", _members(value))
    raise not_a_task(value)


def not_a_task(value: object) -> TaskValidationError:
    """Return the error for what stands where a task should; of a task function and of a graph it says what to do."""
    hint = "; give it to enqueue()" if isinstance(value, Graph) else ""
    if hasattr(type(value), "parameters"):
        hint = f"; call it: {getattr(value, '__name__', 'add')!s:.60}(...)"
    return TaskValidationError(f"expected a task, got {type(value).__name__}{hint}")


def _members(items: Iterable[object]) -> tuple[Wired, ...]:
    """Return the members of a group, those of lists inside it among them: a group of groups is a group."""
    found: list[Wired] = []
    unread: dict[int, Iterator[object]] = {id(items): iter(items)}
    while unread:
        for item in next(reversed(unread.values())):
            if isinstance(item, list | tuple) and item:
                if id(item) in unread:
                    raise GraphError("group: a list in it contains itself")
                unread[id(item)] = iter(item)
                break
            found.append(wired(item))
            if len(found) > MAX_TASKS:
                raise GraphError(f"group: has more than {MAX_TASKS:,} members")
        else:
            unread.popitem()
    if not found:
        raise GraphError("group: there are no tasks in it")
    return tuple(found)


class Reading(NamedTuple):
    """What stands in a graph."""

    tasks: list[Wired]
    """Each once, in the order in which they were written."""
    sequences: list[Graph]
    """All `>>` and `<<`, those inside another before it."""
    tangled: bool
    """Whether a part of it stands in several places."""


def read(whole: Wired) -> Reading:
    """Walk through a task or a graph, each part of it once and without recursion."""
    tasks: list[Wired] = []
    sequences: list[Graph] = []
    tangled = False
    start = whole if isinstance(whole, Graph) else Graph("|", (whole,))
    seen = {id(start)}
    unread = [(start, iter(start.parts))]
    while unread:
        graph, rest = unread[-1]
        for part in rest:
            if id(part) in seen:
                tangled = True
                continue
            seen.add(id(part))
            if isinstance(part, Graph):
                unread.append((part, iter(part.parts)))
                break
            tasks.append(part)
        else:
            unread.pop()
            if graph.way != "|":
                sequences.append(graph)
    return Reading(tasks, sequences, tangled)
