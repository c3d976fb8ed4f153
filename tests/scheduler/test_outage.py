"""Redis goes away, falls silent, comes back empty or is full, and clocks are wrong: fires are late, not lost (I18)."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fairque import FairQueueConfig, TaskScheduler
from fairque.core.schedule import Fire
from fairque.core.schedule_settings import ScheduleSettings
from fairque.core.settings import QueueSettings, RedisSettings
from tests.contract.jobs import echo
from tests.proxy import proxied
from tests.waiting import wait_until
from tests.worker.own_server import OwnServer, own_server

EVERY = 0.1
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory in which the module's own server keeps its data."""
    return tmp_path_factory.mktemp("outage")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[OwnServer]:
    """Give a server that may be killed."""
    with own_server(place) as started:
        yield started


def config_of(url: str, *schedules: ScheduleSettings) -> FairQueueConfig:
    """Return the configuration of a queue of one test."""
    settings = RedisSettings(url=url, socket_timeout=0.5)
    return FairQueueConfig(redis=settings, queue=QueueSettings(prefix=f"out{next(_numbers)}"), schedules=schedules)


@pytest.fixture
def config(server: OwnServer) -> FairQueueConfig:
    """Give the configuration of a queue on the module's own server."""
    return config_of(server.url)


@pytest.fixture
def scheduler(config: FairQueueConfig) -> Iterator[TaskScheduler]:
    """Give a scheduler that runs."""
    with TaskScheduler(config) as made:
        yield made


@pytest.fixture
def schedule(scheduler: TaskScheduler) -> str:
    """Give a schedule that fires ten times a second."""
    return add(scheduler)


def add(scheduler: TaskScheduler) -> str:
    return scheduler.add_schedule(task=echo(1), every=EVERY, user_id="u", catchup="all(1000)", overlap="allow")


def fires(scheduler: TaskScheduler, schedule: str) -> list[Fire]:
    """Return what came of its fires, the oldest first."""
    return list(reversed(scheduler.history(schedule)))


def goes_on(scheduler: TaskScheduler, schedule: str) -> None:
    """Wait until it fires what is due now."""
    now = datetime.now(UTC)
    wait_until(
        lambda: any(fire.instant > now for fire in scheduler.history(schedule, 1)), description="it is up to date"
    )


def each_once(scheduler: TaskScheduler, schedule: str) -> None:
    """See that it has fired at each instant, once."""
    found = fires(scheduler, schedule)
    assert {fire.outcome for fire in found} == {"fired"}
    steps = {after.instant - before.instant for before, after in itertools.pairwise(found)}
    assert steps == {timedelta(seconds=EVERY)}


# --- Redis is away --------------------------------------------------------------------------------------------------


def test_what_is_due_while_redis_is_away_fires_when_it_is_back(
    scheduler: TaskScheduler, schedule: str, server: OwnServer
) -> None:
    goes_on(scheduler, schedule)
    with server.away():
        time.sleep(2)
    back = datetime.now(UTC)
    goes_on(scheduler, schedule)
    assert min(fire.at for fire in fires(scheduler, schedule) if fire.at >= back) - back < timedelta(seconds=2)
    each_once(scheduler, schedule)
    assert max(fire.lag for fire in fires(scheduler, schedule)) > 1, "it was not away"


@pytest.mark.parametrize("seconds", [0.0, 1.5])
def test_a_redis_that_comes_back_empty_is_given_the_configurations_schedules_again(
    server: OwnServer, place: Path, seconds: float
) -> None:
    entry = ScheduleSettings(id="from the file", task=echo.name, args=(1,), every=EVERY, user_id="u")
    with TaskScheduler(config_of(server.url, entry)) as scheduler:
        wait_until(lambda: scheduler.history("from the file"), description="it fires")
        began = datetime.now(UTC)
        with server.away():
            shutil.rmtree(place / "appendonlydir")
            time.sleep(seconds)
        wait_until(lambda: scheduler.get("from the file") is not None, description="it is there again")
        wait_until(lambda: scheduler.history("from the file"), description="it fires again")
        again = scheduler.get("from the file")
        assert again is not None
        assert (again.version, again.changed > began) == (1, True)


def test_a_scheduler_that_hears_nothing_is_replaced_and_goes_on_later(server: OwnServer) -> None:
    near = config_of(server.url)
    with proxied(server.url) as proxy, TaskScheduler(near) as standby:
        far = FairQueueConfig(redis=RedisSettings(url=proxy.url, socket_timeout=0.5), queue=near.queue)
        schedule = add(standby)
        with TaskScheduler(far, id="far"):
            standby.stop()
            wait_until(lambda: leader(standby) == "far", description="the far one has the lock")
            goes_on(standby, schedule)
            standby.start()
            proxy.hold()
            wait_until(lambda: leader(standby) not in {"far", None}, description="the near one has the lock")
            goes_on(standby, schedule)
            assert max(fire.lag for fire in fires(standby, schedule)) < 3, "the lock lasts 1.5 s from the last request"
            assert proxy.held > 0, "no reply was held back"
            proxy.mend()
            standby.stop()
            wait_until(lambda: leader(standby) == "far", description="the far one has it again")
            goes_on(standby, schedule)
        each_once(standby, schedule)


def leader(scheduler: TaskScheduler) -> str | None:
    """Return who has the lock."""
    return next((one["id"] for one in scheduler.schedulers() if one["leads"]), None)


# --- Redis is full, clocks are wrong --------------------------------------------------------------------------------


def test_what_is_due_while_redis_is_full_fires_later(
    scheduler: TaskScheduler, schedule: str, server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on(scheduler, schedule)
    server.command("CONFIG", "SET", "maxmemory", "1")
    try:
        full = datetime.now(UTC)
        wait_until(lambda: "takes no tasks" in caplog.text, description="the scheduler has noticed")
        time.sleep(1)
        assert leader(scheduler) is not None, "it keeps the lock"
        assert fires(scheduler, schedule)[-1].at < full + timedelta(seconds=EVERY)
    finally:
        server.command("CONFIG", "SET", "maxmemory", "0")
    goes_on(scheduler, schedule)
    each_once(scheduler, schedule)
    assert max(fire.lag for fire in fires(scheduler, schedule)) > 0.5, "it was not full for long"


@pytest.mark.parametrize("days", [-3, 3])
def test_a_schedulers_own_clock_is_of_no_account(
    config: FairQueueConfig, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    right, right_ns = time.time, time.time_ns
    now = datetime.now(UTC)
    monkeypatch.setattr(time, "time", lambda: right() + days * 86_400)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + days * 86_400 * 10**9)
    with TaskScheduler(config) as scheduler:
        schedule = add(scheduler)
        wait_until(lambda: len(scheduler.history(schedule)) >= 5, description="it fires")
        assert abs(time.time() - now.timestamp()) > 86_400, "the clock was right"
        for fire in fires(scheduler, schedule):
            assert abs(fire.instant - now) < timedelta(seconds=20)
            assert fire.lag < 2
        each_once(scheduler, schedule)
