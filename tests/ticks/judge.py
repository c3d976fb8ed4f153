"""What must be true of an era: no fire twice, none missed, none that the schedule does not name (I18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from fairque.core.schedule import ScheduledTask, ms
from tests.ticks.drain import Drain, Fired
from tests.ticks.oracle import Rule
from tests.ticks.plans import Era, Planned


class Wrong(NamedTuple):
    """A violation. kind: double, missed, extra, overlap, order."""

    kind: str
    text: str


class Verdict(NamedTuple):
    """What came of an era. `judged`: of how many fires it was known that they had to be."""

    fires: int
    judged: int
    wrong: list[Wrong]


def judge(era: Era, drain: Drain, last: Mapping[str, ScheduledTask], accepted: int) -> Verdict:
    """Return what is wrong with the tasks that were pushed. `accepted`: how many Redis says there were."""
    wrong, judged = list[Wrong](), 0
    for plan in era.plans:
        fired = drain.fired.get(plan.id, [])
        wrong += [
            Wrong("double", f"{plan.id} version {one.version} at {one.instant}: {count} tasks")
            for one, count in Counter(fired).items()
            if count > 1
        ]
        if plan.kind in {"turned", "updated"}:
            wrong += _by_versions(plan, era, fired)
        else:
            named = list(plan.rules[0].instants(ms(last[plan.id].changed), era.end))
            judged += len(named) * (plan.kind == "strict")
            wrong += _by_rule(plan, fired, named)
        if plan.kind == "skip" and drain.side_by_side[plan.id]:
            wrong.append(Wrong("overlap", f"{plan.id}: {drain.side_by_side[plan.id]} tasks beside a living one"))
    unseen = accepted - drain.count
    wrong += [Wrong("double", f"a task that no id accounts for ({unseen} in all)")] * abs(unseen)
    return Verdict(drain.count, judged, wrong)


def _by_rule(plan: Planned, fired: Sequence[Fired], named: Sequence[int]) -> Iterable[Wrong]:
    """Judge a schedule that was never changed: its version is 1, and its instants are known beforehand."""
    found = {one.instant for one in fired if one.version == 1}
    must = {"strict": named, "one": named[-1:]}.get(plan.kind, [])
    for instant in sorted(set(must) - found):
        yield Wrong("missed", f"{plan.id} {plan.rules[0]} at {instant}")
    for instant in sorted(found - set(named)):
        yield Wrong("extra", f"{plan.id} {plan.rules[0]} at {instant}")
    for one in fired:
        if one.version != 1:
            yield Wrong("extra", f"{plan.id}: nobody made its version {one.version}")


def _by_versions(plan: Planned, era: Era, fired: Sequence[Fired]) -> Iterable[Wrong]:
    """Judge a schedule that was changed: each version goes by one rule, without a gap, and all later than those before
    it, so that no instant belongs to two.
    """
    fired = sorted(set(fired))
    if [one.instant for one in fired] != sorted({one.instant for one in fired}):
        yield Wrong("order", f"{plan.id}: an instant fired in two versions, or in an older one than its forerunner")
    for version, of_version in groupby(fired, key=attrgetter("version")):
        instants = [one.instant for one in of_version]
        between = [_between(rule, instants, era) for rule in plan.rules]
        if instants not in between:
            fits = [named for named in between if set(instants) <= set(named)]
            lacks = min((sorted(set(named) - set(instants)) for named in fits), key=len, default=None)
            kind, what = ("extra", instants) if lacks is None else ("missed", lacks)
            yield Wrong(kind, f"{plan.id} version {version}: {what[:10]}")


def _between(rule: Rule, instants: Sequence[int], era: Era) -> list[int]:
    """Return what a rule names from the first to the last of these instants."""
    return [at for at in rule.instants(era.begin, era.end) if instants[0] <= at <= instants[-1]]
