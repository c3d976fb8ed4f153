"""Streams become tasks: the right number, at the right instants, and the same ones wherever they are drawn."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fairque.errors import ConfigError
from fairque.monitoring import trace_arrivals
from fairque.monitoring.trace_arrivals import jobs_of
from fairque.monitoring.trace_durations import distribution_of
from tests.simulation.traces import make


def instants(*arrivals: dict[str, Any], **more: Any) -> list[int]:
    return [job.arrived for job in jobs_of(make(*arrivals, **more))]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ({}, [0]),
        ({"count": 3, "at": 2}, [2000, 2000, 2000]),
        ({"every": 0.5, "count": 3}, [0, 500, 1000]),
        ({"every": 1, "at": 1, "until": 4}, [1000, 2000, 3000]),
        ({"every": 1, "until": 9, "count": 2}, [0, 1000]),
    ],
)
def test_tasks_come_at_once_or_at_intervals(stream: dict[str, Any], expected: list[int]) -> None:
    assert instants({"user": "a"} | stream) == expected


def test_the_end_of_the_trace_ends_every_stream() -> None:
    assert instants({"user": "a", "every": 1}, {"user": "b", "at": 2, "count": 9}, until=2) == [0, 1000]


def test_streams_are_merged_in_order_of_time_and_of_the_file() -> None:
    jobs = jobs_of(make({"user": "a", "every": 2, "count": 3}, {"user": "b", "every": 1, "count": 3}))
    assert [(job.arrived, job.user_id) for job in jobs] == [
        (0, "a"), (0, "b"), (1000, "b"), (2000, "a"), (2000, "b"), (4000, "a"),
    ]  # fmt: skip


def test_a_poisson_stream_has_the_rate_that_was_asked_for() -> None:
    count = len(instants({"user": "a", "per_second": 5, "until": 2000}))
    assert count == pytest.approx(10_000, rel=0.03)


def test_the_same_seed_draws_the_same_tasks_on_every_python() -> None:
    spread = {"kind": "lognormal", "median": 1, "sigma": 1}
    jobs = jobs_of(make({"user": "a", "per_second": 2, "count": 4, "duration": spread}, seed=7))
    assert [(job.arrived, job.length) for job in jobs] == [(88, 421), (243, 711), (422, 622), (474, 1818)]
    assert instants({"user": "a", "per_second": 2, "count": 4}, seed=8) != [job.arrived for job in jobs]


def test_a_change_to_one_stream_leaves_the_others_as_they_were() -> None:
    first = {"user": "a", "per_second": 3, "count": 50, "duration": {"kind": "exponential", "mean": 1}}
    second = {"user": "b", "per_second": 1, "count": 50, "duration": {"kind": "exponential", "mean": 1}}

    def drawn(*arrivals: dict[str, Any], of: str) -> list[tuple[int, int]]:
        return [(job.arrived, job.length) for job in jobs_of(make(*arrivals)) if job.user_id == of]

    slower = first | {"per_second": 1, "count": 9}
    assert drawn(first, second, of="b") == drawn(slower, second, of="b")
    lengthier = first | {"duration": 5}
    assert [at for at, _ in drawn(first, second, of="a")] == [at for at, _ in drawn(lengthier, second, of="a")]


def test_too_many_tasks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_arrivals, "MOST", 10)
    assert len(instants({"user": "a", "count": 10})) == 10
    with pytest.raises(ConfigError, match="arrivals: more than 10 tasks"):
        instants({"user": "a", "count": 11})


@pytest.mark.parametrize(
    ("duration", "mean", "least", "most"),
    [
        (3, 3, 3, 3),
        ({"kind": "constant", "seconds": 0.2}, 0.2, 0.2, 0.2),
        ({"kind": "uniform", "low": 1, "high": 3}, 2, 1, 3),
        ({"kind": "exponential", "mean": 4}, 4, 0, 100),
        ({"kind": "lognormal", "median": 1, "sigma": 0.5}, 1.133, 0, 100),
        ({"kind": "choice", "of": [0.01, 10]}, 5.005, 0.01, 10),
        ({"kind": "choice", "of": [0.01, 10], "odds": [3, 1]}, 2.5075, 0.01, 10),
    ],
)
def test_lengths_are_distributed_as_is_said(duration: Any, mean: float, least: float, most: float) -> None:
    source, distribution = random.Random(1), distribution_of(duration)
    lengths = [distribution.draw(source.random) for _ in range(20_000)]
    assert sum(lengths) / len(lengths) == pytest.approx(mean, rel=0.03)
    assert least <= min(lengths) <= max(lengths) <= most


def test_a_run_takes_a_millisecond_at_least() -> None:
    short = {"kind": "exponential", "mean": 0.001}
    assert min(job.length for job in jobs_of(make({"user": "a", "count": 50, "duration": short}))) == 1
