"""Which errors are worth a retry, and after how long: the options as they travel with a task."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fairque import Backoff, Retry, Task, TaskHandle, TaskQueue, TaskState, task
from fairque.errors import TaskFailed, TaskValidationError
from tests.contract.hands import pop
from tests.contract.jobs import echo

ERRORS: dict[str, BaseException | str] = {
    "KeyError": KeyError("x"),
    "LookupError": LookupError("x"),
    "ConnectionError": ConnectionResetError("x"),
    "words": "said in words",
    "asked": Retry("please", delay=600),
}


def failed_with(queue: TaskQueue, error: BaseException | str, call: Task[Any]) -> TaskHandle[Any]:
    """Push a task and let its first run fail so."""
    handle = queue.push(call, user_id="u")
    queue.fail(pop(queue), error)
    return handle


def due_in(queue: TaskQueue, handle: TaskHandle[Any]) -> Any:
    """Return in how many seconds the retry is due; it may take a moment to ask."""
    due_at = queue.explain(handle.task_id).due_at
    assert due_at is not None
    return pytest.approx((due_at - datetime.now(UTC)).total_seconds(), abs=5)


# --- which errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "retried"),
    [
        ({}, {*ERRORS}),
        ({"retry_on": LookupError}, {"KeyError", "LookupError", "asked"}),
        ({"retry_on": (KeyError, OSError)}, {"KeyError", "ConnectionError", "asked"}),
        ({"retry_on": [RuntimeError]}, {"words", "asked"}),
        ({"retry_on": ()}, {"asked"}),
        ({"no_retry_on": KeyError}, {"LookupError", "ConnectionError", "words", "asked"}),
        ({"no_retry_on": Exception}, {"asked"}),
        ({"retry_on": LookupError, "no_retry_on": [KeyError]}, {"LookupError", "asked"}),
        ({"max_retries": 0}, set()),
    ],
)
def test_only_errors_that_are_worth_it_are_retried(
    queue: TaskQueue, options: dict[str, Any], retried: set[str]
) -> None:
    call = echo(1).with_(**({"max_retries": 3, "retry_backoff": 600} | options))
    states = {name: failed_with(queue, error, call).state() for name, error in ERRORS.items()}
    assert {name for name, state in states.items() if state is TaskState.SCHEDULED} == retried
    assert {name for name, state in states.items() if state is TaskState.FAILED} == {*ERRORS} - retried


def test_what_is_not_worth_a_retry_fails_with_its_error_and_its_retries_unspent(queue: TaskQueue) -> None:
    handle = failed_with(queue, KeyError("gone"), echo(1).with_(no_retry_on=LookupError, max_retries=3))
    with pytest.raises(TaskFailed, match="KeyError: 'gone'"):
        handle.result(timeout=0)
    assert handle.retry(), "by hand it can be"
    popped = pop(queue)
    assert (popped.failures, popped.no_retry_on) == (0, ("builtins.LookupError",))


@pytest.mark.parametrize("option", ["retry_on", "no_retry_on"])
@pytest.mark.parametrize("value", [ValueError("x"), "ValueError", int, 3, [ValueError, "KeyError"], {"a": 1}])
def test_what_is_no_class_of_errors_is_refused(option: str, value: Any) -> None:
    with pytest.raises(TaskValidationError, match=f"{option}: "):
        echo(1).with_(**{option: value})


# --- after how long -------------------------------------------------------------------------------------------------


def by_kind(failures: int, error: BaseException) -> float:
    """Wait longer for each failure, and for a connection longest."""
    if isinstance(error, ArithmeticError):
        raise error
    return 500.0 if isinstance(error, OSError) else 100.0 * failures


@task(name="contract.patient", retry_backoff=by_kind, max_retries=3)
def patient(value: int = 0) -> int:
    return value


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [(Backoff.fixed(70), 70), ([60, 120], 60), ((90.0,), 90), (Backoff(base=80, jitter=False), 80)],
)
def test_a_retry_is_due_when_its_backoff_says(queue: TaskQueue, backoff: Any, seconds: int) -> None:
    handle = failed_with(queue, "no", echo(1).with_(retry_backoff=backoff))
    assert due_in(queue, handle) == seconds


def test_a_list_of_delays_is_gone_through_and_its_last_one_repeats(queue: TaskQueue) -> None:
    handle = queue.push(echo(1).with_(retry_backoff=[0.01, 0.02, 0.03], max_retries=4), user_id="u")
    for failures in range(4):
        popped = pop(queue, timeout=5)
        assert popped.failures == failures
        queue.fail(popped, "no")
    popped = pop(queue, timeout=5)
    assert popped.retry_backoff == Backoff(delays=(0.01, 0.02, 0.03))
    queue.fail(popped, "no")
    assert handle.state() is TaskState.FAILED


def test_a_function_is_asked_with_the_failures_and_the_error(queue: TaskQueue) -> None:
    assert due_in(queue, failed_with(queue, "no", patient(1))) == 100
    assert due_in(queue, failed_with(queue, ConnectionError("no"), patient(2))) == 500


def test_a_function_that_raises_is_as_good_as_none(queue: TaskQueue) -> None:
    handle = failed_with(queue, ZeroDivisionError("no"), patient(1))
    assert handle.state() is not TaskState.FAILED
    assert pop(queue, timeout=5).failures == 1, "after the default backoff"


def test_a_backoff_given_at_the_push_wins_over_the_functions(queue: TaskQueue) -> None:
    assert due_in(queue, failed_with(queue, "no", patient(1).with_(retry_backoff=[50]))) == 50


def test_the_delay_that_a_task_asks_for_wins_over_its_backoff(queue: TaskQueue) -> None:
    assert due_in(queue, failed_with(queue, Retry(delay=200), echo(1).with_(retry_backoff=[50]))) == 200
    assert due_in(queue, failed_with(queue, Retry(), echo(1).with_(retry_backoff=[50]))) == 50


@pytest.mark.parametrize("value", [[], [-1], ["1"], [float("nan")], -1, float("inf"), "1", {}, [1, None]])
def test_a_backoff_that_cannot_be_is_refused(value: Any) -> None:
    with pytest.raises(TaskValidationError, match="retry_backoff"):
        echo(1).with_(retry_backoff=value)
