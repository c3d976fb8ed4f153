"""One reply is lost, and the call is sent again: a fire is pushed once, a change is made once (I3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from fairque import FairQueueConfig, TaskQueue, TaskScheduler
from fairque.core.settings import QueueSettings, RedisSettings
from fairque.scheduler.rounds import round_of
from fairque.store import schedules
from fairque.store.driver import Driver
from tests.contract.jobs import echo
from tests.proxy import Proxy, proxied

EVERY = 0.1


@pytest.fixture
def lossy(redis_url: str) -> Iterator[Proxy]:
    """Give a proxy to the server."""
    with proxied(redis_url) as proxy:
        yield proxy


@pytest.fixture
def config(lossy: Proxy, prefix: str) -> FairQueueConfig:
    """Give the configuration of whoever is behind the proxy."""
    return FairQueueConfig(redis=RedisSettings(url=lossy.url), queue=QueueSettings(prefix=prefix))


@pytest.mark.parametrize(("call", "skip"), [("tick", 0), ("fire", 1)])
def test_a_round_one_of_whose_replies_is_lost_fires_once_i3(
    lossy: Proxy, config: FairQueueConfig, call: str, skip: int
) -> None:
    with (
        closing(TaskScheduler(config)) as verbs,
        closing(TaskQueue(config)) as queue,
        closing(Driver(config.redis)) as driver,
    ):
        schedule = verbs.add_schedule(
            task=echo(1), every=EVERY, user_id="u", catchup="all", overlap="allow", schedule_id="s"
        )
        root = f"{{{config.queue.prefix}:default}}"
        driver.run(schedules.read(root, None))  # a connection that was never any good is given up at once
        found = verbs.get(schedule)
        assert found is not None
        assert found.next_fire is not None
        due = int(found.next_fire.timestamp() * 1000)
        lossy.drop(skip)
        made = driver.converse(round_of(root, "token", "s|h|1", str(due + 250)))
        assert lossy.dropped == 1, call
        assert made.leads
        assert [fire.instant - found.next_fire for fire in reversed(verbs.history(schedule))] == [
            timedelta(seconds=EVERY * n) for n in range(3)
        ]
        assert queue.get_stats()["queued"] == 3
        following = verbs.get(schedule)
        assert following is not None
        assert following.next_fire == found.next_fire + timedelta(seconds=3 * EVERY)


CHANGES: dict[str, tuple[int, Callable[[TaskScheduler, str], object], int]] = {
    "add": (1, lambda verbs, _: verbs.add_schedule("@daily", echo(1), user_id="u", schedule_id="s"), 2),
    "update": (1, lambda verbs, schedule: verbs.update(schedule, overlap="skip"), 2),
    "pause": (1, lambda verbs, schedule: verbs.pause(schedule), 2),
    "read": (0, lambda verbs, schedule: verbs.update(schedule, overlap="skip"), 2),
}
"""Replies before the one that is lost, what is done, and which version the schedule has then."""


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_whose_reply_is_lost_is_made_once_i3(lossy: Proxy, config: FairQueueConfig, what: str) -> None:
    skip, change, version = CHANGES[what]
    with closing(TaskScheduler(config)) as verbs:
        verbs.add_schedule("@hourly", echo(1), user_id="u", schedule_id="s")
        lossy.drop(skip)
        change(verbs, "s")
        assert lossy.dropped == 1
        found = verbs.get("s")
        assert found is not None
        assert found.version == version


def test_a_removal_whose_reply_is_lost_says_that_it_was_one_i3(lossy: Proxy, config: FairQueueConfig) -> None:
    with closing(TaskScheduler(config)) as verbs:
        verbs.add_schedule("@hourly", echo(1), user_id="u", schedule_id="s")
        lossy.drop()
        assert verbs.remove("s")
        assert lossy.dropped == 1
        assert not verbs.remove("s")


def test_a_run_by_hand_whose_reply_is_lost_pushes_one_task_i3(lossy: Proxy, config: FairQueueConfig) -> None:
    with closing(TaskScheduler(config)) as verbs, closing(TaskQueue(config)) as queue:
        verbs.add_schedule("@hourly", echo(1), user_id="u", schedule_id="s")
        lossy.drop(1)
        handle = verbs.run_now("s")
        assert (lossy.dropped, handle.created) == (1, True)
        assert [fire.task_id for fire in verbs.history("s")] == [handle.task_id]
        assert queue.get_stats()["queued"] == 1
