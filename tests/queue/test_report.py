"""The fairness report out of what was counted: entitlement, noise, Jain's index; by hand and by what always holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairque.queue.report import FairnessReport, report_of
from fairque.store.readings import Sizes

EQUAL = {"*": 1.0}

measures = st.fixed_dictionaries({"n": st.integers(1, 10_000), "c": st.integers(0, 10**6), "ms": st.integers(0, 10**8)})
sizes = st.builds(Sizes, queued=st.integers(0, 10**5), started=st.integers(0, 100), failed=st.integers(0, 3))
users = st.text("abcdefgh", min_size=1, max_size=1)
worlds = st.tuples(
    st.dictionaries(users, measures),
    st.dictionaries(users, sizes),
    st.dictionaries(users, st.floats(0.1, 10)),
    st.sets(users, max_size=3),
    st.sampled_from(["count", "declared", "time"]),
)


def starts(**counts: int) -> dict[str, dict[str, int]]:
    return {user: {"n": count, "c": count, "ms": 100 * count} for user, count in counts.items()}


def waiting(**counts: int) -> dict[str, Sizes]:
    return {user: Sizes(queued=count) for user, count in counts.items()}


def shares(report: FairnessReport) -> dict[str, tuple[float, float]]:
    return {user.user_id: (user.entitled, user.received) for user in report.users}


def of(world: tuple[dict[str, dict[str, int]], dict[str, Sizes], dict[str, float], set[str], str]) -> FairnessReport:
    served, there, weights, capped, cost = world
    return report_of(served, there, EQUAL | weights, capped, cost)


# --- by hand --------------------------------------------------------------------------------------------------------


def test_whoever_needs_less_leaves_the_rest_to_the_others() -> None:
    report = report_of(starts(a=70, b=20, c=10), waiting(a=100, b=100), EQUAL, (), "count")
    assert shares(report) == {"a": (0.45, 0.7), "b": (0.45, 0.2), "c": (0.1, 0.1)}
    ratios = [0.7 / 0.45, 0.2 / 0.45, 1]
    assert report.jain == pytest.approx(sum(ratios) ** 2 / 3 / sum(ratio**2 for ratio in ratios), abs=1e-4)
    assert [user.user_id for user in report.users] == ["a", "b", "c"]


def test_what_runs_now_is_asked_for_as_what_waits() -> None:
    report = report_of(starts(a=10), {"a": Sizes(started=5), "b": Sizes(started=10)}, EQUAL, (), "count")
    assert shares(report) == {"a": (0.5, 1.0), "b": (0.5, 0.0)}


def test_what_waits_is_priced_as_what_ran_of_its_user_and_else_as_all() -> None:
    served = {"a": {"n": 10, "c": 10, "ms": 1000}, "b": {"n": 10, "c": 10, "ms": 9000}}
    report = report_of(served, waiting(a=30, c=2), EQUAL, (), "time")
    # a asks for 1 s + 30 runs of 0.1 s; c, of whom nothing ran, for two runs of 0.5 s; b for what it got
    assert shares(report) == {"b": (0.5, 0.9), "a": (0.4, 0.1), "c": (0.1, 0.0)}
    assert report.users[0].run_seconds == 9


def test_a_user_with_nothing_but_failures_asks_for_nothing() -> None:
    report = report_of(starts(a=1), {"b": Sizes(failed=4)}, EQUAL, (), "count")
    assert shares(report) == {"a": (1.0, 1.0), "b": (0.0, 0.0)}
    assert report.jain == 1.0


def test_noise_is_more_than_twice_what_is_due_and_waits_now() -> None:
    served = starts(a=10, b=10, quiet=20)
    # 40 were served: a asks for 27, b for 26, quiet for 20, so that each is due 13 1/3
    report = report_of(served, waiting(a=17, b=16), EQUAL, (), "count")
    assert report.noisy == ("a",)
    assert report_of(served, waiting(a=17, b=16), EQUAL | {"a": 2.0}, (), "count").noisy == ("b",)
    assert report_of(served, waiting(a=17, b=16), EQUAL, {"a"}, "count").noisy == ()  # its cap keeps it quiet


def test_waits_are_told_in_milliseconds_and_only_where_something_ran() -> None:
    served = {"a": {"n": 100, "c": 100, "ms": 1, "w0": 50, "w40": 45, "w44": 5}}
    first, second = report_of(served, waiting(b=1), EQUAL, (), "count").users
    if first.user_id == "b":
        first, second = second, first
    assert (first.wait_p50_ms, first.wait_p95_ms, first.wait_p99_ms) == (1.0, 1024.0, 2048.0)
    assert (second.wait_p50_ms, second.wait_p95_ms, second.wait_p99_ms) == (None, None, None)


# --- what always holds ----------------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(worlds)
def test_shares_are_parts_of_one_whole(
    world: tuple[dict[str, dict[str, int]], dict[str, Sizes], dict[str, float], set[str], str],
) -> None:
    served, there, _, _, cost = world
    report = of(world)
    unit = {"count": "n", "declared": "c", "time": "ms"}[cost]
    whole = 1 if sum(one[unit] for one in served.values()) else 0
    assert {user.user_id for user in report.users} == {*served, *there}
    assert sum(user.received for user in report.users) == pytest.approx(whole, abs=1e-3)
    assert sum(user.entitled for user in report.users) == pytest.approx(whole, abs=1e-3)
    assert all(0 <= user.entitled <= 1 and 0 <= user.received <= 1 for user in report.users)
    assert 0 <= report.jain <= 1
    assert set(report.noisy) <= {user for user, size in there.items() if size.queued + size.started}


@settings(max_examples=80)
@given(worlds)
def test_nobody_is_due_more_than_it_asked_for(
    world: tuple[dict[str, dict[str, int]], dict[str, Sizes], dict[str, float], set[str], str],
) -> None:
    _, there, _, capped, _ = world
    for user in of(world).users:
        size = there.get(user.user_id, Sizes())
        if user.user_id in capped or not size.queued + size.started:
            assert user.entitled <= user.received + 1e-3


@settings(max_examples=80)
@given(worlds, users)
def test_a_greater_weight_is_never_due_less(
    world: tuple[dict[str, dict[str, int]], dict[str, Sizes], dict[str, float], set[str], str], user: str
) -> None:
    served, there, weights, capped, cost = world
    before = shares(of(world)).get(user, (0.0, 0.0))
    after = shares(of((served, there, weights | {user: 2 * weights.get(user, 1.0)}, capped, cost))).get(
        user, (0.0, 0.0)
    )
    assert after[0] >= before[0] - 1e-3
    assert after[1] == before[1]
