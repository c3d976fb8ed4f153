"""When a failed task is tried again: bounds of the delay, and what becomes of it when its retries are used up."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.core.outcome import Again, Bury, Failure, failure_of
from fairque.core.retry import DEFAULT_BACKOFF, Backoff, Retry, after_failure, error_names
from fairque.errors import TaskValidationError

FAILURE = Failure("ValueError", "no")
chances = st.floats(0, 1, exclude_max=True)
backoffs = st.builds(
    Backoff, base=st.floats(0, 1e6), factor=st.floats(1, 1e6), cap=st.floats(0, 1e6), jitter=st.booleans()
)


def decide(failures: int, *, max_retries: int = 3, error: BaseException | None = None, **more: Any) -> Again | Bury:
    terms: dict[str, Any] = {"max_retries": max_retries, "backoff": None, "chance": 0.5} | more
    return after_failure(error or ValueError("no"), FAILURE, failures=failures, **terms)


def test_the_bound_doubles_up_to_the_cap() -> None:
    backoff = Backoff(base=1, cap=10, jitter=False)
    assert [backoff.delay(failures, 0.5) for failures in (1, 2, 3, 4, 5, 1000)] == [1, 2, 4, 8, 10, 10]


def test_jitter_draws_evenly_from_zero_to_the_bound() -> None:
    backoff = Backoff(base=8, cap=600)
    assert [backoff.delay(2, chance) for chance in (0.0, 0.25, 0.5)] == [0.0, 4.0, 8.0]


@given(backoff=backoffs, failures=st.integers(1, 1001), chance=chances)
def test_a_delay_is_never_negative_and_never_above_the_cap(backoff: Backoff, failures: int, chance: float) -> None:
    assert 0 <= backoff.delay(failures, chance) <= backoff.cap


@pytest.mark.parametrize("field", ["base", "factor", "cap"])
@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, True, "1", None, 10**400], ids=lambda value: ascii(value)[:9]
)
def test_a_backoff_that_is_no_finite_time_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(TaskValidationError, match=rf"retry_backoff\.{field}: ") as caught:
        Backoff(**{field: value})
    assert len(str(caught.value)) < 200


def test_a_factor_below_one_is_refused() -> None:
    with pytest.raises(TaskValidationError, match=r"retry_backoff\.factor: must be from 1 to 1000000, got 0\.5"):
        Backoff(factor=0.5)


@pytest.mark.parametrize("jitter", [1, "yes", None])
def test_a_jitter_that_is_no_boolean_is_refused(jitter: Any) -> None:
    with pytest.raises(TaskValidationError, match=r"retry_backoff\.jitter: "):
        Backoff(jitter=jitter)


@given(failures=st.integers(1, 20), max_retries=st.integers(0, 20))
def test_a_task_is_tried_again_exactly_max_retries_times(failures: int, max_retries: int) -> None:
    again = failures <= max_retries
    assert isinstance(decide(failures, max_retries=max_retries), Again if again else Bury)


def test_a_task_without_a_backoff_of_its_own_has_the_default_one() -> None:
    assert decide(2) == Again(DEFAULT_BACKOFF.delay(2, 0.5), FAILURE) == Again(1.0, FAILURE)
    assert decide(2, backoff=Backoff(base=0)) == Again(0.0, FAILURE)
    assert decide(4) == Bury(FAILURE)


def test_retry_asks_for_its_own_delay_and_spends_a_retry() -> None:
    assert decide(1, error=Retry(delay=30)) == Again(30, FAILURE)
    assert decide(1, error=Retry()) == decide(1)
    assert decide(4, error=Retry(delay=30)) == Bury(FAILURE)


@pytest.mark.parametrize("delay", [-5, math.nan, math.inf, "1", 10**400], ids=lambda value: ascii(value)[:9])
def test_retry_refuses_a_delay_that_is_no_finite_time(delay: Any) -> None:
    with pytest.raises(TaskValidationError, match="delay"):
        Retry(delay=delay)


def test_a_list_of_delays_is_gone_through_and_its_last_one_repeats() -> None:
    backoff = Backoff(delays=(1, 5, 30))
    assert [backoff.delay(n, 0.5) for n in (1, 2, 3, 4, 9)] == [1, 5, 30, 30, 30]
    assert Backoff.fixed(7).delay(3, 0.1) == 7


def test_only_errors_that_are_worth_it_are_retried() -> None:
    lookups, keys = error_names("retry_on", LookupError), error_names("no_retry_on", [KeyError])
    assert isinstance(decide(1, error=IndexError(), retry_on=lookups), Again)
    assert decide(1, error=OSError(), retry_on=lookups) == Bury(FAILURE)
    assert decide(1, error=KeyError(), no_retry_on=keys) == Bury(FAILURE)
    assert decide(1, error=KeyError(), retry_on=lookups, no_retry_on=keys) == Bury(FAILURE)
    assert isinstance(decide(1, error=OSError(), no_retry_on=keys), Again)
    assert isinstance(decide(1, error=Retry(), retry_on=lookups), Again), "the task itself asks"


# --- what is kept of an error ---------------------------------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


def test_a_failure_keeps_type_message_and_traceback_without_local_variables() -> None:
    def fail() -> None:
        password = "sesame"
        raise ValueError(f"{len(password)} is wrong")

    try:
        fail()
    except ValueError as error:
        failure = failure_of(error)
    assert (failure.type, failure.message) == ("ValueError", "6 is wrong")
    assert "in fail" in failure.traceback
    assert "ValueError: 6 is wrong" in failure.traceback


def test_a_failure_of_a_huge_error_is_bounded() -> None:
    failure = failure_of(ValueError("x" * 10_000_000))
    assert len(failure.message) <= 4_000
    assert len(failure.traceback) <= 16_000


def test_an_error_that_cannot_be_shown_is_still_a_failure() -> None:
    assert failure_of(Unspeakable()).type == "Unspeakable"
