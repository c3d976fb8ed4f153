"""Lost capacity is found where there is some, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.monitoring.simulation_idle import Free, Idle
from tests.simulation.traces import make

ALL = frozenset({"*"})


def idle(**settings: Any) -> Idle:
    return Idle(make({"user": "a"}, {"user": "b"}, users={"a": settings}))


@pytest.mark.parametrize(
    ("free", "lost"),
    [
        ([], 0),
        ([Free(1, ALL)], 1000),
        ([Free(9, ALL)], 2000),
        ([Free(1, ALL), Free(1, ALL), Free(1, ALL)], 2000),
        ([Free(9, frozenset({"b"}))], 0),
        ([Free(9, frozenset({"b"})), Free(1, frozenset({"a"}))], 1000),
    ],
)
def test_slots_are_lost_while_tasks_wait_that_could_run_there(free: list[Free], lost: int) -> None:
    watch = idle()
    watch.arrive("a")
    watch.arrive("a")
    watch.pass_by(0, 1000, free)
    assert watch.lost_ms == lost


def test_nothing_is_lost_where_nothing_waits() -> None:
    watch = idle()
    watch.arrive("a")
    watch.start("a", 0)
    watch.pass_by(0, 1000, [Free(5, ALL)])
    assert watch.lost_ms == 0


@pytest.mark.parametrize("settings", [{"paused": True}, {"max_concurrency": 0}])
def test_nothing_is_lost_to_who_may_not_run(settings: dict[str, Any]) -> None:
    watch = idle(**settings)
    watch.arrive("a")
    watch.pass_by(0, 1000, [Free(5, ALL)])
    assert watch.lost_ms == 0


def test_max_concurrency_bars_until_a_run_ends() -> None:
    watch = idle(max_concurrency=1)
    watch.arrive("a")
    watch.arrive("a")
    watch.start("a", 0)
    watch.pass_by(0, 1000, [Free(5, ALL)])
    assert watch.lost_ms == 0
    watch.end("a")
    watch.pass_by(1000, 1500, [Free(5, ALL)])
    assert watch.lost_ms == 500


def test_a_rate_bars_until_its_bucket_holds_a_token() -> None:
    watch = idle(rate="2/s", burst=1)
    watch.arrive("a")
    watch.arrive("a")
    watch.start("a", 0)
    watch.pass_by(0, 500, [Free(5, ALL)])
    assert watch.lost_ms == 0
    watch.pass_by(500, 800, [Free(5, ALL)])
    assert watch.lost_ms == 300
