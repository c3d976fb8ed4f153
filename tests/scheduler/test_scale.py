"""Ten thousand schedules: what is due fires in time, and the others cost nothing (I20).

The bounds are for a machine that has other things to do; `python -m tests.ticks scale` tells the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ticks.scale import Lags, at_once, idle, spread

MANY = 10_000


def check_at_best(measure: Callable[[], Lags], *, half: float, latest: float) -> None:
    """Measure until the lags are within bounds, three times at most: other work on the machine only adds to them."""
    seen = list[Lags]()
    while len(seen) < 3:
        seen.append(measure())
        if seen[-1].half < half and seen[-1].latest < latest:
            return
    pytest.fail(f"too late each time: {seen}")


@pytest.mark.parametrize("when", [{"cron_expr": "0 9 * * *", "timezone": "Europe/Berlin"}, {"every": 3600.0}])
def test_ten_thousand_that_are_due_at_once_fire_in_a_moment(redis_url: str, prefix: str, when: dict[str, Any]) -> None:
    check_at_best(lambda: at_once(redis_url, prefix, MANY, **when), half=2, latest=4)


def test_what_is_due_now_and_then_among_ten_thousand_is_on_time(redis_url: str, prefix: str) -> None:
    check_at_best(lambda: spread(redis_url, prefix, MANY, 10, 3), half=0.1, latest=1)


def test_a_tick_costs_the_same_beside_ten_thousand_schedules_i20(redis_url: str, prefix: str) -> None:
    few, many = (min(idle(redis_url, prefix, count, 200).redis for _ in range(3)) for count in (100, MANY))
    assert many < 2 * few + 20, (few, many)
