"""Received against entitled, on runs written by hand: a fair one, and unfair ones that must show as such."""

from __future__ import annotations

import itertools

import pytest

from fairque.monitoring.simulation import Run
from fairque.monitoring.simulation_account import accounts, history_of
from fairque.monitoring.simulation_report import report_of
from fairque.monitoring.trace_arrivals import Job
from tests.simulation.traces import job, make

BOTH = ({"user": "a", "count": 1}, {"user": "b", "count": 1})


def in_order(users: str) -> list[Job]:
    """Return tasks that all came at 0 and ran one a second on one slot, in this order of users."""
    return [job(user, 0, 1000 * turn) for turn, user in enumerate(users)]


def test_who_takes_turns_receives_what_it_is_entitled_to() -> None:
    history = history_of(make(*BOTH), in_order("ab" * 50), 100_000)
    assert history.competed
    assert history.window.of("a") == pytest.approx((50, 49.5))
    assert history.window.of("b") == pytest.approx((49, 49.5))
    assert history.behind == pytest.approx({"a": 0, "b": 0.5})


def test_first_come_first_served_shows_how_far_the_last_is_behind() -> None:
    jobs = [*in_order("a" * 50), *(job("b", 0, 50_000 + 1000 * turn) for turn in range(50))]
    history = history_of(make(*BOTH), jobs, 100_000)
    assert history.behind["b"] == pytest.approx(25)
    assert history.window.of("b") == pytest.approx((0, 25))


def test_a_weight_that_the_run_ignores_shows_in_the_ratio() -> None:
    trace = make(*BOTH, users={"a": {"weight": 3}})
    waiting = [job("a", 0, None) for _ in range(200)]
    report = report_of(trace, Run(jobs=in_order("ab" * 50) + waiting, end=100_000))
    ratios = {user.user_id: user.ratio for user in report.users}
    assert ratios == pytest.approx({"a": 50 / 75, "b": 2}, rel=0.03)
    assert report.jain is not None
    assert report.jain < 0.85


def test_where_run_time_counts_it_is_received_as_it_passes() -> None:
    trace = make(*BOTH, cost="time", slots=2)
    jobs = [job("a", 0, 0, length=4000), job("b", 0, 0, length=1000), *(job("b", 0, 1000 * n) for n in (1, 2, 3))]
    every = list(accounts(trace, jobs, 4000))
    assert [account.at for account in every] == [0, 1000, 2000, 3000, 4000]
    assert [account.received["a"] for account in every] == [0, 1, 2, 3, 4]
    assert [account.entitled for account in every] == [account.received for account in every]


def test_where_cost_is_declared_a_start_counts_for_it() -> None:
    trace = make(*BOTH, cost="declared")
    jobs = [job("a", 0, 0, cost=5), *(job("b", 0, 1000 * n) for n in range(1, 6)), job("a", 0, None, cost=5)]
    *_, last = accounts(trace, jobs, 6000)
    assert last.received == {"a": 5, "b": 5}
    assert last.entitled == pytest.approx({"a": 5, "b": 5})


def test_sums_of_received_and_entitled_are_equal_at_any_time() -> None:
    jobs = [*in_order("aaabbbababbb"), job("a", 3000, None)]
    for account in accounts(make(*BOTH), sorted(jobs, key=lambda one: one.arrived), 20_000):
        assert sum(account.received.values()) == pytest.approx(sum(account.entitled.values()))


def test_the_window_reaches_from_the_first_to_the_last_instant_at_which_two_wait() -> None:
    jobs = sorted(
        [job("a", 0, 0), job("a", 0, 1000), job("a", 0, 4000), job("b", 2000, 3000), job("b", 9000, 9000)],
        key=lambda one: one.arrived,
    )
    history = history_of(make(*BOTH), jobs, 12_000)
    assert (history.window.first.at, history.window.last.at) == (1000, 3000)
    assert history.samples[-1].at == 12_000


def test_without_competition_the_window_is_the_whole_run() -> None:
    history = history_of(make(*BOTH), [job("a", 0, 0), job("b", 5000, 5000)], 9000)
    assert not history.competed
    assert (history.window.first.at, history.window.last.at) == (0, 9000)


def test_who_is_paused_does_not_compete() -> None:
    trace = make(*BOTH, users={"b": {"paused": True}})
    assert not history_of(trace, [job("a", 0, 0), job("a", 0, 1000), job("b", 0, None)], 2000).competed


def test_a_long_run_is_sampled_evenly() -> None:
    jobs = [job("a", 10 * n, 10 * n, length=1) for n in range(5000)]
    samples = history_of(make(*BOTH), jobs, 50_000).samples
    assert 500 <= len(samples) <= 610
    assert all(second.at - first.at <= 170 for first, second in itertools.pairwise(samples))


def test_waits_are_told_as_percentiles_over_what_has_started() -> None:
    jobs = [job("a", 0, 1000 * n) for n in range(100)] + [job("a", 0, None)]
    (user,) = report_of(make({"user": "a", "count": 101}), Run(jobs=jobs, end=100_000)).users
    assert (user.wait_p50_s, user.wait_p95_s, user.wait_p99_s) == (49, 94, 98)
    assert (user.tasks, user.finished, user.waiting) == (101, 100, 1)
