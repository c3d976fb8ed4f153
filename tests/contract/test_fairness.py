"""How service was shared, as workers have reported it; and how a queue is told to share it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from fairque import FairQueueConfig, TaskQueue, Worker
from fairque.core.service import Tally
from fairque.core.settings import FairnessSettings
from fairque.errors import LimitsError, QueueBusy, TaskValidationError
from fairque.queue.report import FairnessReport, UserShare
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.tasks import root_of
from tests.contract.conftest import Make
from tests.contract.jobs import echo

Report = Callable[[Tally], None]


@pytest.fixture
def tell(config: FairQueueConfig) -> Iterator[Report]:
    """Give a function that reports runs as a worker does."""
    driver, root = Driver(config.redis), root_of(config.queue.prefix, "default")

    def send(tally: Tally) -> None:
        driver.run(claims.beat(root, "w", "b", b"{}", lists=claims.SERVES_ALL, served=tally.take()))

    yield send
    driver.close()


def runs(**starts: int) -> Tally:
    """Return so many runs of users: each waited 10 ms, ran 20 ms and cost 2."""
    tally = Tally()
    for user, count in starts.items():
        for _ in range(count):
            tally.count(user, 10, 20, 2)
    return tally


def shares(report: FairnessReport) -> dict[str, tuple[float, float]]:
    return {user.user_id: (user.entitled, user.received) for user in report.users}


# --- the report -----------------------------------------------------------------------------------------------------


def test_an_empty_queue_is_fair(calm: TaskQueue) -> None:
    assert calm.fairness() == FairnessReport(cost="count", jain=1.0, users=())
    assert calm.fairness().noisy == ()


def test_each_user_has_what_it_got_beside_what_it_was_due(calm: TaskQueue, tell: Report) -> None:
    tell(runs(big=6, small=2))
    calm.push_batch([echo(n) for n in range(90)], user_id="big")
    calm.push(echo(1), user_id="waits")
    report = calm.fairness()
    assert shares(report) == {"big": (0.625, 0.75), "small": (0.25, 0.25), "waits": (0.125, 0.0)}
    big = report.users[0]
    assert msgspec.structs.replace(big, wait_p50_ms=None, wait_p95_ms=None, wait_p99_ms=None) == UserShare(
        user_id="big",
        weight=1,
        entitled=0.625,
        received=0.75,
        starts=6,
        run_seconds=0.12,
        waiting=90,
        wait_p50_ms=None,
        wait_p95_ms=None,
        wait_p99_ms=None,
        noisy=True,
    )
    assert big.wait_p50_ms is not None
    assert 10 <= big.wait_p50_ms <= 11.9
    assert big.wait_p50_ms == big.wait_p95_ms == big.wait_p99_ms
    assert report.noisy == ("big",)
    assert report.jain < 0.7  # one of three got nothing


def test_weights_say_what_is_due(calm: TaskQueue, tell: Report) -> None:
    for user in ("a", "b"):
        calm.push_batch([echo(n) for n in range(50)], user_id=user)
    calm.set_user("a", weight=3)
    tell(runs(a=30, b=10))
    report = calm.fairness()
    assert shares(report) == {"a": (0.75, 0.75), "b": (0.25, 0.25)}
    assert report.jain == 1.0
    calm.set_user("*", weight=3)
    assert shares(calm.fairness()) == {"a": (0.5, 0.75), "b": (0.5, 0.25)}
    assert [user.weight for user in calm.fairness().users] == [3, 3]


def test_a_user_held_by_its_own_cap_is_due_no_more_than_it_got(calm: TaskQueue, tell: Report) -> None:
    for user in ("capped", "free"):
        calm.push_batch([echo(n) for n in range(50)], user_id=user)
    calm.set_user("capped", max_concurrency=0)
    assert {task.user_id for task in calm.pop_many(4)} == {"free"}
    tell(runs(capped=1, free=9))
    report = calm.fairness()
    assert shares(report) == {"free": (0.9, 0.9), "capped": (0.1, 0.1)}
    assert (report.jain, report.noisy) == (1.0, ("free",))


@pytest.mark.parametrize(("cost", "received"), [("count", 0.5), ("declared", 0.8), ("time", 0.2)])
def test_service_is_measured_in_what_the_queue_charges(
    make: Make, config: FairQueueConfig, tell: Report, cost: Any, received: float
) -> None:
    queue = make(config=msgspec.structs.replace(config, fairness=FairnessSettings(cost=cost)))
    tally = Tally()
    tally.count("a", 1, 10, 4)
    tally.count("b", 1, 40, 1)
    tell(tally)
    report = queue.fairness()
    assert (report.cost, shares(report)["a"][1]) == (cost, received)


def test_what_a_worker_runs_is_in_the_report(calm: TaskQueue, config: FairQueueConfig) -> None:
    for user, count in (("a", 9), ("b", 3)):
        calm.push_batch([echo(n) for n in range(count)], user_id=user)
    with Worker(config) as worker:
        worker.drain(20)
    report = calm.fairness()
    assert {user.user_id: (user.starts, user.waiting) for user in report.users} == {"a": (9, 0), "b": (3, 0)}
    assert shares(report) == {"a": (0.75, 0.75), "b": (0.25, 0.25)}  # both got all they asked for
    assert report.jain == 1.0
    assert sum(user.run_seconds for user in report.users) < 10


@pytest.mark.parametrize("minutes", [0, -5, 61, 10**9, 2.5, True, "10", None])
def test_minutes_that_are_not_kept_are_refused(calm: TaskQueue, minutes: Any) -> None:
    with pytest.raises(TaskValidationError, match="minutes: expected an int from 1 to 60"):
        calm.fairness(minutes)


def test_longer_looks_have_what_shorter_ones_have(calm: TaskQueue, tell: Report) -> None:
    tell(runs(a=1))
    assert calm.fairness(1) == calm.fairness(10) == calm.fairness(60)


# --- how it is shared -----------------------------------------------------------------------------------------------


def test_fairness_is_what_it_was_set_to(make: Make, calm: TaskQueue) -> None:
    assert calm.get_fairness() == FairnessSettings(cost="count", aging_seconds=60)
    assert calm.set_fairness(aging_seconds=5, cost="time") == FairnessSettings(cost="time", aging_seconds=5)
    assert calm.set_fairness(aging_seconds=math.inf) == FairnessSettings(cost="time", aging_seconds=math.inf)
    assert make().get_fairness() == calm.get_fairness() == calm.set_fairness()
    assert calm.set_fairness(cost=None, aging_seconds=None) == FairnessSettings()


def test_the_cost_changes_only_while_nothing_is_at_hand(calm: TaskQueue) -> None:
    def is_refused() -> None:
        with pytest.raises(QueueBusy, match="let the queue drain"):
            calm.set_fairness(cost="time", aging_seconds=1)
        assert calm.get_fairness() == FairnessSettings()

    calm.push(echo(1), user_id="u")
    is_refused()
    (task,) = calm.pop_many(1)
    is_refused()
    assert calm.set_fairness(cost="count", aging_seconds=9) == FairnessSettings(aging_seconds=9)  # it is no change
    calm.finish(task)
    assert calm.set_fairness(cost="time").cost == "time"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        *(({"aging_seconds": value}, "aging_seconds: must be a number") for value in (0, -1, math.nan, True, "60")),
        *(({"cost": value}, "cost: must be one of count, declared, time") for value in ("counts", "", 1)),
        ({"ageing_seconds": 1}, "ageing_seconds: unknown key; did you mean aging_seconds?"),
    ],
)
def test_what_fairness_is_not_is_refused(calm: TaskQueue, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LimitsError, match=r"^set_fairness: ") as caught:
        calm.set_fairness(**changes)
    assert said in str(caught.value)
    assert calm.get_fairness() == FairnessSettings()


@pytest.mark.parametrize("cost", [0, -1, math.nan, math.inf, 1_000_001, True, "3", None])
def test_a_cost_that_no_task_can_have_is_refused(cost: Any) -> None:
    with pytest.raises(TaskValidationError, match="cost: "):
        echo(1).with_(cost=cost)


def test_declared_costs_are_what_starts_are_charged(make: Make, config: FairQueueConfig) -> None:
    queue = make(config=msgspec.structs.replace(config, fairness=FairnessSettings(cost="declared")))
    for user, cost in (("cheap", 1), ("dear", 4)):
        queue.push_batch([echo(n).with_(cost=cost) for n in range(20)], user_id=user)
    users = [task.user_id for task in queue.pop_many(10)]
    assert (users.count("cheap"), users.count("dear")) == (8, 2)
