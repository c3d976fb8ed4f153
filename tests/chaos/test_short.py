"""The short form of `make chaos`: every kind of fault strikes for some seconds, and every promise is kept."""

from __future__ import annotations

import pytest

from tests.chaos.checker import check
from tests.chaos.director import Director
from tests.chaos.fairness import Sharing
from tests.chaos.scene import SHORT
from tests.chaos.server import temporary_place
from tests.chaos.stage import Plan

FAULTS = {"kill": 4, "stop": 1, "redis kill": 1, "client kill": 2, "dropped reply": 4, "poison pushed": 1}
PLAN = Plan(SHORT, tasks=1500, seconds=5.0, faults=FAULTS, outages=(0.0, 0.3), level=20)


@pytest.mark.timeout(90)
def test_nothing_is_lost_and_nothing_runs_twice_unexplained() -> None:
    with temporary_place() as place:
        director = Director(PLAN, 7, place)
        for _ in director.play():
            pass
    evidence, tally = director.evidence, director.tally
    assert evidence is not None
    assert check(evidence) == []

    assert tally.exits == [0] * len(SHORT.workers)
    assert tally.finished >= PLAN.tasks
    assert {kind: count for kind, count in tally.faults.items() if count < FAULTS[kind]} == {}
    assert tally.poisoned >= 1
    assert evidence.totals["lost_total"] > 0, "no fault has hit a running task"
    sharing = Sharing(evidence)
    assert list(sharing.violations()) == []
    assert sharing.judged > 100, "fairness was hardly looked at"
