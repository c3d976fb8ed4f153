"""What must hold of every graph, judged by what Redis wrote down (I17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from tests.graphs.record import Came, Event, Granted
from tests.graphs.shape import Ties

ENOUGH: Final = {"w": "F", "c": "F", "s": "F", "r": "FXCG", "f": "X"}
"""By a child's policy, the states of a parent after which it need not wait for that one any more."""
ENDED: Final = "FXC"
WAITING: Final = "DQW"


def violations(events: Iterable[Event], ties: Ties) -> Iterator[str]:
    """Yield each start of a child before its parents allowed it, and each attempt that was granted out of turn."""
    judge = _Judge(ties)
    for event in events:
        if isinstance(event, Came):
            judge.note(event)
        else:
            yield from judge.faults_of(event)


def gone(events: Iterable[Event]) -> Iterator[str]:
    """Yield for each task whose record is gone the letter of the state that it was in."""
    letters: dict[str, str] = {}
    for event in events:
        if isinstance(event, Came):
            if event.letter == "G":
                yield letters[event.task_id]
            letters[event.task_id] = event.letter


class _Judge:
    """Follows all tasks of a graph."""

    def __init__(self, ties: Ties) -> None:
        self._ties = ties
        self._children = defaultdict[str, list[str]](list)
        self._letters: dict[str, str] = {}
        self._met: dict[str, set[str]] = {name: set() for name in ties}
        """The parents that a task need not wait for any more."""
        self._attempts = defaultdict[str, int](int)
        for child, tie in ties.items():
            for parent in tie.parents:
                self._children[parent].append(child)

    def note(self, came: Came) -> None:
        name, letter = came
        if self._letters.get(name) in set(ENDED) and letter in WAITING:  # it begins anew
            tie = self._ties[name]
            enough = ENOUGH[tie.policy] + "G"
            self._met[name] = {parent for parent in tie.parents if self._letters[parent] in enough}
        self._letters[name] = letter
        for child in self._children[name]:
            if letter in ENOUGH[self._ties[child].policy]:
                self._met[child].add(name)

    def faults_of(self, grant: Granted) -> Iterator[str]:
        name, attempt = grant
        tie, before = self._ties[name], self._attempts[name]
        if missing := set(tie.parents) - self._met[name]:
            waits = ", ".join(f"{one} ({self._letters.get(one)})" for one in sorted(missing))
            yield f"{name} ({tie.policy}) was granted before {waits}"
        if self._letters.get(name) != "Q":
            yield f"{name} was granted while it was {self._letters.get(name)}"
        if attempt != before + 1:
            yield f"{name}: attempt {attempt} was granted after {before}"
        self._attempts[name] = attempt
