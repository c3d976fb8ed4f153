"""Schedules of a configuration, and workers that carry a scheduler: one process is a whole deployment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from fairque import AsyncWorker, FairQueueConfig, TaskQueue, TaskScheduler, Worker
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from fairque.errors import ConfigError
from tests.contract import jobs
from tests.waiting import wait_until

POLL = ScheduleSettings(id="poll", every=0.1, task=jobs.echo.name, user_id="u", args=("inbox",), result_ttl=60)


@pytest.fixture
def config(redis_url: str, prefix: str) -> FairQueueConfig:
    """Give a configuration of one worker that is a scheduler, too, and of one schedule."""
    return FairQueueConfig(
        redis=RedisSettings(url=redis_url),
        queue=QueueSettings(prefix=prefix),
        workers=(WorkerSettings(id="all-in-one", assigned_users=("*",)),),
        scheduler=SchedulerSettings(embedded=True, timezone="Asia/Kolkata"),
        schedules=(POLL,),
    )


def changed(config: FairQueueConfig, **changes: Any) -> FairQueueConfig:
    from msgspec.structs import asdict

    return FairQueueConfig(**{**asdict(config), **changes})


def run_some(queue: TaskQueue) -> None:
    """Wait until some tasks have run."""
    begun = queue.get_stats()["finished_total"]
    wait_until(lambda: queue.get_stats()["finished_total"] > begun + 1, description="tasks have run")


def test_a_worker_carries_a_scheduler_from_its_start_to_its_end(config: FairQueueConfig) -> None:
    scheduler, worker = TaskScheduler(config), Worker(config)
    with TaskQueue(config) as queue:
        for _ in range(2):
            worker.start()
            run_some(queue)
            (seen,) = scheduler.schedulers()
            assert (seen["id"], seen["leads"]) == ("all-in-one", True)
            worker.stop()
            assert scheduler.schedulers() == []
        fire = scheduler.history("poll", 1)[0]
        assert queue.get_result(str(fire.task_id), user_id="u", timeout=5) == "inbox"
    (schedule,) = scheduler.list()
    assert (schedule.origin, schedule.timezone, schedule.version) == ("yaml", "Asia/Kolkata", 1)
    scheduler.close()


def test_so_does_a_worker_of_a_program_with_an_event_loop(config: FairQueueConfig) -> None:
    async def serve() -> None:
        async with AsyncWorker(config):
            with TaskQueue(config) as queue:
                await asyncio.to_thread(run_some, queue)

    asyncio.run(serve())


def test_a_worker_carries_none_unless_it_is_told_to(config: FairQueueConfig) -> None:
    alone = changed(config, scheduler=SchedulerSettings())
    with Worker(alone), TaskQueue(alone) as queue, contextlib.closing(TaskScheduler(alone)) as scheduler:
        for _ in range(3):
            assert queue.push(jobs.echo(1), user_id="u").result(timeout=10) == 1
        assert (scheduler.schedulers(), scheduler.list()) == ([], [])


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        (
            r"schedules\[1\]: no task is called tests.contract.jobs:ad: .* did you mean tests.contract.jobs:add",
            {"task": "tests.contract.jobs:ad"},
        ),
        (r"schedules\[1\]: args\[0\]", {"task": "tests.contract.jobs:add", "args": ("one", 2)}),
        (r"schedules\[1\]: .*y", {"task": "tests.contract.jobs:add", "args": (1,)}),
    ],
)
def test_a_schedule_that_cannot_be_is_told_with_its_place_and_nothing_starts(
    config: FairQueueConfig, message: str, entry: dict[str, Any]
) -> None:
    given = {"id": "wrong", "every": 5.0, "task": jobs.echo.name, "user_id": "u", **entry}
    wrong = changed(config, schedules=(POLL, ScheduleSettings(**given)))
    for start in (Worker(wrong).start, TaskScheduler(wrong).start):
        with pytest.raises(ConfigError, match=message):
            start()


def test_a_task_that_is_not_here_is_taken_on_trust(config: FairQueueConfig) -> None:
    there = ScheduleSettings(id="there", every=0.1, task="another.machine:report", user_id="u", kwargs={"pages": 3})
    with TaskScheduler(changed(config, schedules=(there,))) as scheduler, TaskQueue(config) as queue:
        task = queue.pop(5)
        assert task is not None
        assert (task.name, dict(task.kwargs)) == ("another.machine:report", {"pages": 3})
        assert scheduler.list()[0].task_name == "another.machine:report"


def test_what_the_file_changes_is_changed_and_what_it_leaves_out_is_told(
    config: FairQueueConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with TaskScheduler(config) as scheduler:
        scheduler.update("poll", every=3600)
    with TaskScheduler(config) as scheduler:  # the file is as it was: what has been changed since stays
        assert scheduler.list()[0].every == 3600
    other = ScheduleSettings(id="poll", every=7200, task=jobs.echo.name, user_id="v")
    with TaskScheduler(changed(config, schedules=(other,))) as scheduler:
        (found,) = scheduler.list()
        assert (found.every, found.user_id) == (7200, "v")
    with caplog.at_level(logging.WARNING), TaskScheduler(changed(config, schedules=())) as scheduler:
        assert [one.schedule_id for one in scheduler.list()] == ["poll"]
    assert "schedule poll is in the configuration no more; `fairque schedule remove poll` ends it" in caplog.text


def test_what_the_queue_refuses_is_told_and_the_others_fire(
    config: FairQueueConfig, caplog: pytest.LogCaptureFixture
) -> None:
    over = ScheduleSettings(id="over", every=5, task=jobs.echo.name, user_id="u", end="2020-01-01T00:00:00Z")
    taken = ScheduleSettings(id="taken", every=5, task=jobs.echo.name, user_id="u")
    scheduler = TaskScheduler(changed(config, schedules=(over, taken, POLL)))
    scheduler.add_schedule(every=5, task=jobs.echo(1), user_id="another", schedule_id="taken")
    with caplog.at_level(logging.WARNING), scheduler:
        wait_until(lambda: scheduler.get("poll") and scheduler.history("poll"), description="the sound one fires")
        found = scheduler.get("taken")
        assert found is not None
        assert (found.user_id, scheduler.get("over")) == ("another", None)
    assert "schedule over of the configuration is not added: end: has passed" in caplog.text
    assert (
        "schedule taken of the configuration is not added: schedule_id: 'taken' is a schedule of another" in caplog.text
    )
