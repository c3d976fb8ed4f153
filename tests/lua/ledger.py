"""The bound of fair queuing, kept like books: who was served how much while two users were backlogged (I13)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations

CLOSE = 1e-9


@dataclass
class Ledger:
    """Tells, start by start, whether two users differ by more than one task of each in any interval in which both have
    something ready: |S_i/w_i - S_j/w_j| <= c_i/w_i + c_j/w_j, c being the largest cost among a user's own tasks.
    """

    weights: dict[str, float]
    ready: Counter[str] = field(default_factory=Counter)
    largest: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    tightest: float = 0.0
    _served: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _ranges: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _settling: set[str] = field(default_factory=set)

    def push(self, user: str, cost: float = 1) -> None:
        """Note a task that became ready."""
        self.ready[user] += 1
        self.largest[user] = max(self.largest[user], cost)

    def reweigh(self, user: str, weight: float) -> None:
        """Note a new weight: it holds from the next start on, so the books open anew after that."""
        self.weights[user] = weight
        self._settling.add(user)

    def start(self, user: str, cost: float = 1) -> None:
        """Note a start, and check the bound."""
        self.ready[user] -= 1
        assert self.ready[user] >= 0
        before = dict(self._served)
        self._served[user] += cost / self.weights[user]
        for pair in combinations(sorted(self.weights), 2):
            if user in pair:
                self._check(pair, before)
        if user in self._settling:
            self._settling.discard(user)
            self._ranges = {pair: there for pair, there in self._ranges.items() if user not in pair}
        if self.ready[user] == 0:
            self._ranges = {pair: there for pair, there in self._ranges.items() if user not in pair}

    def _check(self, pair: tuple[str, str], before: dict[str, float]) -> None:
        one, two = pair
        if self._settling & {*pair} or not self._both_backlogged(pair, before):
            self._ranges.pop(pair, None)
            return
        was = before.get(one, 0.0) - before.get(two, 0.0)
        now = self._served[one] - self._served[two]
        low, high = self._ranges.get(pair, (was, was))
        low, high = min(low, now), max(high, now)
        self._ranges[pair] = (low, high)
        bound = sum(self.largest[user] / self.weights[user] for user in pair)
        self.tightest = max(self.tightest, (high - low) / bound)
        assert high - low <= bound * (1 + CLOSE), f"{pair}: {high - low} > {bound}"

    def _both_backlogged(self, pair: tuple[str, str], before: dict[str, float]) -> bool:
        """Had both something ready when this start was made?"""
        return all(self.ready[user] > 0 or self._served[user] != before.get(user, 0.0) for user in pair)
