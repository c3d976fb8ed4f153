"""Breadth first through all states that some sequence of script calls leads to: the real scripts on a real Redis."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import redis

from tests.explore.actions import ACTIONS, Action, Move
from tests.explore.loops import LOOPS, Loop
from tests.explore.node import CAPPED, WORKERS, Node
from tests.explore.view import View
from tests.explore.wire import Answer, Wire
from tests.lua.scene import Scene
from tests.lua.shelf import Shelf

ENOUGH: Final = 20
"""Violations after which a search gives up."""
Plan = tuple[Node, list[Move], list[Loop]]


@dataclass
class Tally:
    """What a search has come through."""

    depth: int = 0
    states: int = 1
    transitions: int = 0
    loops: int = 0
    """Of these, the ones that must change nothing: sent again (in each state, whatever way led there), or with an old
    token.
    """
    done: int = 0
    frontier: int = 0
    """States of this depth that have been gone through, and all of them."""
    taken: Counter[str] = field(default_factory=Counter)
    """How often each action was taken."""
    violations: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return time.monotonic() - self.began


class Search:
    """A queue, and how its states are gone through."""

    def __init__(self, url: str, prefix: str, client: redis.Redis, actions: Mapping[str, Action] = ACTIONS) -> None:
        self._scene = Scene(url, prefix, client)
        for users in {tuple(users) for lists in WORKERS.values() for users in lists if users}:
            self._scene.register(users)
        self._scene.limit_user(CAPPED, max_concurrency=1)
        self._actions = actions
        self._wire = Wire(client, self._scene.root)
        self._empty = Shelf(client, self._scene.root).take()
        self._enough = ENOUGH
        self.tally = Tally()

    def run(self, depth: int, *, enough: int = ENOUGH) -> Tally:
        """Go through all states that are at most so many steps away from an empty queue, or until there are `enough`
        violations.
        """
        self._enough = enough
        tally, level = self.tally, [Node(self._empty, self._scene.now)]
        states, met = {hash(level[0].canonical())}, set[int]()
        for tally.depth in range(1, depth + 1):
            tally.done, tally.frontier, following = 0, len(level), []
            for found in self._followed(level):
                state = hash(found.canonical())
                meeting = hash((state, found.requests()))
                if meeting not in met:
                    met.add(meeting)
                    found.known = state in states
                    states.add(state)
                    following.append(found)
            tally.states = len(states)
            level = following if len(tally.violations) < enough else []
        return tally

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()
        self._scene.close()

    def _followed(self, level: Sequence[Node]) -> Iterator[Node]:
        """Yield what follows from each of these states. While one is judged, Redis works on the next."""
        sent: Plan | None = None
        for node in (*level, None):
            plan = self._send(node) if node is not None and len(self.tally.violations) < self._enough else None
            if sent is not None:
                yield from self._received(*sent)
                self.tally.done += 1
            sent = plan

    def _send(self, node: Node) -> Plan:
        root, moves = self._scene.root, []
        for name, action in () if node.known else self._actions.items():
            some = list(action(node, root))
            self.tally.taken[name] += len(some)
            moves += some
        loops = [loop for make in LOOPS for loop in make(node, root)]
        self._wire.send(node.copy, [*((move.call,) for move in moves if move.call), *(loop.calls for loop in loops)])
        return node, moves, loops

    def _received(self, node: Node, moves: list[Move], loops: list[Loop]) -> Iterator[Node]:
        for move in moves:
            answer = self._wire.receive((move.call,)) if move.call else None
            self.tally.transitions += 1
            after = node.after(move.label)
            if self._holds(after.path, partial(_judge, move, after, answer)):
                yield after
        for loop in loops:
            answer = self._wire.receive(loop.calls)
            self.tally.transitions += len(loop.calls)
            self.tally.loops += len(loop.calls)
            self._holds((*node.path, loop.label), partial(loop.judge, answer))

    def _holds(self, path: tuple[str, ...], check: Callable[[], None]) -> bool:
        try:
            check()
        except AssertionError as wrong:
            self.tally.violations.append(f"{' > '.join(path)}: {wrong}")
            return False
        return True


def _judge(move: Move, after: Node, answer: Answer | None) -> None:
    """Move the model, and check what stands in Redis against it."""
    if answer is None:
        move.judge(after, None)
        return
    after.copy = answer.copy
    move.judge(after, answer.replies[0])
    view = View(answer.found[0])
    after.places, after.tags = view.check(after), view.tags()
