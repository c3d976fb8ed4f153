"""Ten thousand schedules: what is due fires in time, and the others cost nothing (I20).

The bounds are for a machine that has other things to do; `python -m tests.ticks scale` tells the figures.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.ticks.scale import at_once, idle, spread

MANY = 10_000


@pytest.mark.parametrize("when", [{"cron_expr": "0 9 * * *", "timezone": "Europe/Berlin"}, {"every": 3600.0}])
def test_ten_thousand_that_are_due_at_once_fire_in_a_moment(redis_url: str, prefix: str, when: dict[str, Any]) -> None:
    lags = at_once(redis_url, prefix, MANY, **when)
    assert lags.latest < 4, lags
    assert lags.half < 2, lags


def test_what_is_due_now_and_then_among_ten_thousand_is_on_time(redis_url: str, prefix: str) -> None:
    lags = spread(redis_url, prefix, MANY, 10, 3)
    assert lags.half < 0.1, lags
    assert lags.latest < 1, lags


def test_a_tick_costs_the_same_beside_ten_thousand_schedules_i20(redis_url: str, prefix: str) -> None:
    few, many = (min(idle(redis_url, prefix, count, 200).redis for _ in range(3)) for count in (100, MANY))
    assert many < 2 * few + 20, (few, many)
