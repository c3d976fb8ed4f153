"""What must hold of every graph, judged by what Redis wrote down (I17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from tests.graphs.record import Came, Event
from tests.graphs.shape import Ties

ENOUGH: Final = {"w": "F", "c": "F", "s": "F", "r": "FXCG", "f": "X"}
"""By a child's policy, the states of a parent after which it need not wait for that one any more."""
ENDED: Final = "FXC"


def violations(events: Iterable[Event], ties: Ties) -> Iterator[str]:
    """Yield each start of a child before its parents allowed it, and each attempt that was granted twice."""
    children = defaultdict(list)
    for child, tie in ties.items():
        for parent in tie.parents:
            children[parent].append(child)
    letters: dict[str, str] = {}
    met: dict[str, set[str]] = {name: set() for name in ties}
    attempts: dict[str, int] = defaultdict(int)
    for event in events:
        name = event.task_id
        if isinstance(event, Came):
            if letters.get(name, "") in ENDED and event.letter in "DQW":  # it begins, or begins anew
                tie = ties[name]
                met[name] = {one for one in tie.parents if letters.get(one, "") in ENOUGH[tie.policy] + "G"}
            letters[name] = event.letter
            for child in children[name]:
                if event.letter in ENOUGH[ties[child].policy]:
                    met[child].add(name)
        else:
            if missing := set(ties[name].parents) - met[name]:
                waits = ", ".join(f"{one} ({letters.get(one)})" for one in sorted(missing))
                yield f"{name} ({ties[name].policy}) was granted before {waits}"
            if letters.get(name) != "Q":
                yield f"{name} was granted while it was {letters.get(name)}"
            if event.attempt != attempts[name] + 1:
                yield f"{name}: attempt {event.attempt} was granted after {attempts[name]}"
            attempts[name] = event.attempt


def gone(events: Iterable[Event]) -> Iterator[str]:
    """Yield for each task whose record is gone the letter of the state that it was in."""
    letters: dict[str, str] = {}
    for event in events:
        if isinstance(event, Came):
            if event.letter == "G":
                yield letters[event.task_id]
            letters[event.task_id] = event.letter
