"""The fluid model against sums that can be done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.core.limits import UserSettings
from fairque.monitoring.simulation_fluid import Fluid, Work, bounds_of


def fluid(by_time: bool = False, tasks: tuple[Work, ...] = (), **users: dict[str, Any]) -> Fluid:
    settings = {user: UserSettings(**given) for user, given in users.items()}
    bounds = {user: bounds_of(one, tasks, by_time=by_time) for user, one in settings.items()}
    return Fluid({user: one.weight for user, one in settings.items()}, {u: b for u, b in bounds.items() if b})


def test_service_is_divided_by_weight_among_those_with_work() -> None:
    model = fluid(a={"weight": 1}, b={"weight": 3}, idle={"weight": 6})
    model.arrive("a", 100)
    model.arrive("b", 100)
    model.serve(8, 1)
    assert model.served == {"a": 2, "b": 6, "idle": 0}


def test_what_one_does_not_need_goes_to_the_others_by_weight() -> None:
    model = fluid(a={}, b={"weight": 2}, c={})
    for user, work in {"a": 1, "b": 100, "c": 100}.items():
        model.arrive(user, work)
    model.serve(10, 1)
    assert model.served == {"a": 1, "b": 6, "c": 3}


def test_idling_earns_nothing() -> None:
    model = fluid(a={}, b={})
    model.arrive("a", 100)
    model.serve(50, 1)
    model.arrive("b", 100)
    model.serve(20, 1)
    assert model.served == {"a": 60, "b": 10}


def test_nobody_is_served_more_than_has_come_and_what_is_left_over_is_carried_on() -> None:
    model = fluid(a={}, b={})
    model.arrive("a", 3)
    model.serve(5, 1)
    assert model.served == {"a": 3, "b": 0}
    model.arrive("b", 9)
    model.serve(1, 1)
    assert model.served == {"a": 3, "b": 3}


def test_run_seconds_are_bounded_by_max_concurrency() -> None:
    model = fluid(by_time=True, a={"max_concurrency": 2}, b={})
    model.arrive("a", 100)
    model.arrive("b", 100)
    for _ in range(10):
        model.serve(10, 1)
    assert model.served == pytest.approx({"a": 20, "b": 80})


def test_starts_are_bounded_by_what_so_many_slots_can_run_one_after_the_other() -> None:
    model = fluid(tasks=(Work(1, 4),) * 50, a={"max_concurrency": 2}, b={})
    model.arrive("a", 50)
    model.arrive("b", 1000)
    model.serve(100, 0)
    assert model.served["a"] == 2
    for _ in range(40):
        model.serve(100, 0.5)
    assert model.served["a"] == 2 + 20 * 2 / 4


def test_starts_are_bounded_by_the_token_bucket() -> None:
    model = fluid(tasks=(Work(1, 1),) * 50, a={"rate": "2/s", "burst": 5}, b={})
    model.arrive("a", 50)
    model.arrive("b", 1000)
    model.serve(100, 0)
    assert model.served["a"] == 5
    for _ in range(100):
        model.serve(10, 0.1)
    assert model.served["a"] == pytest.approx(5 + 10 * 2)


@pytest.mark.parametrize("settings", [{"paused": True}, {"max_concurrency": 0}])
def test_who_may_run_nothing_is_entitled_to_nothing(settings: dict[str, Any]) -> None:
    model = fluid(a=settings, b={})
    model.arrive("a", 10)
    model.arrive("b", 10)
    model.serve(4, 1)
    assert model.served == {"a": 0, "b": 4}
