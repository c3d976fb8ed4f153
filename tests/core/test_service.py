"""Service as it is counted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.core.service import COST, RUN_MS, START, Tally, wait_bucket, wait_percentile

waits = st.lists(st.integers(0, 10**9), min_size=1, max_size=40)


def measured(wait_times: list[int]) -> dict[str, int]:
    tally = Tally()
    for wait in wait_times:
        tally.count("user:1", wait, 0, 1)
    return {measure: amount for (_, measure), amount in tally.take().items()}


def test_a_tally_sums_per_user_and_begins_anew_when_taken() -> None:
    tally = Tally()
    tally.count("a", 0, 5.2, 1)
    tally.count("a", 1, 7.4, 2.5)
    tally.count("b", 2, 1, 1)
    assert tally.take() == {
        ("a", START): 2, ("a", COST): 3, ("a", RUN_MS): 12, ("a", "w0"): 2,
        ("b", START): 1, ("b", COST): 1, ("b", RUN_MS): 1, ("b", "w4"): 1,
    }  # fmt: skip
    assert tally.take() == {}
    tally.count("a", 0, 0.5, 0.5)  # with what was left: 3.5 and 12.6 before
    assert tally.take() == {("a", START): 1, ("a", COST): 1, ("a", RUN_MS): 1, ("a", "w0"): 1}


@given(st.integers(2, 10**12))
def test_a_bucket_is_at_most_19_percent_wide(wait: int) -> None:
    upper = 2 ** (wait_bucket(wait) / 4)
    assert wait <= upper * (1 + 1e-9)
    assert upper <= wait * 1.1893


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_longer_wait_is_never_in_a_lower_bucket(one: int, other: int) -> None:
    low, high = sorted([one, other])
    assert wait_bucket(low) <= wait_bucket(high)


@given(waits, st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_at_most_19_percent_above_the_true_one(wait_times: list[int], share: float) -> None:
    true = sorted(wait_times)[math.ceil(share * len(wait_times)) - 1]
    read = wait_percentile(measured(wait_times), share)
    assert read is not None
    assert true / 1000 <= read * (1 + 1e-9)
    assert read <= max(true, 1) * 1.1893 / 1000


@pytest.mark.parametrize("measures", [{}, {START: 0, RUN_MS: 0}])
def test_without_a_start_there_is_no_percentile(measures: dict[str, int]) -> None:
    assert wait_percentile(measures, 0.5) is None
