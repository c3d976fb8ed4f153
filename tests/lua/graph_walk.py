"""A queue and the model of its graphs, side by side: what a random walk stands on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from fairque.core.outcome import Outcome
from fairque.store import readings
from fairque.store.records import Grant
from tests.lua.graph_model import Graphs
from tests.lua.scene import BURY, DONE, RELEASE, Scene, again
from tests.lua.weaving import Knot, letters
from tests.lua.web import check_webs

MOST = 40
KEEP = 86_400.0
WAYS: dict[str, Outcome] = {"F": DONE, "X": BURY, "Q": RELEASE, "W": again(3)}
shapes = st.lists(
    st.tuples(
        st.lists(st.integers(0, 60), max_size=3),
        st.sampled_from("wwwrrcsf"),
        st.sampled_from(["", "", "+3000", "/9000"]),
    ),
    min_size=1,
    max_size=5,
)
"""For each task of a graph the parents that it may have, by numbers that are taken as they fit."""
picks = st.integers(0, 100)


class GraphWalk(RuleBasedStateMachine):
    """`knots` has new tasks to hand in, whose parents are among those that there are."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.model = scene, Graphs(scene.now)
        self.held: dict[str, Grant] = {}
        self.parents: dict[str, str] = {}
        self.flows: dict[str, list[str]] = {}
        """What has been handed in of the flows that have not begun."""

    @invariant()
    def all_stands_as_the_model_says(self) -> None:
        check_webs(self.scene)
        while self.scene.stat("releasing"):
            self.scene.settle()
            check_webs(self.scene)
        ids = sorted(self.parents)
        found = letters(self.scene, " ".join(ids))
        expected = {one: self.model.letter(one) for one in ids}
        off = {one: (letter, expected[one]) for one, letter in zip(ids, found, strict=True) if letter != expected[one]}
        assert off == {}, f"what stands there, and what should: {off}; {self.parents}; {self.model}"
        counted = self.scene.run(readings.sizes(self.scene.root, "a"))
        there = [len(list(self.model.those(letter))) for letter in "QRDWX"]
        assert [counted[0], *counted[2:]] == there

    def teardown(self) -> None:
        self.scene.close()

    def knots(self, shape: Any, here: Any = ()) -> list[Knot]:
        """Return new tasks, whose parents are among those before them, in their flow (`here`) or out of it."""
        knots: list[Knot] = []
        if len(self.parents) + len(shape) > MOST:
            return knots
        for numbers, policy, when in shape:
            inside, known = [*here, *(knot.task_id for knot in knots)], [*self.model.tasks]
            choices = [*inside, *(one for one in known if one not in here)]
            parents = list(dict.fromkeys(choices[-1 - n % len(choices)] for n in numbers if choices))
            knot = Knot(
                self.scene.name("t"),
                " ".join(one for one in parents if one in inside),
                policy,
                " ".join(one for one in parents if one not in inside),
                when,
            )
            knots.append(knot)
            self.parents[knot.task_id] = " ".join(parents)
        return knots

    def grows(self, mark: str) -> bool:
        return mark in self.model.staged and all(self.model.letter(one) == "D" for one in self.flows[mark])

    def mark(self) -> str:
        return f"g{int(self.scene.name('')):014x}"

    @staticmethod
    def picked(number: int, choices: list[str]) -> str:
        return choices[number % len(choices)] if choices else ""
