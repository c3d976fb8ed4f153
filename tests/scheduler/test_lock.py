"""The lock: who holds it may be killed or stopped, a due fire is late by two seconds at most, and none is doubled."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from fairque import FairQueueConfig, Task, TaskScheduler
from fairque.core.settings import QueueSettings, RedisSettings
from tests.ticks.lock import EVERY, LATEST, Troupe, troupe
from tests.waiting import wait_until


@pytest.fixture
def three(redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Troupe]:
    """Give three scheduler processes."""
    with troupe(redis_url, prefix, tmp_path) as made:
        yield made


@pytest.fixture
def config(redis_url: str, prefix: str) -> FairQueueConfig:
    """Give the configuration of this test's keys."""
    return FairQueueConfig(redis=RedisSettings(url=redis_url), queue=QueueSettings(prefix=prefix))


def leads(scheduler: TaskScheduler) -> bool:
    """Whether anybody has the lock."""
    return any(one["leads"] for one in scheduler.schedulers())


def test_killing_or_stopping_who_has_the_lock_delays_a_fire_by_two_seconds_at_most_i18(three: Troupe) -> None:
    blows = [three.kill(), three.stop()]
    assert max(blow.lag for blow in blows) <= LATEST, blows
    three.check()


def test_a_scheduler_that_ends_leaves_the_lock(three: Troupe, redis_client: redis.Redis, prefix: str) -> None:
    ended = []
    for left in (2, 1, 0):
        process = three.leader()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert "ended in order" in process.output
        ended.append(process.pid)
        assert len(three.verbs.schedulers()) == left, "it is listed no more"
    assert len(set(ended)) == 3
    assert not redis_client.exists(f"{{{prefix}:default}}:queue:scheduler-lock")
    three.check()


def test_who_comes_after_a_clean_stop_need_not_wait(config: FairQueueConfig) -> None:
    with closing(TaskScheduler(config, id="first")) as first, closing(TaskScheduler(config, id="next")) as after:
        first.start()
        wait_until(lambda: leads(first), description="the first has the lock")
        first.stop()
        assert not first.schedulers()
        after.start()
        wait_until(lambda: leads(after), description="the next has it", timeout=1)


def test_two_processes_of_one_id_fire_once_i18(redis_url: str, prefix: str, tmp_path: Path) -> None:
    with troupe(redis_url, prefix, tmp_path, count=0) as pair:
        pair.start("same")
        pair.start("same")
        wait_until(lambda: pair.listed() == 2, description="both are there", timeout=30)
        assert {one["id"] for one in pair.verbs.schedulers()} == {"same"}
        assert pair.kill().lag <= LATEST
        pair.check()


def test_two_schedulers_of_one_id_in_one_process_fire_once_i18(config: FairQueueConfig) -> None:
    with closing(TaskScheduler(config, id="same")) as one, closing(TaskScheduler(config, id="same")) as other:
        schedule = one.add_schedule(task=Task.create(user_id="u"), every=EVERY, catchup="all", overlap="allow")
        one.start()
        other.start()
        wait_until(lambda: len(one.history(schedule)) >= 5, description="it fires")
        assert len(one.schedulers()) == 1, "they cannot be told apart"
        one.stop()
        since = datetime.now(UTC)
        wait_until(lambda: other.history(schedule)[0].instant > since, description="the other one goes on")
        other.stop()
        instants = [fire.instant for fire in other.history(schedule)]
        assert len(set(instants)) == len(instants)
        assert {fire.outcome for fire in other.history(schedule)} == {"fired"}
