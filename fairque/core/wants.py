"""Parameters that take results of parents: `def load(rows: list[int] = from_parent()) -> int`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fairque.core.wording import clipped, shown
from fairque.errors import TaskValidationError


def from_parent(name: str | None = None) -> Any:
    """Return the default of a parameter that gets the result of a parent where a call does not give it.

    Without a name: the value of the one parent; the list of all results, in the order in which the parents were
    written, where there are several or where they were written as a group. With a name: that of the parent whose task
    id, task name or last part of the task name (`extract` of `myapp.tasks:extract`) it is; a list where several have
    it, or where it is a whole group that has it. Parents given by `depends_on` are known by their ids alone.

    Raises:
        TaskValidationError: the name is not text.
    """
    if name is not None and (not isinstance(name, str) or not name):
        raise TaskValidationError(f"from_parent: expected the name of a parent, got {shown(name)}")
    return FromParent(name)


class FromParent:
    """Stands as a parameter's default for the result of a parent."""

    __slots__ = ("name",)

    def __init__(self, name: str | None) -> None:
        self.name = name

    def __repr__(self) -> str:
        return "from_parent()" if self.name is None else f"from_parent({clipped(self.name)!r})"


class Want(NamedTuple):
    """A parameter with `from_parent` as its default: its place among positional ones, if any, and the parent's name."""

    parameter: str
    place: int | None
    parent: str | None


def wants_of(function: Callable[..., Any]) -> tuple[Want, ...]:
    """Return which parameters of a function take results of parents.

    Raises:
        TaskValidationError: one of them cannot be given by its name, or `from_parent` was not called.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # as of some functions in C
        return ()
    return tuple(_wants_among(parameters))


def unmet(wants: tuple[Want, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Want, ...]:
    """Return those that a call does not give."""
    return tuple(
        want for want in wants if want.parameter not in kwargs and (want.place is None or want.place >= len(args))
    )


def _wants_among(parameters: Mapping[str, inspect.Parameter]) -> Iterator[Want]:
    for place, (name, parameter) in enumerate(parameters.items()):
        if parameter.default is from_parent:
            raise TaskValidationError(f"{name}: call it, as in {name}=from_parent()")
        if not isinstance(parameter.default, FromParent):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TaskValidationError(f"{name}: a parameter that is positional only cannot come from a parent")
        named_only = parameter.kind is parameter.KEYWORD_ONLY
        yield Want(name, None if named_only else place, parameter.default.name)
