"""Workers with many slots under the simulated clock: time jumps from one end of a run to the next."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fairque.core.outcome import Outcome
from fairque.store import claims
from fairque.store.records import Grant
from tests.lua.scene import DONE, EVERYONE, Scene

Duration = Callable[[Grant], int]
"""For how many ms a task runs."""


@dataclass
class Farm:
    """Workers that are always hungry. `served`: the run time that each user had, ms; `starts`: the tasks in order."""

    scene: Scene
    duration: Duration
    outcome: Outcome = DONE
    served: Counter[str] = field(default_factory=Counter)
    starts: list[Grant] = field(default_factory=list)
    after_each: Callable[[], None] = lambda: None
    _slots: dict[str, tuple[int, claims.Lists]] = field(default_factory=dict)
    _running: list[tuple[int, int, str, int, Grant]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def hire(self, worker: str, slots: int, lists: claims.Lists = EVERYONE) -> None:
        """Add a worker."""
        self._slots[worker] = (slots, lists)

    def settle(self, worker: str, ended: list[tuple[int, Grant]]) -> None:
        """Let a worker hand in what has ended, which all ran for as long, and fill its slots."""
        slots, lists = self._slots[worker]
        want = slots - sum(run[2] == worker for run in self._running)
        ran = ended[0][0] / 1000 if ended else None
        outcomes = [(grant, self.outcome) for _, grant in ended]
        found = self.scene.settle(outcomes, want=want, worker=worker, lists=lists, ran=ran).grants
        for grant in found:
            ms = self.duration(grant)
            heapq.heappush(self._running, (self.scene.now + ms, next(self._numbers), worker, ms, grant))
        self.starts += found
        self.after_each()

    def work(self, until: int) -> None:
        """Work until that instant, or until nothing runs any more."""
        for worker in self._slots:
            self.settle(worker, [])
        while self._running and self._running[0][0] <= until:
            end, _, worker, ms, grant = heapq.heappop(self._running)
            self.scene.now = max(self.scene.now, end)
            self.served[grant.user_id] += ms
            self.settle(worker, [(ms, grant)])

    def spent(self) -> Counter[str]:
        """Return the run time (ms) that each user had so far, that of unfinished runs included."""
        spent = self.served.copy()
        for end, _, _, ms, grant in self._running:
            spent[grant.user_id] += max(0, min(ms, self.scene.now - (end - ms)))
        return spent

    def shares(self) -> dict[str, float]:
        """Return each user's share of the run time so far."""
        spent = self.spent()
        return {user: amount / spent.total() for user, amount in spent.items()}
