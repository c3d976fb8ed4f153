"""How many tasks a worker may hold, in numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.worker.pace import Pace

MOST = 200


def test_before_anything_ran_a_worker_holds_one_task_a_slot() -> None:
    assert Pace(10, 0.02, MOST).room() == 10


@pytest.mark.parametrize(
    ("slots", "seconds", "room"),
    [
        (10, 0.001, 210),  # 10 slots start 200 tasks of 1 ms within 20 ms
        (10, 0.002, 110),
        (10, 0.010, 30),
        (10, 0.100, 12),
        (10, 0.201, 10),  # the next is not expected to start within 20 ms
        (1, 0.021, 1),
        (1, 60.0, 1),
        (10, 0.0, 210),  # never more than the script grants at once
    ],
)
def test_a_worker_holds_what_is_expected_to_start_within_the_horizon(slots: int, seconds: float, room: int) -> None:
    pace = Pace(slots, 0.02, MOST)
    pace.note(5, 5 * seconds)
    assert pace.room() == room


def test_a_slower_batch_counts_in_full_and_a_faster_one_by_a_fifth() -> None:
    pace = Pace(10, 0.02, MOST)
    pace.note(100, 100 * 0.001)
    pace.note(1, 1.0)
    assert pace.room() == 10
    pace.note(1, 0.0)  # the mean is 0.8 now
    assert pace.room() == 10
    for _ in range(40):
        pace.note(1, 0.0)
    assert pace.room() > 100


def test_without_a_horizon_nothing_is_held_ahead() -> None:
    pace = Pace(10, 0.0, MOST)
    pace.note(1, 0.0)
    assert pace.room() == 10


@given(
    slots=st.integers(1, 1000),
    horizon=st.floats(0, 1),
    batches=st.lists(st.tuples(st.integers(1, 500), st.floats(0, 3600)), min_size=1, max_size=30),
)
def test_a_worker_never_holds_more_than_its_slowest_recent_batch_lets_start(
    slots: int, horizon: float, batches: list[tuple[int, float]]
) -> None:
    pace = Pace(slots, horizon, MOST)
    for runs, seconds in batches:
        pace.note(runs, seconds)
    runs, seconds = batches[-1]
    ahead = pace.room() - slots
    assert 0 <= ahead <= MOST
    assert ahead * (seconds / runs) <= slots * horizon * (1 + 1e-9)
