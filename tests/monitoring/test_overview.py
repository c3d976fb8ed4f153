"""One look at a queue, joined from what users have and what they got."""

from __future__ import annotations

import pytest

from fairque import task
from fairque.config import FairQueueConfig
from fairque.core.service import Tally
from fairque.monitoring.overview import UserLine, look, user_lines
from fairque.queue.queue import TaskQueue
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.readings import Sizes
from fairque.store.tasks import root_of


@task
def nothing() -> None: ...


def sizes(**counts: int) -> dict[str, int]:
    return Sizes(**counts)._asdict()


def test_whoever_has_something_or_got_something_has_a_line() -> None:
    lines = user_lines(
        {"waiting": sizes(queued=3, critical=1), "failed": sizes(failed=2)},
        {"waiting": {"n": 1, "ms": 5, "w0": 1}, "gone": {"n": 3, "w8": 2, "w40": 1}},
    )
    assert lines == (
        UserLine(user_id="waiting", queued=3, critical=1, served=1, share=0.25, wait_p50_ms=1.0, wait_p95_ms=1.0),
        UserLine(user_id="failed", failed=2),
        UserLine(user_id="gone", served=3, share=0.75, wait_p50_ms=4.0, wait_p95_ms=1024.0),
    )


def test_the_longest_backlog_comes_first_and_equals_by_name() -> None:
    lines = user_lines({name: sizes(queued=3 if name == "c" else 1) for name in "bca"}, {})
    assert [line.user_id for line in lines] == ["c", "a", "b"]


@pytest.fixture
def config(redis_url: str, prefix: str) -> FairQueueConfig:
    return FairQueueConfig.create_default(
        environ={"FAIRQUE_REDIS__URL": redis_url, "FAIRQUE_QUEUE__PREFIX": prefix, "FAIRQUE_QUEUE__NAME": "emails"}
    )


def test_a_look_reads_totals_users_and_workers(config: FairQueueConfig) -> None:
    root, tally = root_of(config.queue.prefix, "emails"), Tally()
    for wait in (1, 40, 2000):
        tally.count("user:1", wait, 10)
    with TaskQueue(config) as queue:
        queue.push_batch([nothing()] * 3, user_id="user:1")
        queue.push(nothing(), user_id="user:2")
        driver = Driver(config.redis)
        driver.run(claims.beat(root, "w-1", "b1", b'{"slots": 4}', lists=claims.SERVES_ALL, served=tally.take()))
        driver.close()
        seen, only = look(queue), look(queue, "user:2")
    assert (seen.queue, seen.stats["queued"], seen.stats["workers"]) == ("emails", 4, 1)
    first, second = seen.users
    assert (first.user_id, first.queued, first.served, first.share) == ("user:1", 3, 3, 1.0)
    assert first.wait_p95_ms is not None
    assert 2000 <= first.wait_p95_ms <= 2000 * 1.19
    assert (second.user_id, second.queued, second.served) == ("user:2", 1, 0)
    assert [worker["id"] for worker in seen.workers] == ["w-1"]
    assert only.users == (second,)
    assert seen.to_json()["users"][0]["weight"] == 1


def test_service_of_all_kept_windows_is_summed(config: FairQueueConfig) -> None:
    with TaskQueue(config) as queue:
        assert queue.served() == queue.served(1) == {}
