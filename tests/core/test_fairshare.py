"""Max-min fair shares and Jain's index: by hand, and by what is always true of them."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairque.core.fairshare import entitled, jain

NEAR = 1e-9
weights = st.floats(0.01, 100)
demands = st.floats(0, 1e6)
crowds = st.dictionaries(st.text(max_size=3), st.tuples(weights, demands), min_size=1, max_size=8)
totals = st.just(0.0) | st.floats(1e-6, 1e7)  # among the least floats there is no rule of three
values = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


def share(total: float, crowd: dict[str, tuple[float, float]]) -> dict[str, float]:
    return entitled(total, {u: weight for u, (weight, _) in crowd.items()}, {u: d for u, (_, d) in crowd.items()})


@pytest.mark.parametrize(
    ("total", "crowd", "due"),
    [
        (10, {}, {}),
        (0, {"a": (1, 5)}, {"a": 0}),
        (10, {"a": (1, 0)}, {"a": 0}),
        (10, {"a": (1, 99), "b": (1, 99)}, {"a": 5, "b": 5}),
        (10, {"a": (1, 99), "b": (1, 2)}, {"a": 8, "b": 2}),  # what one does not need is the other's
        (10, {"a": (3, 99), "b": (1, 99)}, {"a": 7.5, "b": 2.5}),
        (12, {"a": (2, 99), "b": (1, 99), "c": (1, 1)}, {"a": 22 / 3, "b": 11 / 3, "c": 1}),
        # Bertsekas and Gallager's way: fill all at one level, stop who has enough, go on with the others
        (10, {"a": (1, 2), "b": (1, 2.6), "c": (1, 4), "d": (1, 5)}, {"a": 2, "b": 2.6, "c": 2.7, "d": 2.7}),
        (100, {"a": (1, 3), "b": (5, 4)}, {"a": 3, "b": 4}),  # enough for all
    ],
)
def test_shares_by_example(total: float, crowd: dict[str, tuple[float, float]], due: dict[str, float]) -> None:
    assert share(total, crowd) == pytest.approx(due)


@given(totals, crowds)
def test_all_is_shared_that_is_wanted_and_nobody_gets_more_than_it_wants(
    total: float, crowd: dict[str, tuple[float, float]]
) -> None:
    found = share(total, crowd)
    assert set(found) == set(crowd)
    assert all(0 <= found[user] <= demand * (1 + NEAR) for user, (_, demand) in crowd.items())
    wanted = sum(demand for _, demand in crowd.values())
    assert sum(found.values()) == pytest.approx(min(total, wanted), rel=1e-6)


@given(totals, crowds)
def test_nobody_gets_less_for_its_weight_than_others_unless_it_wants_no_more(
    total: float, crowd: dict[str, tuple[float, float]]
) -> None:
    found = share(total, crowd)
    levels = {user: found[user] / weight for user, (weight, _) in crowd.items()}
    for user, (_, demand) in crowd.items():
        if found[user] < demand * (1 - 1e-6):
            assert levels[user] >= max(levels.values()) * (1 - 1e-6)


@given(totals, crowds, st.floats(0.01, 100))
def test_only_the_relation_of_weights_counts(
    total: float, crowd: dict[str, tuple[float, float]], factor: float
) -> None:
    scaled = {user: (weight * factor, demand) for user, (weight, demand) in crowd.items()}
    assert share(total, scaled) == pytest.approx(share(total, crowd), rel=1e-6, abs=1e-6)


@given(totals, totals, crowds)
def test_more_to_share_is_less_for_nobody(one: float, other: float, crowd: dict[str, tuple[float, float]]) -> None:
    less, more = (share(total, crowd) for total in sorted((one, other)))
    assert all(less[user] <= more[user] * (1 + 1e-6) + 1e-9 for user in crowd)


# --- Jain's index ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("got", "index"),
    [([], 1), ([0, 0], 1), ([5], 1), ([2, 2, 2], 1), ([1, 0, 0, 0], 0.25), ([1, 1, 0.5, 0.5], 0.9), ([3, 1], 0.8)],
)
def test_the_index_by_example(got: list[float], index: float) -> None:
    assert jain(got) == pytest.approx(index)


@given(values)
def test_the_index_is_between_one_nth_and_one(got: list[float]) -> None:
    assert 1 / len(got) * (1 - NEAR) <= jain(got) <= 1 + NEAR


@given(values, st.floats(0.001, 1000))
def test_the_index_knows_neither_unit_nor_order(got: list[float], factor: float) -> None:
    assume(all(value == 0 or value > 1e-100 for value in got))  # a square must not vanish
    assert jain([value * factor for value in reversed(got)]) == pytest.approx(jain(got))
