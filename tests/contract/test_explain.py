"""Why a task has not started: its place, its user's share, and every reason that bars it, as claims judge it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fairque import FairQueueConfig, Task, TaskHandle, TaskQueue, TaskState
from fairque.errors import TaskReplaced, TaskValidationError, UnknownTask
from fairque.queue.explaining import Explanation
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.tasks import root_of
from tests.contract.jobs import add, echo
from tests.waiting import wait_until

ECHO = "contract.echo"
Up = Callable[..., None]


@pytest.fixture
def up(config: FairQueueConfig) -> Iterator[Up]:
    """Give a function that says that a worker is up, which serves these users (all) and knows these tasks."""
    driver, root = Driver(config.redis), root_of(config.queue.prefix, "default")

    def say(*users: str, names: tuple[str, ...] = (ECHO,), total: int | None = None) -> None:
        for call in claims.register(root, users):
            driver.run(call)
        lists = claims.lists_of(users or ["*"], [])
        known = {"lists": [lists.assigned], "tasks": names, "tasks_total": len(names) if total is None else total}
        driver.run(claims.beat(root, "w", "beat", msgspec.json.encode(known), lists=lists, served={}))

    yield say
    driver.close()


def codes(told: Explanation) -> list[str]:
    return [reason.code for reason in told.reasons]


def why(handle: TaskHandle[Any]) -> list[str]:
    return [reason.text for reason in handle.explain().reasons]


# --- where it stands ------------------------------------------------------------------------------------------------


def test_a_task_that_nothing_bars_waits_for_its_turn(calm: TaskQueue, up: Up) -> None:
    up()
    calm.push(echo(1), user_id="other")
    calm.push_batch([echo(n) for n in range(3)], user_id="u")
    handle = calm.push(echo(3), user_id="u")
    told = handle.explain()
    assert told == calm.explain(handle.task_id) == calm.explain(handle.task_id, user_id="u")
    assert (told.task_id, told.user_id, told.name, told.state) == (handle.task_id, "u", ECHO, TaskState.QUEUED)
    assert (told.position, told.users_before, told.ready_users) == (3, 1, 2)
    assert codes(told) == ["turn"]
    assert told.reasons[0].text == "waits for its turn: 3 tasks of its user and 1 user before it"
    assert str(told) == f"{handle.task_id} is queued: {told.reasons[0].text}"


def test_the_share_is_by_weight_among_users_that_are_busy(calm: TaskQueue) -> None:
    handle = calm.push(echo(1), user_id="u")
    assert (handle.explain().share, handle.explain().weight) == (1.0, 1.0)
    calm.push(echo(1), user_id="heavy")
    calm.push(echo(1).with_(delay=60), user_id="asleep")
    calm.set_user("heavy", weight=2)
    calm.set_user("idle", weight=9)
    assert handle.explain().share == 0.3333
    calm.set_user("*", weight=6)
    assert (handle.explain().share, handle.explain().weight) == (0.75, 6.0)


@pytest.mark.parametrize("aging", [float("inf"), 60])
def test_positions_are_the_order_of_claims(calm: TaskQueue, aging: float) -> None:
    calm.set_fairness(aging_seconds=aging)
    chance = random.Random(7)
    handles = [calm.push(echo(n).with_(priority=chance.randint(1, 6)), user_id="u") for n in range(30)]
    positions = {handle.task_id: handle.explain().position for handle in handles}
    assert [positions[task.task_id or ""] for task in calm.pop_many(30)] == list(range(30))


def test_waiting_is_worth_levels(calm: TaskQueue) -> None:
    calm.set_fairness(aging_seconds=float("inf"))
    calm.push(echo(1).with_(priority=1), user_id="u")

    def place_of_a_newcomer() -> int | None:
        handle = calm.push(echo(2).with_(priority=5), user_id="u")
        position = handle.explain().position
        calm.delete_task(handle.task_id)
        return position

    assert place_of_a_newcomer() == 0
    calm.set_fairness(aging_seconds=0.001)
    wait_until(lambda: place_of_a_newcomer() == 1, description="4 ms of waiting are worth 4 levels")
    assert calm.push(echo(3).with_(priority=6), user_id="u").explain().position == 0


# --- what bars it ---------------------------------------------------------------------------------------------------


def test_a_scheduled_task_says_until_when(calm: TaskQueue, up: Up) -> None:
    up()
    at = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
    told = calm.push(echo(1).with_(execute_after=at), user_id="u").explain()
    assert (told.state, told.position, told.users_before, told.due_at) == (TaskState.SCHEDULED, None, None, at)
    assert told.reasons == (("scheduled", "scheduled until 2999-12-31 23:59:59.000+00:00"),)


def test_pauses_of_user_task_and_queue_are_told_together(calm: TaskQueue, up: Up) -> None:
    up()
    handle = calm.push(echo(1), user_id="u")
    calm.pause("u")
    calm.pause(task=ECHO)
    calm.pause()
    assert codes(handle.explain()) == ["paused"] * 3
    assert why(handle) == ["the queue is paused", "user paused", f"task {ECHO} is paused"]
    calm.resume("u")
    calm.resume()
    calm.resume(task=ECHO)
    assert codes(handle.explain()) == ["turn"]


def test_a_full_max_concurrency_is_told_with_its_numbers(calm: TaskQueue, up: Up) -> None:
    up()
    calm.push_batch([echo(n) for n in range(5)], user_id="u")
    calm.set_user("u", max_concurrency=2)
    calm.set_limits(task=ECHO, max_concurrency=1)
    handle = calm.push(echo(5), user_id="u")
    assert len(calm.pop_many(5)) == 1
    calm.set_limits(max_concurrency=0)
    assert why(handle) == ["the queue at max_concurrency 1/0", f"task {ECHO} at max_concurrency 1/1"]
    calm.set_limits(task=ECHO, max_concurrency=None)
    calm.set_limits(max_concurrency=None)
    assert len(calm.pop_many(5)) == 1
    told = handle.explain()
    assert told.reasons == (("max_concurrency", "user at max_concurrency 2/2"),)
    assert told.users_before is None  # its user is held outside the ring


def test_an_empty_bucket_says_when_it_opens(calm: TaskQueue, up: Up) -> None:
    up()
    calm.set_user("u", rate="10/m")
    calm.push_batch([echo(n) for n in range(3)], user_id="u")
    handle = calm.push(echo(3), user_id="u")
    assert len(calm.pop_many(3)) == 1
    (reason,) = handle.explain().reasons
    assert reason.code == "rate"
    said, _, at = reason.text.removesuffix(" (10/m)").partition(" opens at ")
    assert said == "user: rate window"
    assert 0 < (datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() <= 6


def test_a_rate_that_opens_beyond_all_dates_can_be_told(calm: TaskQueue) -> None:
    calm.set_user("u", rate="0.000000001/d")
    calm.push(echo(1), user_id="u")
    handle = calm.push(echo(2), user_id="u")
    assert len(calm.pop_many(2)) == 1
    assert "opens at an instant after the year 9999" in why(handle)[0]


def test_without_a_worker_for_its_user_it_says_so(calm: TaskQueue, up: Up) -> None:
    handle = calm.push(echo(1), user_id="u")
    assert handle.explain().reasons == (("no_worker", "no worker serves this user: none is up"),)
    up("a", "b")
    assert why(handle) == ["no worker serves this user: 1 worker up, for others"]
    up("a", "u")
    assert codes(handle.explain()) == ["turn"]


def test_a_task_that_no_worker_has_imported_says_so(calm: TaskQueue, up: Up) -> None:
    up()
    handle, payload = calm.push(add(1, 2), user_id="u"), calm.push(Task.create(user_id="u"))
    name = "tests.contract.jobs:add"
    text = f"no worker knows this task: {name} is in none of the modules they imported"
    assert handle.explain().reasons == (("unknown_task", text),)
    assert codes(payload.explain()) == ["turn"]
    up(names=(ECHO,), total=201)  # it does not tell all the names that it knows
    assert codes(handle.explain()) == ["turn"]


# --- what does not wait ---------------------------------------------------------------------------------------------


def test_a_task_that_runs_or_has_ended_says_so(calm: TaskQueue) -> None:
    calm.pause("u")
    good, bad = calm.push(echo(1), user_id="v"), calm.push(echo(2).with_(max_retries=0), user_id="v")
    first, second = calm.pop_many(2)
    told = good.explain()
    assert codes(told) == ["started"]
    assert told.reasons[0].text.startswith("it runs on pop-")
    assert told.started_at is not None
    assert abs((datetime.now(UTC) - told.started_at).total_seconds()) < 10
    assert (told.position, told.due_at) == (None, None)
    calm.finish(first)
    calm.fail(second, "no")
    assert good.explain().reasons == (("finished", "it has ended: finished"),)
    assert bad.explain().reasons == (("failed", "it has ended: failed"),)
    assert bad.explain().started_at is None


def test_a_task_that_is_not_known_is_told_with_the_remedy(calm: TaskQueue) -> None:
    handle = calm.push(echo(1).with_(task_id="mine"), user_id="u")
    with pytest.raises(UnknownTask, match=r"mine: no such task: .*; a task id of one's own choice is found with its"):
        calm.explain("mine")
    assert calm.explain("mine", user_id="u").task_id == "mine"
    with pytest.raises(UnknownTask, match="mine: v has no such task: it was never pushed"):
        calm.explain("mine", user_id="v")
    assert calm.delete_task("mine", user_id="u")
    with pytest.raises(UnknownTask):
        handle.explain()
    calm.push(echo(1).with_(task_id="mine"), user_id="u")
    with pytest.raises(TaskReplaced):
        handle.explain()
    for wrong in ("", " ", 7):
        with pytest.raises(TaskValidationError, match="task_id: "):
            calm.explain(wrong)  # type: ignore[arg-type]
