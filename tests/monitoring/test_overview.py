"""One look at a queue, joined from what users have and what they got."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from fairque import TaskScheduler, task
from fairque.config import FairQueueConfig
from fairque.core.limits import Caps, UserSettings
from fairque.core.service import Tally
from fairque.monitoring.overview import Standing, UserLine, look, standing_of, standings, user_lines
from fairque.queue.queue import TaskQueue
from fairque.queue.shares import AllLimits
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.readings import Sizes
from fairque.store.tasks import root_of


@task
def nothing() -> None: ...


NOTHING_SET = AllLimits({}, {}, Caps(), {})


def sizes(**counts: int) -> dict[str, int]:
    return Sizes(**counts)._asdict()


def test_whoever_has_something_or_got_something_has_a_line() -> None:
    lines = user_lines(
        {"waiting": sizes(queued=3, critical=1), "failed": sizes(failed=2)},
        {"waiting": {"n": 1, "ms": 5, "w0": 1}, "gone": {"n": 3, "w8": 2, "w40": 1}},
        NOTHING_SET,
    )
    assert lines == (
        UserLine(user_id="waiting", queued=3, critical=1, served=1, share=0.25, wait_p50_ms=1.0, wait_p95_ms=1.0),
        UserLine(user_id="failed", failed=2),
        UserLine(user_id="gone", served=3, share=0.75, wait_p50_ms=4.0, wait_p95_ms=1024.0),
    )


def test_the_longest_backlog_comes_first_and_equals_by_name() -> None:
    lines = user_lines({name: sizes(queued=3 if name == "c" else 1) for name in "bca"}, {}, NOTHING_SET)
    assert [line.user_id for line in lines] == ["c", "a", "b"]


def test_a_line_has_the_settings_in_force_and_whose_they_are() -> None:
    own, others = UserSettings(weight=2, rate="1/s"), UserSettings(max_concurrency=3)
    limits = AllLimits({"a": own, "*": others}, {}, Caps(), {})
    line = standing_of("a", {}, limits)
    assert (line.weight, line.rate, line.max_concurrency, line.source) == (2, "1/s", None, "own")
    line = standing_of("b", {}, limits)
    assert (line.weight, line.rate, line.max_concurrency, line.source) == (1, None, 3, "others")
    assert standing_of("b", {}, NOTHING_SET) == Standing(user_id="b", source="default")


@pytest.mark.parametrize(
    ("settings", "has", "bars"),
    [
        (UserSettings(), sizes(queued=10**6, started=99), ()),
        (UserSettings(paused=True), {}, ("paused",)),
        (UserSettings(max_concurrency=2), sizes(started=1), ()),
        (UserSettings(max_concurrency=2), sizes(started=2), ("max_concurrency",)),
        (UserSettings(max_concurrency=2), sizes(started=3), ("max_concurrency",)),
        (UserSettings(max_concurrency=0), {}, ("max_concurrency",)),
        (UserSettings(max_backlog=3), sizes(queued=1, deferred=1, started=9), ()),
        (UserSettings(max_backlog=3), sizes(queued=1, scheduled=1, deferred=1), ("max_backlog",)),
        (UserSettings(paused=True, max_concurrency=0, max_backlog=0), {}, ("paused", "max_concurrency", "max_backlog")),
    ],
)
def test_what_bars_a_user_is_told(settings: UserSettings, has: dict[str, int], bars: tuple[str, ...]) -> None:
    assert standing_of("u", has, AllLimits({"u": settings}, {}, Caps(), {})).bars == bars


def test_a_rate_bars_whom_the_last_claim_found_without_a_token() -> None:
    limits = AllLimits({"u": UserSettings(rate="1/s"), "v": UserSettings(rate="1/s")}, {}, Caps(), {"u": "rate"})
    assert [standing_of(user, {}, limits).bars for user in "uv"] == [("rate",), ()]


@pytest.fixture
def config(redis_url: str, prefix: str) -> FairQueueConfig:
    return FairQueueConfig.create_default(
        environ={"FAIRQUE_REDIS__URL": redis_url, "FAIRQUE_QUEUE__PREFIX": prefix, "FAIRQUE_QUEUE__NAME": "emails"}
    )


@pytest.fixture
def scheduler(config: FairQueueConfig) -> Iterator[TaskScheduler]:
    with closing(TaskScheduler(config)) as scheduler:
        yield scheduler


def test_a_look_reads_totals_users_and_workers(config: FairQueueConfig, scheduler: TaskScheduler) -> None:
    root, tally = root_of(config.queue.prefix, "emails"), Tally()
    for wait in (1, 40, 2000):
        tally.count("user:1", wait, 10, 1)
    with TaskQueue(config) as queue:
        queue.push_batch([nothing()] * 3, user_id="user:1")
        queue.push(nothing(), user_id="user:2")
        driver = Driver(config.redis)
        driver.run(claims.beat(root, "w-1", "b1", b'{"slots": 4}', lists=claims.SERVES_ALL, served=tally.take()))
        driver.close()
        seen, only = look(queue, scheduler), look(queue, scheduler, "user:2")
    assert (seen.queue, seen.stats["queued"], seen.stats["workers"]) == ("emails", 4, 1)
    first, second = seen.users
    assert (first.user_id, first.queued, first.served, first.share) == ("user:1", 3, 3, 1.0)
    assert first.wait_p95_ms is not None
    assert 2000 <= first.wait_p95_ms <= 2000 * 1.19
    assert (second.user_id, second.queued, second.served) == ("user:2", 1, 0)
    assert [worker["id"] for worker in seen.workers] == ["w-1"]
    assert only.users == (second,)
    assert seen.to_json()["users"][0]["weight"] == 1


def test_children_of_a_supervisor_stand_in_the_order_of_their_numbers(
    config: FairQueueConfig, scheduler: TaskScheduler
) -> None:
    ids = ["v", "w-1", "w-1.1", "w-1.2", "w-1.10", "w-2.1", "w-10.1", "10", "²"]
    driver = Driver(config.redis)
    with TaskQueue(config) as queue:
        for worker in reversed(ids):
            root = root_of(config.queue.prefix, "emails")
            driver.run(claims.beat(root, worker, "b1", b"{}", lists=claims.SERVES_ALL, served={}))
        seen = look(queue, scheduler)
    driver.close()
    assert [worker["id"] for worker in seen.workers] == ["10", *ids[:-2], "²"]


def test_a_look_has_weights_bars_and_what_is_paused(config: FairQueueConfig, scheduler: TaskScheduler) -> None:
    with TaskQueue(config) as queue:
        queue.push(nothing(), user_id="user:1")
        queue.set_user("user:1", weight=2.5, max_concurrency=0)
        queue.pause("user:2")
        queue.pause()
        queue.pause(task="m:f")
        queue.set_limits(task="m:g", rate="1/s")
        seen = look(queue, scheduler)
        both = standings(queue)
    assert [(user.user_id, user.weight, user.bars) for user in seen.users] == [("user:1", 2.5, ("max_concurrency",))]
    assert seen.paused == ("the queue", "task m:f")
    assert set(seen.to_json()) == {"queue", "stats", "users", "workers", "schedulers", "schedules"}
    assert [(user.user_id, user.source) for user in both] == [("*", "default"), ("user:1", "own"), ("user:2", "own")]


def test_a_look_has_the_schedules_of_whom_it_is_about_and_how_many_there_are_beside(
    config: FairQueueConfig, scheduler: TaskScheduler
) -> None:
    for place, user in enumerate(["user:1", "user:2", "user:1"]):
        scheduler.add_schedule(every=60 + place, task=nothing(), schedule_id=f"s{place}", user_id=user)
    with TaskQueue(config) as queue, scheduler:
        whole, one = look(queue, scheduler), look(queue, scheduler, "user:1", schedules=1)
    assert [line.schedule.schedule_id for line in whole.schedules] == ["s0", "s1", "s2"]
    assert [line.schedule.schedule_id for line in one.schedules] == ["s0"]
    assert (whole.more_schedules, one.more_schedules) == (0, 1)
    assert [(seen["id"], seen["pid"]) for seen in whole.schedulers] == [("scheduler-001", os.getpid())]
    plain = whole.to_json()
    assert [line["schedule_id"] for line in plain["schedules"]] == ["s0", "s1", "s2"]
    assert plain["schedulers"][0]["host"]


def test_service_of_all_kept_windows_is_summed(config: FairQueueConfig) -> None:
    with TaskQueue(config) as queue:
        assert queue.served() == queue.served(1) == {}
