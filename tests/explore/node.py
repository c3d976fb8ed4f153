"""A state of the queue and of the world around it, as the explorer meets it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from fairque.store import claims
from fairque.store.records import Grant
from tests.explore.wire import AnyCall
from tests.lua.model import Entry, Model, Name
from tests.lua.shelf import Copy

LEVELS: Final = {Name("a", "a1"): 3, Name("a", "a2"): 3, Name("b", "b1"): 3, Name("b", "b2"): 6}
"""All tasks that there can be, and their levels, in the order in which they are pushed."""
USERS: Final = ("a", "b")
CAPPED: Final = "b"
"""The user that may run one task at a time."""
WORKERS: Final[dict[str, tuple[list[str], list[str]]]] = {"w1": (["a"], ["b"]), "w2": (["b"], [])}
"""Whom a worker is assigned, and from whom it may steal."""
LISTS: Final = {worker: claims.lists_of(*lists) for worker, lists in WORKERS.items()}


class Request(NamedTuple):
    """A request that may be sent again: what it was for, the call and its answer."""

    what: str
    call: AnyCall
    answer: Any


@dataclass
class Node:
    """`model` is what should stand in Redis, `copy` is what does."""

    copy: Copy
    now: int
    model: Model = field(default_factory=Model)
    grants: dict[Name, Grant] = field(default_factory=dict)
    """The runs."""
    dead: frozenset[Name] = frozenset()
    """Those of them whose worker has crashed: it knows nothing of them any more."""
    spent: dict[Name, Grant] = field(default_factory=dict)
    """For each task a run that is over."""
    last: dict[str, Request] = field(default_factory=dict)
    """For each client its last request that was remembered."""
    places: dict[Name, int] = field(default_factory=dict)
    """The order of the living tasks."""
    tags: tuple[Any, ...] = ()
    """Where users stand."""
    path: tuple[str, ...] = ()
    """What led here."""
    known: bool = False
    """Whether such a state has been met, and only the requests that may be sent again are others."""

    def after(self, label: str) -> Node:
        """Return a node to be changed into what follows."""
        model = Model({name: copy(entry) for name, entry in self.model.tasks.items()}, self.model.totals.copy())
        return replace(
            self,
            model=model,
            grants={**self.grants},
            spent={**self.spent},
            last={**self.last},
            path=(*self.path, label),
        )

    def held(self, worker: str) -> Iterator[tuple[Name, Grant]]:
        """Yield the runs that a worker knows of."""
        for name, grant in self.grants.items():
            if name not in self.dead and self.model.tasks[name].worker == worker:
                yield name, grant

    def running(self, user: str) -> int:
        """Return how many of a user's tasks run."""
        return sum(1 for _ in self.model.those("R", user))

    def startable(self, worker: str, users: list[str]) -> list[Name]:
        """Return the tasks of these users that the worker may start."""
        holds_suspect = worker in self.model.suspects()
        return [
            name
            for user in users
            if user != CAPPED or self.running(user) == 0
            for name in self.model.those("Q", user)
            if not (self.model.tasks[name].lost and holds_suspect)
        ]

    def forget_runs(self) -> None:
        """Put away the runs that are over by the model."""
        for name in [name for name in self.grants if not self.model.holds(name, self.grants[name].token)]:
            self.spent[name] = self.grants.pop(name)
            self.dead -= {name}

    def remember(self, client: str, call: AnyCall, answer: Any) -> None:
        """Note a client's request."""
        self.last[client] = Request(self.path[-1], call, answer)

    def requests(self) -> frozenset[tuple[str, str]]:
        """Return what may be sent again."""
        return frozenset((client, request.what) for client, request in self.last.items())

    def canonical(self) -> tuple[Any, ...]:
        """Return what of this state decides what can follow: instants as seen from now, places as ranks."""
        order = sorted(self.places, key=self.places.__getitem__)
        overdue = sorted((entry.at, name) for name, entry in self._timed("W") if entry.at <= self.now)
        return (
            tuple(
                (
                    name,
                    entry.letter,
                    entry.lost,
                    self._until(entry),
                    entry.worker * (entry.letter == "R"),
                    *self._asked(entry),
                )
                for name, entry in sorted(self.model.tasks.items())
            ),
            tuple(name for _, name in overdue),
            tuple(order),
            self.dead,
            self.tags,
        )

    def _timed(self, letter: str) -> Iterator[tuple[Name, Entry]]:
        for name in self.model.those(letter):
            yield name, self.model.tasks[name]

    def _asked(self, entry: Entry) -> tuple[bool, int | None]:
        """Return whether it is asked to stop, and for how long it may still start."""
        return entry.stopping, None if entry.last_start is None else max(0, entry.last_start - self.now)

    def _until(self, entry: Entry) -> int:
        return max(0, entry.at - self.now) if entry.letter in "RW" else 0
