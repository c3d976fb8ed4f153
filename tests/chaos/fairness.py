"""The fair share, judged grant by grant: for two users in the same lists of the same workers, over any time in which
both could be served throughout, grants over weight differ by no more than one task of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, groupby

from tests.chaos.evidence import Evidence, Violation
from tests.chaos.journal import Granted, Settled
from tests.chaos.standing import Standing

Charge = tuple[str, float]
"""A user, and what a grant has cost it: 1 / weight."""


class Span:
    """Two users while both can be served: how far one has got ahead of the other, at the least and at the most."""

    def __init__(self, bound: float) -> None:
        self.bound = bound
        self._ahead = self._least = self._most = 0.0

    @property
    def distance(self) -> float:
        return self._most - self._least

    def move(self, amount: float) -> None:
        self._ahead += amount
        self._least, self._most = min(self._least, self._ahead), max(self._most, self._ahead)


class Group:
    """Users that stand in the same lists. Spans begin when they are level.

    They are not while one of them has grants to come for what was given back. They are again when each has been served
    since: whoever was ahead comes after all others.
    """

    def __init__(self, users: list[str]) -> None:
        self.users = users
        self.spans: dict[tuple[str, str], Span] = {}
        self._not_served: set[str] = set()

    def is_level(self, credit: Counter[str], charges: list[Charge]) -> bool:
        if any(credit[user] for user in self.users):
            self._not_served = set(self.users)
        else:
            self._not_served -= {user for user, charge in charges if charge}
        return not self._not_served


class Sharing:
    """Follows all pairs of users that must share fairly.

    What a worker gives back unstarted was not charged: its user gets as many grants more, at once, which count nothing.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._groups = [Group(sorted(users)) for users in evidence.scene.equals()]
        self._weight = {user: evidence.scene.weight(user) for user in evidence.scene.users}
        self._credit: Counter[str] = Counter()
        self.spans = 0
        self.judged = 0
        """Grants that were compared, once for each pair."""
        self.worst = 0.0
        """Greatest distance, of what is allowed."""

    def violations(self) -> Iterator[Violation]:
        standing = Standing(self._evidence)
        for step, entries in groupby(self._evidence.journal, key=lambda entry: entry.step):
            charges = []
            for entry in entries:
                if isinstance(entry, Granted):
                    charges.append((entry.key[0], self._charge(entry.key[0])))
                elif isinstance(entry, Settled) and entry.how == "released":
                    self._give_back(entry, standing)
                standing.apply(entry)
            for group in self._groups:
                yield from self._judge(step, group, standing, charges)

    def _charge(self, user: str) -> float:
        if self._credit[user] > 0:
            self._credit[user] -= 1
            return 0.0
        return 1 / self._weight[user]

    def _give_back(self, end: Settled, standing: Standing) -> None:
        user = end.key[0]
        if not standing.is_idle(user) and end.token not in self._evidence.run_of:
            self._credit[user] += 1

    def _judge(self, step: int, group: Group, standing: Standing, charges: list[Charge]) -> Iterator[Violation]:
        servable = {user for user in group.users if standing.is_servable(user)}
        for user in group.users:
            if standing.is_idle(user):
                self._credit[user] = 0
        level = group.is_level(self._credit, charges)
        for pair in combinations(group.users, 2):
            span = group.spans.get(pair)
            if not servable.issuperset(pair):
                group.spans.pop(pair, None)
            elif span is not None:
                self._compare(pair, span, charges)
                if span.distance > span.bound + 1e-9:
                    what = f"{pair}: {span.distance:.2f} apart, {span.bound:.2f} allowed, at step {step}"
                    yield Violation("I13", what)
                    del group.spans[pair]
            elif level:
                self.spans += 1
                group.spans[pair] = Span(sum(1 / self._weight[user] for user in pair))

    def _compare(self, pair: tuple[str, str], span: Span, charges: list[Charge]) -> None:
        for user, charge in charges:
            if charge and user in pair:
                self.judged += 1
                span.move(charge if user == pair[0] else -charge)
        self.worst = max(self.worst, span.distance / span.bound)
