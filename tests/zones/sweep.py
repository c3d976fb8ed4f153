"""Compares the fires around a change of the clocks with those of the oracle, and with a second opinion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fairque.core.cron import Cron, parse_cron
from tests.zones.changes import Change
from tests.zones.oracle import EXPRESSIONS, Expression, Minute, read_clock
from tests.zones.second_opinion import UNASKED, explained, opinion

After = Callable[[Cron, int, ZoneInfo], int | None]
"""Which instant is next: the rule under test, or one that is wrong on purpose."""


@dataclass
class Verdict:
    """What came of comparisons: how many there were, of how many fires, and each difference."""

    comparisons: int = 0
    fires: int = 0
    differences: list[str] = field(default_factory=list)
    explained: Counter[str] = field(default_factory=Counter)
    """Fires that only cronsim has or lacks, by the rule that says why."""

    def __iadd__(self, other: Verdict) -> Verdict:
        self.comparisons += other.comparisons
        self.fires += other.fires
        self.differences += other.differences
        self.explained += other.explained
        return self


def walked(after: After, cron: Cron, zone: ZoneInfo, since: int, until: int) -> list[int]:
    """Return all fires from one instant to another (epoch seconds, both included), each found from the one before."""
    found: list[int] = []
    fire = after(cron, since - 1, zone)
    while fire is not None and fire <= until:
        found.append(fire)
        fire = after(cron, fire, zone)
    return found


def compared(change: Change, after: After = Cron.after) -> Verdict:
    """Compare all expressions around a change."""
    since, until = change.window
    clock = read_clock(change.zone, since, until)
    verdict = Verdict()
    for text in EXPRESSIONS:
        expression = Expression(text)
        right = expression.fires(clock)
        found = walked(after, parse_cron(text), ZoneInfo(change.zone), since, until)
        verdict.comparisons += 1
        verdict.fires += len(right)
        if found != right:
            wrong = sorted(Counter(found) - Counter(right)) + sorted(Counter(right) - Counter(found))
            verdict.differences.append(f"{text} in {change}: oracle and code differ at {wrong}")
        _heard(verdict, expression, change, clock, set(right))
    return verdict


def _heard(verdict: Verdict, expression: Expression, change: Change, clock: list[Minute], right: set[int]) -> None:
    heard = opinion(expression.text, change)
    if heard is None:
        verdict.explained[UNASKED] += 1
        return
    for fire in sorted(heard ^ right):
        rule = explained(expression, clock[fire // 60 - clock[0].utc], ours=fire in right)
        if rule is None:
            verdict.differences.append(f"{expression.text} in {change}: cronsim differs at {fire} by no known rule")
        else:
            verdict.explained[rule] += 1
