"""Weights and caps of users, task names and the queue: set at run time, in force at once on what already waits."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from fairque import Backoff, FairQueueConfig, TaskQueue, TaskState
from fairque.core.limits import Caps, UserSettings
from fairque.core.settings import WorkerSettings
from fairque.errors import BacklogFull, ConfigError, LimitsError, QueueRefusal, TaskValidationError
from tests.contract.conftest import Make
from tests.contract.jobs import add, echo

ECHO = "contract.echo"


def count(queue: TaskQueue, most: int = 50) -> int:
    """Return how many tasks may start now; they stay running."""
    return len(queue.pop_many(most))


# --- what is in force -----------------------------------------------------------------------------------------------


def test_changes_add_up_and_none_takes_one_off(calm: TaskQueue) -> None:
    assert calm.get_user("u") == UserSettings()
    assert calm.set_user("u", weight=3, max_concurrency=2) == UserSettings(weight=3, max_concurrency=2)
    assert calm.set_user("u", rate="10/m", burst=4, max_backlog=0) == calm.get_user("u")
    assert calm.get_user("u") == UserSettings(weight=3, max_concurrency=2, rate="10/m", burst=4, max_backlog=0)
    left = calm.set_user("u", rate=None, burst=None, weight=None, max_concurrency=None)
    assert left == calm.get_user("u") == UserSettings(max_backlog=0)
    assert calm.get_user("other") == UserSettings()


def test_a_reset_user_is_as_every_other(calm: TaskQueue) -> None:
    calm.set_user("*", weight=2, max_concurrency=7)
    calm.set_user("u", max_concurrency=1)
    assert calm.get_user("u") == UserSettings(weight=2, max_concurrency=1)
    calm.pause("u")
    calm.resume("u")
    assert calm.get_user("u") == UserSettings(weight=2, max_concurrency=1)
    calm.reset_user("u")
    assert calm.get_user("u") == calm.get_user("nobody") == UserSettings(weight=2, max_concurrency=7)
    calm.reset_user("*")
    calm.reset_user("never set")
    assert calm.get_user("u") == UserSettings()


def test_names_and_the_queue_have_caps_apart(calm: TaskQueue) -> None:
    assert calm.get_limits() == calm.get_limits(task=ECHO) == Caps()
    assert calm.set_limits(max_concurrency=5) == calm.get_limits() == Caps(max_concurrency=5)
    assert calm.set_limits(task=ECHO, rate="1/s") == calm.get_limits(task=ECHO) == Caps(rate="1/s")
    assert calm.set_limits(max_concurrency=None) == calm.get_limits() == Caps()


def test_everything_that_is_set_is_told_at_once(calm: TaskQueue) -> None:
    calm.set_user("user:1|{a}", weight=2)
    calm.set_user("*", max_backlog=9)
    calm.set_user("slow", rate="1/d")
    calm.set_limits(task=ECHO, paused=True)
    calm.set_limits(max_concurrency=4)
    calm.push_batch([echo(1), echo(2)], user_id="slow")
    calm.set_limits(task=ECHO, paused=False)
    assert count(calm) == 1
    found = calm.all_limits()
    assert set(found.users) == {"user:1|{a}", "*", "slow"}
    assert (found.of_user("user:1|{a}").weight, found.of_user("nobody").max_backlog) == (2, 9)
    assert (found.tasks, found.queue) == ({}, Caps(max_concurrency=4))
    assert found.held == {"slow": "rate"}


def test_ids_of_every_kind_keep_apart(calm: TaskQueue) -> None:
    for place, user in enumerate(["user:1", "user%3A1", "a|b", "{a}", "é", "e\u0301", "user 1"]):
        calm.set_user(user, max_concurrency=place)
    assert [calm.get_user(u).max_concurrency for u in ("user:1", "user%3A1", "a|b", "{a}", "é", "e\u0301")] == [
        *range(6)
    ]


# --- in force at once -----------------------------------------------------------------------------------------------


def test_max_concurrency_counts_what_runs_and_acts_on_what_waits(calm: TaskQueue) -> None:
    calm.push_batch([echo(n) for n in range(9)], user_id="u")
    calm.push(echo(), user_id="other")
    calm.set_user("u", max_concurrency=2)
    popped = calm.pop_many(9)
    assert Counter(task.user_id for task in popped) == {"u": 2, "other": 1}
    assert count(calm) == 0
    calm.finish(next(task for task in popped if task.user_id == "u"))
    assert count(calm) == 1
    calm.set_user("u", max_concurrency=4)
    assert count(calm) == 2
    calm.set_user("u", max_concurrency=0)
    assert count(calm) == 0
    calm.set_user("u", max_concurrency=None)
    assert count(calm) == 4


def test_the_caps_of_a_name_span_users_and_leave_others_alone(calm: TaskQueue) -> None:
    calm.push_batch([echo(n).with_(user_id=f"u{n % 3}") for n in range(9)])
    calm.push(add(1, 2), user_id="u0")
    calm.set_limits(task=ECHO, max_concurrency=2)
    assert Counter(task.name for task in calm.pop_many(20)) == {ECHO: 2, "tests.contract.jobs:add": 1}
    calm.set_limits(task=ECHO, max_concurrency=None)
    assert count(calm) == 7


def test_the_caps_of_the_queue_span_everything(calm: TaskQueue) -> None:
    calm.push_batch([echo(n).with_(user_id=f"u{n}") for n in range(6)])
    calm.set_limits(max_concurrency=4)
    assert count(calm) == 4
    calm.set_limits(max_concurrency=5)
    assert count(calm) == 1


def test_a_rate_lets_its_burst_start_and_no_more(calm: TaskQueue) -> None:
    calm.push_batch([echo(n) for n in range(9)], user_id="u")
    calm.set_user("u", rate="1/d", burst=3)
    assert count(calm) == 3
    assert count(calm) == 0
    calm.set_user("u", rate=None)
    assert count(calm) == 6


def test_weights_share_starts(calm: TaskQueue) -> None:
    calm.set_user("heavy", weight=3)
    for user in ("heavy", "light"):
        calm.push_batch([echo(n) for n in range(40)], user_id=user)
    served = Counter(task.user_id for task in calm.pop_many(40))
    assert abs(served["heavy"] - 30) <= 1


def test_a_pause_holds_a_user_a_name_or_all_until_it_is_resumed(calm: TaskQueue) -> None:
    calm.push_batch([echo(n).with_(user_id=user) for n, user in enumerate("aabb")])
    calm.pause("a")
    assert calm.get_user("a").paused
    assert [task.user_id for task in calm.pop_many(1)] == ["b"]
    calm.pause(task=ECHO)
    assert count(calm) == 0
    calm.resume("a")
    calm.resume(task=ECHO)
    calm.pause()
    assert (count(calm), calm.get_limits().paused) == (0, True)
    calm.push(echo(), user_id="c")  # pushes are taken
    calm.resume()
    assert Counter(task.user_id for task in calm.pop_many(9)) == {"a": 2, "b": 1, "c": 1}


# --- backlog --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["user", "task", "queue"])
def test_a_push_beyond_the_backlog_is_refused_whole(calm: TaskQueue, what: str) -> None:
    calm.push(echo("before"), user_id="u:1")
    match what:
        case "user":
            calm.set_user("u:1", max_backlog=3)
        case "task":
            calm.set_limits(task=ECHO, max_backlog=3)
        case _:
            calm.set_limits(max_backlog=3)
    calm.push(echo("later").with_(delay=60), user_id="u:1")  # what is scheduled waits, too
    with pytest.raises(BacklogFull, match=r"2 tasks wait, max_backlog is 3, 2 more were pushed") as caught:
        calm.push_batch([echo(1), echo(2)], user_id="u:1")
    assert isinstance(caught.value, QueueRefusal)
    assert {"user": "u:1", "task": ECHO, "queue": "the queue"}[what] in str(caught.value)
    assert calm.get_stats()["queued"] + calm.get_stats()["scheduled"] == 2
    calm.push(echo("third"), user_id="u:1")
    with pytest.raises(BacklogFull):
        calm.push(echo("fourth"), user_id="u:1")
    assert count(calm) == 2  # what runs does not wait
    assert calm.push(echo("fourth"), user_id="u:1").created


def test_a_retry_passes_a_full_backlog_and_a_living_id_is_no_new_task(calm: TaskQueue) -> None:
    handle = calm.push(echo(1).with_(task_id="mine", retry_backoff=Backoff(base=60, jitter=False)), user_id="u")
    (task,) = calm.pop_many(1)
    calm.set_user("u", max_backlog=0)
    assert not calm.push(echo(1).with_(task_id="mine"), user_id="u").created
    calm.fail(task, "no")
    assert handle.state() is TaskState.SCHEDULED
    with pytest.raises(BacklogFull):
        calm.push(echo(2), user_id="u")


# --- what is not accepted -------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    *(({"weight": value}, "weight: must be a number from 0.001 to 1000, not") for value in (0, -1, math.nan, math.inf)),
    *(({"weight": value}, "weight: must be a number from 0.001 to 1000, not") for value in (10**400, True, "3")),
    *(({"rate": value}, "rate: must be") for value in ("ten", "0/s", "-1/s", "1/x", 10, "1/s ", True)),
    *(({"max_concurrency": value}, "max_concurrency: must be a whole number") for value in (-1, True, 2.0, "3")),
    *(({"max_backlog": value}, "max_backlog: must be a whole number") for value in (-1, False, 0.5, 10**10)),
    *(({"burst": value}, "burst: must be a whole number from 1") for value in (0, -1, True)),
    ({"paused": 1}, "paused: must be true or false"),
    ({"max_concurency": 1}, "max_concurency: unknown key; did you mean max_concurrency?"),
    ({"wieght": None}, "wieght: unknown key; did you mean weight?"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_a_setting_that_is_not_accepted_is_named_and_changes_nothing(
    calm: TaskQueue, changes: dict[str, Any], said: str
) -> None:
    calm.set_user("u", weight=2)
    with pytest.raises(LimitsError, match=r"^set_user: ") as caught:
        calm.set_user("u", **{"max_concurrency": 1} | changes)
    assert said in str(caught.value)
    assert calm.get_user("u") == UserSettings(weight=2)


def test_all_that_is_wrong_is_told(calm: TaskQueue) -> None:
    with pytest.raises(LimitsError) as caught:
        calm.set_limits(task=ECHO, weight=2, rate="fast", max_concurrency=-1)
    assert {line.split(": ")[1] for line in str(caught.value).splitlines()} == {"max_concurrency", "rate", "weight"}
    assert calm.get_limits(task=ECHO) == Caps()


@pytest.mark.parametrize("user", ["", " a", "x" * 257, "a\nb", 7, None])
def test_what_cannot_be_a_user_is_refused(calm: TaskQueue, user: Any) -> None:
    for ask in (lambda: calm.set_user(user, weight=2), lambda: calm.get_user(user), lambda: calm.reset_user(user)):
        with pytest.raises(TaskValidationError, match="user_id: "):
            ask()


@pytest.mark.parametrize("name", ["", "a b", "a|b", "x" * 513, 7])
def test_what_cannot_be_a_tasks_name_is_refused_and_never_the_whole_queue(calm: TaskQueue, name: Any) -> None:
    for ask in (lambda: calm.set_limits(task=name, max_concurrency=0), lambda: calm.pause(task=name)):
        with pytest.raises(TaskValidationError, match="name: expected 1 to 512"):
            ask()
    with pytest.raises(LimitsError, match="give a user or a task, not both"):
        calm.pause("u", task=ECHO)
    assert calm.get_limits() == Caps()


def test_lists_that_overlap_are_refused(make: Make, config: FairQueueConfig) -> None:
    with pytest.raises(ConfigError, match="overlaps assigned_users: a"):
        make(config=config.with_worker(assigned_users=["a", "b"], steal_targets=["a"]))
    with pytest.raises(ConfigError, match="overlaps assigned_users"):
        WorkerSettings(id="w", assigned_users=("*",), steal_targets=("*",))
