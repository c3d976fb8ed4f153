"""What the queue should hold, said as simply as possible: a table of tasks and a handful of totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["done", "bury", "release", "again", "postpone"]


class Name(NamedTuple):
    """A task: its user and its id."""

    user: str
    task_id: str


@dataclass
class Entry:
    """One task. `at` is when its lease lapses, it is due or its record expires (ms), as its state needs."""

    level: int
    letter: str
    at: int = 0
    attempt: int = 0
    lost: int = 0
    failures: int = 0
    token: bytes = b""
    worker: str = ""
    last_start: int | None = None
    stopping: bool = False

    @property
    def ended(self) -> bool:
        return self.letter in "FXC"


@dataclass
class Model:
    """Letters: Q ready, R running, W scheduled, F finished, X failed, C canceled."""

    tasks: dict[Name, Entry] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)

    def those(self, letter: str, user: str | None = None) -> Iterator[Name]:
        """Yield the tasks of that state."""
        for name, entry in self.tasks.items():
            if entry.letter == letter and user in (None, name.user):
                yield name

    def push(self, name: Name, level: int, due: int | None, last_start: int | None = None) -> bool:
        """Push a chosen id; return whether a task was made."""
        known = self.tasks.get(name)
        if known is not None and not known.ended:
            return False
        self.tasks[name] = Entry(level, "Q") if due is None else Entry(level, "W", due)
        self.tasks[name].last_start = last_start
        return True

    def cancel(self, name: Name, until: int) -> int:
        """Cancel a task; return what is to be answered."""
        entry = self.tasks.get(name)
        if entry is None:
            return 0
        if entry.letter in "QW":
            self._end_canceled(entry, until)
        elif entry.letter == "R":
            entry.stopping = True
            return 2
        return 1 if entry.letter == "C" else 3

    def requeue(self, name: Name) -> bool:
        """Queue a task again; return whether it had failed or was canceled."""
        entry = self.tasks.get(name)
        if entry is None or entry.letter not in "XC":
            return False
        entry.letter, entry.lost, entry.failures, entry.last_start = "Q", 0, 0, None
        return True

    def _end_canceled(self, entry: Entry, until: int) -> None:
        entry.letter, entry.at, entry.stopping = "C", until, False
        self.totals["canceled_total"] += 1

    def grant(self, name: Name, token: bytes, deadline: int, worker: str) -> Entry:
        """Start a ready task."""
        entry = self.tasks[name]
        assert entry.letter == "Q", f"{name} was granted while {entry.letter}"
        assert not (entry.lost and worker in self.suspects()), f"{worker} was given a second suspect"
        entry.letter, entry.token, entry.at, entry.worker = "R", token, deadline, worker
        entry.attempt += 1
        return entry

    def suspects(self) -> dict[str, Name]:
        """Return the tasks that were lost before and run now, by worker."""
        return {self.tasks[name].worker: name for name in self.those("R") if self.tasks[name].lost}

    def holds(self, name: Name, token: bytes) -> bool:
        """Say whether a run has its lease."""
        entry = self.tasks.get(name)
        return entry is not None and entry.letter == "R" and entry.token == token

    def end(self, name: Name, kind: Kind, at: int) -> None:
        """End a run; `at` is when the task is due again or expires."""
        entry = self.tasks[name]
        if kind != "postpone":
            entry.last_start = None
        if entry.stopping and kind != "done":
            self._end_canceled(entry, at)
            return
        entry.stopping = False
        entry.failures += kind in ("again", "bury")
        entry.letter, entry.at = {"done": "F", "bury": "X", "release": "Q"}.get(kind, "W"), at
        self.totals["retried_total"] += kind == "again"
        self.totals["finished_total"] += kind == "done"
        self.totals["failed_total"] += kind == "bury"

    def pass_time(self, now: int, failed_until: int, canceled_until: int) -> None:
        """Reap what has lapsed, ready what is due."""
        for entry in self.tasks.values():
            if entry.letter == "R" and entry.at <= now:
                entry.lost += 1
                self.totals["lost_total"] += 1
                entry.letter, entry.last_start = "Q", None
                if entry.stopping:
                    self._end_canceled(entry, canceled_until)
                elif entry.lost == 3:
                    entry.letter, entry.at = "X", failed_until
                    self.totals["failed_total"] += 1
            elif entry.letter in "QW" and entry.last_start is not None and entry.last_start <= now:
                self._end_canceled(entry, canceled_until)
            elif entry.letter == "W" and entry.at <= now:
                entry.letter = "Q"
