"""What should become of graphs, said as simply as possible: a table of tasks, and for each whom it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.lua.weaving import Knot

EFFECTS: Final = {
    "F": {"w": "count", "r": "count", "c": "count", "s": "count", "f": "drop"},
    "X": {"r": "count", "c": "cancel", "f": "count"},
    "C": {"r": "count", "c": "cancel"},
    "-": {"w": "cancel", "r": "count", "c": "cancel", "s": "drop", "f": "drop"},
    "H": dict.fromkeys("wrcsf", "drop"),
}
"""By how a parent ended, then by the child's policy; `-`: it is gone, H: it was a hook that nobody needed."""


@dataclass
class Entry:
    """One task. Letters: Q ready, R running, W scheduled, D deferred, F finished, X failed, C canceled."""

    policy: str = "w"
    letter: str = "D"
    waits: set[str] = field(default_factory=set)
    """The parents that it waits for; of one that has begun, the tasks that it has added."""
    due: int = 0
    last_start: int | None = None
    flow: str = ""
    stopping: bool = False


@dataclass
class Graphs:
    """All tasks of one user. `staged` has, by mark, until when a flow that is being handed in may go on."""

    now: int
    tasks: dict[str, Entry] = field(default_factory=dict)
    staged: dict[str, int] = field(default_factory=dict)
    parts: dict[str, list[list[str]]] = field(default_factory=dict)
    """Of each flow that is being handed in the parts that are there."""
    _ended: list[tuple[str, str]] = field(default_factory=list)
    """Parents whose children are to be told, and how they ended."""

    def letter(self, task_id: str) -> str:
        """Return how a task stands; `-` where there is none."""
        return self.tasks[task_id].letter if task_id in self.tasks else "-"

    def those(self, letters: str) -> Iterator[str]:
        """Yield the tasks that stand so."""
        return (task_id for task_id, entry in self.tasks.items() if entry.letter in letters)

    # --- handing in -------------------------------------------------------------------------------------------------

    def accept(self, knots: Sequence[Knot], flow: str = "") -> None:
        """Accept tasks. Those of a flow that is being handed in wait behind its gate, too."""
        for knot in knots:
            due, span = (int(text or 0) for text in f"{knot.when}/".split("/")[:2])
            entry = Entry(knot.policy, flow=flow, due=self.now + due if due else 0)
            entry.last_start = self.now + span if span else None
            self.tasks[knot.task_id] = entry
            if flow in self.staged and not knot.inside:
                entry.waits.add(f"|{flow}")
            self._wait_for(knot.task_id, f"{knot.inside} {knot.outside}".split())
        if flow in self.staged:
            self.parts.setdefault(flow, []).append([knot.task_id for knot in knots])
        self._tell_all()

    def launch(self, flow: str) -> None:
        """Open a gate."""
        del self.staged[flow], self.parts[flow]
        self._ended.append((f"|{flow}", "F"))
        self._tell_all()

    def drop(self, flow: str) -> None:
        """Forget a flow that is being handed in, its last part first."""
        del self.staged[flow]
        for part in reversed(self.parts.pop(flow)):
            for task_id in part:
                if self.letter(task_id) == "D":
                    del self.tasks[task_id]
                    self._ended.append((task_id, "-"))
            self._tell_all()

    def hold(self, holder: str, added: Iterable[str]) -> None:
        """What waits for a task that runs waits for these, too."""
        self.tasks[holder].waits.update(added)

    def _wait_for(self, task_id: str, parents: Iterable[str]) -> None:
        entry = self.tasks[task_id]
        for parent in parents:
            effect = EFFECTS.get(self.letter(parent), {}).get(entry.policy)
            if effect != "count":
                entry.waits.add(parent)
            if effect not in (None, "count"):
                self._ended.append((parent, self.letter(parent)))
        self._free(task_id)

    # --- ends -------------------------------------------------------------------------------------------------------

    def end(self, *ends: tuple[str, str]) -> None:
        """Let tasks end by these letters, in one call; `-`: they are gone."""
        for task_id, letter in ends:
            self._end(task_id, letter)
        self._tell_all()

    def requeue(self, task_id: str, parents: Iterable[str]) -> None:
        """Queue a task again; what is not known any more, or has finished, bars nothing."""
        entry = self.tasks[task_id]
        entry.last_start, entry.due = None, 0
        barring = [one for one in parents if self.letter(one) not in "-F"]
        if any(EFFECTS.get(self.letter(one), {}).get(entry.policy) != "count" for one in barring):
            entry.waits, entry.letter = set(), "D"
            self._wait_for(task_id, barring)
            self._tell_all()
        else:
            entry.letter = "Q"

    def pass_time(self, ms: int) -> None:
        """Let time pass: what is late is canceled, what is due is ready, and who dawdles is dropped."""
        self.now += ms
        late = [one for one in self.those("QWD") if 0 < (self.tasks[one].last_start or 0) <= self.now]
        self.end(*((one, "C") for one in late))
        for task_id in self.those("W"):
            if self.tasks[task_id].due <= self.now:
                self.tasks[task_id].letter = "Q"
        for _, flow in sorted((until, flow) for flow, until in self.staged.items() if until <= self.now):
            self.drop(flow)

    def _end(self, task_id: str, letter: str) -> None:
        entry = self.tasks[task_id]
        if entry.letter == "D":
            entry.waits.clear()
        entry.letter, entry.stopping, entry.last_start = letter, False, None
        if letter in "-H":
            del self.tasks[task_id]
        if letter != "F" or not entry.waits:
            self._ended.append((task_id, letter))

    def _tell_all(self) -> None:
        """Tell the children of all that has ended, then those of what has ended by that, and so on."""
        while self._ended:
            ended, self._ended, ending = self._ended, [], dict[str, str]()
            for parent, letter in ended:
                for task_id, entry in self.tasks.items():
                    if parent in entry.waits and task_id not in ending:
                        policy = "r" if parent[0] == "|" else "w" if entry.letter != "D" else entry.policy
                        effect = EFFECTS[letter].get(policy)
                        if effect == "count":
                            entry.waits.discard(parent)
                            self._free(task_id)
                        elif effect:
                            ending[task_id] = effect
            for task_id, effect in ending.items():
                self._end_child(task_id, effect)

    def _free(self, task_id: str) -> None:
        entry = self.tasks[task_id]
        if not entry.waits and entry.letter == "D":
            entry.letter = "W" if entry.due > self.now else "Q"
        elif not entry.waits and entry.letter in "FXC":  # the last of what it had added has ended
            self._ended.append((task_id, entry.letter))

    def _end_child(self, task_id: str, effect: str) -> None:
        entry = self.tasks[task_id]
        if entry.letter == "D":
            self._end(task_id, "C" if effect == "cancel" else "H")
        else:  # what it had added is gone
            entry.waits.clear()
            self._ended.append((task_id, "-"))
