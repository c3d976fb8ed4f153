"""What can be asked of a task: each option's accepted values, and each refusal by name."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from fairque import Backoff, Priority, Task, group
from fairque.core.layout import layout_of
from fairque.core.options import MAX_OUTSIDE, MAX_RETRIES, OPTIONS, check_options
from fairque.core.quantity import MAX_SECONDS
from fairque.errors import TaskValidationError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAIVE = datetime(2026, 11, 21)
EARLY = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
LATE = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))

FOLLOWER = Task[int]()
FOLLOWERS = FOLLOWER >> Task[int]()

NO_FOLLOWERS: list[object] = [3, "f", check_options, Task, [], [3]]
NO_FLAGS: list[object] = [None, 0, 1, "yes", []]
NO_INSTANTS: list[object] = [NAIVE, 0, "2026-11-21", EARLY, LATE]


@pytest.mark.parametrize(
    ("option", "value", "kept"),
    [
        ("priority", 1, Priority.VERY_LOW),
        ("priority", 6, Priority.CRITICAL),
        ("priority", Priority.HIGH, Priority.HIGH),
        ("max_retries", None, None),
        ("max_retries", 0, 0),
        ("max_retries", MAX_RETRIES, MAX_RETRIES),
        ("retry_backoff", None, None),
        ("retry_backoff", 2, Backoff(base=2.0)),
        ("retry_backoff", Backoff(cap=5), Backoff(cap=5)),
        ("retry_backoff", [1, 5], Backoff(delays=(1, 5))),
        ("retry_on", OSError, ("builtins.OSError",)),
        ("no_retry_on", (KeyError, ValueError), ("builtins.KeyError", "builtins.ValueError")),
        ("timeout", 2, 2.0),
        ("executor", "process", "process"),
        ("expires_in", 0.5, 0.5),
        ("unique_key", "order 7", "order 7"),
        ("delay", 0, 0.0),
        ("delay", 0.25, 0.25),
        ("delay", MAX_SECONDS, MAX_SECONDS),
        ("result_ttl", 60, 60.0),
        ("execute_after", NOON.astimezone(timezone(timedelta(hours=1))), NOON),
        ("payload", {"a": []}, {"a": []}),
        ("task_id", "extract", "extract"),
        ("user_id", "user:1", "user:1"),
        ("depends_on", [], ()),
        ("depends_on", ["b", "a", "b"], ("b", "a")),
        ("depends_on", (Task[int](task_id="a"), "b"), ("a", "b")),
        ("depends_on", [str(n) for n in range(MAX_OUTSIDE)], tuple(str(n) for n in range(MAX_OUTSIDE))),
        ("on_parent_failure", "wait", "wait"),
        ("on_parent_failure", "run", "run"),
        ("on_parent_failure", "cancel", "cancel"),
        ("on_success", None, None),
        ("on_success", FOLLOWER, FOLLOWER),
        ("on_failure", FOLLOWERS, FOLLOWERS),
        ("enable_xcom", False, False),
        ("auto_xcom", True, True),
        ("push_key", "rows", "rows"),
        ("push_key", None, None),
    ],
)  # fmt: skip
def test_an_accepted_value_is_kept_as_a_task_holds_it(option: str, value: object, kept: object) -> None:
    checked = check_options({option: value})
    assert checked == {option: kept}
    assert type(checked[option]) is type(kept)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("priority", value) for value in (0, 7, -1, 3.5, 3.0, "3", True, None, math.nan, 10**400)),
        *(("max_retries", value) for value in (-1, MAX_RETRIES + 1, 10**9, 10**400, 1.0, "1", True, math.inf)),
        *(("retry_backoff", value) for value in (-1, math.nan, math.inf, True, "1", [], [-1], ["x"], 10**400)),
        *(("retry_on", value) for value in ("ValueError", [ValueError, 3], int, 3)),
        *(("no_retry_on", value) for value in ("ValueError", [None])),
        *(("timeout", value) for value in (0, -1, math.nan, math.inf, True, "1")),
        *(("expires_in", value) for value in (0, -1, math.nan, math.inf, True, "1")),
        *(("executor", value) for value in ("async", "", 3, ["thread"])),
        *(("unique_key", value) for value in ("", 3, "a\nb", "x" * 257)),
        *(("delay", value) for value in (-0.001, math.nan, math.inf, -math.inf, True, "1", MAX_SECONDS + 1, 10**400)),
        *(("result_ttl", value) for value in (-1, math.nan, math.inf, False, "1", 10**400)),
        *(("execute_after", value) for value in NO_INSTANTS),
        *(("payload", value) for value in ([1], "{}", 3, b"{}")),
        *(("task_id", value) for value in ("", 3, "a\nb")),
        *(("user_id", value) for value in ("", 3, "*", "a\nb")),
        *(
            ("depends_on", value)
            for value in ("a", b"a", 3, None, {"a"}, [3], [""], ["a\nb"], [None], [Task[int]()], [Task])
        ),
        ("depends_on", [str(n) for n in range(100_000)]),
        *(("on_parent_failure", value) for value in ("w", "Wait", "", None, 3, ["run"])),
        *((hook, value) for hook in ("on_success", "on_failure") for value in NO_FOLLOWERS),
        *((flag, value) for flag in ("enable_xcom", "auto_xcom") for value in NO_FLAGS),
        *(("push_key", value) for value in ("", 3, "a\nb", "x" * 257, check_options)),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_another_value_is_refused_by_the_options_name(option: str, value: object) -> None:
    with pytest.raises(TaskValidationError, match=option) as caught:
        check_options({option: value})
    assert len(str(caught.value)) < 200


def test_a_list_that_follows_is_a_group() -> None:
    follower = check_options({"on_success": [FOLLOWER, [FOLLOWERS]]})["on_success"]
    assert layout_of(follower) == layout_of(group(FOLLOWER, FOLLOWERS))


def test_a_task_without_an_id_to_depend_on_is_refused_with_the_way_to_say_it() -> None:
    with pytest.raises(TaskValidationError, match=r"depends_on: .* no id yet; write parent >> child"):
        check_options({"depends_on": [Task[int]()]})


@pytest.mark.parametrize(
    ("given", "meant"), [("priorty", "priority"), ("max_retry", "max_retries"), ("taskid", "task_id")]
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(given: str, meant: str) -> None:
    with pytest.raises(TaskValidationError, match=f"unknown task option '{given}'; did you mean '{meant}'"):
        check_options({given: 1})


def test_an_option_that_is_like_no_other_is_refused_with_all_that_are_known() -> None:
    with pytest.raises(TaskValidationError) as caught:
        check_options({"zzz": 1})
    assert all(name in str(caught.value) for name in OPTIONS)


def test_a_delay_and_an_instant_together_are_refused() -> None:
    when = datetime(2026, 11, 21, tzinfo=UTC)
    with pytest.raises(TaskValidationError, match="delay and execute_after: give one of them"):
        check_options({"delay": 1, "execute_after": when})
    assert check_options({"delay": 1, "execute_after": None}) == {"delay": 1.0, "execute_after": None}


@pytest.mark.parametrize("make", [Task.create, lambda **options: Task().with_(**options)])
def test_every_way_to_make_a_task_checks_its_options(make: Any) -> None:
    assert make(user_id="user:1", priority=5).priority is Priority.VERY_HIGH
    with pytest.raises(TaskValidationError, match="unknown task option 'dalay'; did you mean 'delay'"):
        make(user_id="user:1", dalay=1)
    with pytest.raises(TaskValidationError, match="priority: "):
        make(user_id="user:1", priority=0)
