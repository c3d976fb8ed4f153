"""What schedules push and when, what their history tells, and how they end, in both colours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from fairque import (
    FairQueueConfig,
    ScheduleError,
    Task,
    TaskQueue,
    TaskScheduler,
    TaskState,
    UnknownSchedule,
)
from fairque.errors import BacklogFull
from tests.contract.hands import pop
from tests.contract.jobs import add, echo
from tests.contract.timetable import nightly, told, wait_until_fired
from tests.waiting import wait_until


def test_a_paused_schedule_does_not_fire_and_a_resumed_one_catches_nothing_up(scheduler: TaskScheduler) -> None:
    nightly(scheduler, cron_expr=None, every=0.1, overlap="allow")
    paused = scheduler.pause("nightly")
    assert (paused.state, paused.next_fire, paused.fires(3)) == ("paused", None, [])
    assert told(scheduler.pause("nightly")) == told(paused)
    assert len(scheduler.next_fires("nightly", 3)) == 3
    scheduler.start()
    nightly(scheduler, schedule_id="other", cron_expr=None, every=0.1, overlap="allow")
    wait_until(lambda: len(scheduler.history("other")) > 2, description="the other one fires")
    assert scheduler.history("nightly") == []
    resumed = scheduler.resume("nightly")
    assert resumed.state == "active"
    wait_until(lambda: scheduler.history("nightly"), description="it fires again")
    assert all(fire.outcome == "fired" for fire in scheduler.history("nightly"))
    assert scheduler.history("nightly")[-1].instant >= resumed.changed


def test_a_fire_pushes_a_task_of_its_user_under_an_id_of_its_own(scheduler: TaskScheduler, queue: TaskQueue) -> None:
    nightly(scheduler, cron_expr=None, every=0.1, overlap="allow", task=add(1, 2).with_(priority=6))
    scheduler.start()
    task = pop(queue, timeout=5)
    fire = wait_until_fired(scheduler)
    assert (task.user_id, task.name, task.args, task.priority) == ("u", "tests.contract.jobs:add", (1, 2), 6)
    assert task.task_id == fire.task_id == f"nightly/1/{int(fire.instant.timestamp() * 1000)}"
    assert (fire.outcome, fire.detail) == ("fired", "")
    assert 0 <= fire.lag < 2
    queue.finish(task, 3)
    assert queue.get_result(str(fire.task_id), user_id="u", timeout=5) == 3


def test_a_fire_is_skipped_while_the_last_task_has_not_ended(scheduler: TaskScheduler, queue: TaskQueue) -> None:
    nightly(scheduler, cron_expr=None, every=0.1)
    scheduler.start()
    task = pop(queue, timeout=5)
    wait_until(lambda: len(scheduler.history("nightly")) > 2, description="it would have fired again")
    skipped = scheduler.history("nightly")[0]
    assert (skipped.outcome, skipped.task_id, skipped.detail) == (
        "skipped",
        task.task_id,
        "the last task had not ended",
    )
    assert queue.pop() is None
    queue.finish(task, None)
    assert pop(queue, timeout=5).task_id != task.task_id


def test_a_unique_key_and_a_full_backlog_are_told_by_the_history(scheduler: TaskScheduler, queue: TaskQueue) -> None:
    holder = queue.push(echo(1).with_(unique_key="k"), user_id="u")
    scheduler.add_schedule(
        every=0.1, task=echo(2).with_(unique_key="k"), user_id="u", schedule_id="unique", overlap="allow"
    )
    queue.set_user("full", max_backlog=0)
    scheduler.add_schedule(every=0.1, task=echo(3), user_id="full", schedule_id="full")
    scheduler.start()
    unique, full = wait_until_fired(scheduler, "unique"), wait_until_fired(scheduler, "full")
    assert (unique.outcome, unique.task_id, unique.detail) == (
        "skipped",
        holder.task_id,
        "a task of its unique key had not ended",
    )
    assert (full.outcome, full.task_id, full.detail) == ("refused", None, "the backlog was full")
    assert queue.get_stats()["queued"] == 1


def test_it_can_be_run_by_hand(scheduler: TaskScheduler, queue: TaskQueue) -> None:
    nightly(scheduler)
    scheduler.pause("nightly")
    handle = scheduler.run_now("nightly")
    assert (handle.user_id, handle.created, handle.state()) == ("u", True, TaskState.QUEUED)
    task = pop(queue)
    assert task.task_id == handle.task_id
    queue.finish(task, 3)
    assert handle.result(timeout=5) == 3
    (fire,) = scheduler.history("nightly")
    assert (fire.outcome, fire.task_id) == ("by hand", handle.task_id)
    found = scheduler.get("nightly")
    assert found is not None
    assert (found.state, found.version) == ("paused", 2)
    queue.set_user("u", max_backlog=0)
    with pytest.raises(BacklogFull):
        scheduler.run_now("nightly")


def test_a_removed_schedule_is_gone_and_its_tasks_stay(scheduler: TaskScheduler) -> None:
    nightly(scheduler)
    handle = scheduler.run_now("nightly")
    assert scheduler.remove("nightly")
    assert not scheduler.remove("nightly")
    assert (scheduler.get("nightly"), scheduler.list()) == (None, [])
    assert handle.state() is TaskState.QUEUED
    calls: list[Any] = [scheduler.update, scheduler.pause, scheduler.resume, scheduler.run_now, scheduler.history]
    for call in [*calls, scheduler.next_fires]:
        with pytest.raises(UnknownSchedule, match="nightly: no such schedule"):
            call("nightly")


def test_it_ends_with_its_last_fire(scheduler: TaskScheduler) -> None:
    end = datetime.now(UTC) + timedelta(seconds=0.5)
    nightly(scheduler, cron_expr=None, every=0.2, overlap="allow", end=end)
    scheduler.start()
    wait_until(lambda: (found := scheduler.get("nightly")) and found.state == "ended", description="it has ended")
    fires = scheduler.history("nightly")
    assert [fire.outcome for fire in fires] == ["fired"] * 2
    assert scheduler.next_fires("nightly") == []
    assert scheduler.resume("nightly").state == "ended"
    revived = scheduler.update("nightly", end=None)
    assert (revived.state, revived.end) == ("active", None)


def test_erasing_a_user_removes_its_schedules(
    scheduler: TaskScheduler, queue: TaskQueue, redis_client: redis.Redis, prefix: str
) -> None:
    for n in range(3):
        nightly(scheduler, schedule_id=f"s{n}")
        scheduler.run_now(f"s{n}")
    nightly(scheduler, schedule_id="other", user_id="v")
    queue.erase_user("u")
    assert [schedule.schedule_id for schedule in scheduler.list()] == ["other"]
    left = list(redis_client.scan_iter(match=f"*{prefix}*:user:u:*"))
    assert left == []


def test_schedulers_are_seen_and_one_of_them_leads(scheduler: TaskScheduler, config: FairQueueConfig) -> None:
    assert scheduler.schedulers() == []
    scheduler.start()
    with TaskScheduler(config, id="second"):
        wait_until(lambda: len(scheduler.schedulers()) == 2, description="both are seen")
        assert sorted(one["id"] for one in scheduler.schedulers()) == ["scheduler-001", "second"]
        assert [one["leads"] for one in scheduler.schedulers()].count(True) == 1
    scheduler.stop()
    assert scheduler.schedulers() == []


def test_payload_tasks_are_scheduled_too(scheduler: TaskScheduler, queue: TaskQueue) -> None:
    nightly(scheduler, task=Task.create(user_id="u", payload={"x": [1]}), user_id=None)
    scheduler.run_now("nightly")
    assert pop(queue).payload == {"x": [1]}
    with pytest.raises(ScheduleError, match="schedule_id"):
        nightly(scheduler, schedule_id="é" * 101)
