"""Random graphs: what each task waits for, what becomes of it, and what is done to it from outside meanwhile.

A task is told by the seed and its number alone, so that a smaller graph of a seed is the beginning of a larger one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from fairque import Task
from fairque.core.graph import Wired
from tests.graphs.jobs import node

POLICIES: Final = {"w": "wait", "r": "run", "c": "cancel"}
ALWAYS: Final = 1_000
"""Attempts that fail, of a task that always does."""
FATES: Final = ((88, 0, 0), (90, ALWAYS, 0), (91, ALWAYS, 1), (95, 1, 0), (100, 2, 3))
"""Up to which percentage: in how many attempts it fails, and how often it is tried again by itself."""


class Spec(NamedTuple):
    """One task."""

    parents: tuple[int, ...]
    policy: str
    failing: int
    retries: int
    by_hand: bool
    """Whether its parents are told by `depends_on`."""
    followers: str
    """Which it has: `s`, `f`, and `F` for two in a row."""
    delay: float
    priority: int


class Act(NamedTuple):
    """Something that is done to a task from outside, when so much of all (0 to 1) has ended."""

    at: float
    what: str
    place: int


class Tie(NamedTuple):
    """What a task waits for, by ids."""

    policy: str
    parents: tuple[str, ...]


Ties = dict[str, Tie]


def spec_of(seed: int, place: int) -> Spec:
    """Return one task of a graph."""
    rng = random.Random(f"{seed} {place}")
    most = rng.choice((0, 1, 1, 1, 2, 2, 3, 30)) if place else 0
    near = place if rng.random() < 0.2 else min(place, 12)
    parents = {place - 1 - rng.randrange(near) for _ in range(most)}
    percent, policy = rng.randrange(100), rng.choice("wwwrrc")
    failing, retries = next((failing, retries) for upto, failing, retries in FATES if percent < upto)
    followers = "".join(letter for letter, share in (("s", 0.05), ("f", 0.08), ("F", 0.03)) if rng.random() < share)
    followers = followers.replace("fF", "F")
    delay = 0.02 if rng.random() < 0.03 else 0.0
    by_hand, priority = rng.random() < 0.3, rng.randint(1, 6)
    return Spec(tuple(sorted(parents)), policy, failing, retries, by_hand, followers, delay, priority)


def acts_of(seed: int, size: int, count: int) -> list[Act]:
    """Return what is done from outside, in order."""
    rng = random.Random(f"{seed} acts")
    kinds = (*3 * ["cancel"], *3 * ["retry"], *3 * ["requeue"], *2 * ["delete"], "cancel all")
    return sorted(Act(rng.random(), rng.choice(kinds), rng.randrange(size)) for _ in range(count))


def built(specs: list[Spec], seconds: float = 0.0) -> tuple[list[Wired], Ties]:
    """Return what is enqueued, and how its tasks are tied."""
    ties: Ties = {}
    whole: list[Wired] = []
    tasks = [_task_of(place, spec, ties, seconds) for place, spec in enumerate(specs)]
    whole += tasks
    whole += [
        tasks[parent] >> tasks[place]
        for place, spec in enumerate(specs)
        for parent in ([] if spec.by_hand else spec.parents)
    ]
    return whole, ties


def _task_of(place: int, spec: Spec, ties: Ties, seconds: float) -> Task[Any]:
    name = f"n{place}"
    ties[name] = Tie(spec.policy, tuple(f"n{parent}" for parent in spec.parents))
    options: dict[str, Any] = {"on_parent_failure": POLICIES[spec.policy], "priority": spec.priority}
    if spec.by_hand:
        options["depends_on"] = list(ties[name].parents)
    if spec.delay:
        options["delay"] = spec.delay
    for letter, option in (("s", "on_success"), ("f", "on_failure"), ("F", "on_failure")):
        if letter in spec.followers:
            options[option] = _follower(name, letter, ties)
    return node(spec.failing, seconds).with_(task_id=name, max_retries=spec.retries, **options)


def _follower(leader: str, letter: str, ties: Ties) -> Wired:
    first = f"{leader}-{letter}"
    ties[first] = Tie(letter.lower(), (leader,))
    head = node(0).with_(task_id=first)
    if letter != "F":
        return head
    ties[f"{first}-2"] = Tie("w", (first,))
    return head >> node(0).with_(task_id=f"{first}-2")


def ids_of(ties: Ties) -> Iterator[str]:
    """Yield the ids of the tasks that were written, without followers."""
    return (name for name in ties if "-" not in name)
