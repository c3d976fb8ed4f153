"""A full Redis refuses pushes, whole, and drains; it is a server of the test's own, so that nobody else is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from msgspec.structs import replace

from fairque import FairQueueConfig, TaskQueue, Worker
from fairque.core.settings import QueueSettings, RedisSettings
from fairque.errors import EvictingServer, QueueFull, QueueRefusal
from fairque.store.embedded import attach
from tests.contract.conftest import Make
from tests.contract.hands import bury
from tests.contract.jobs import echo


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Redis]:
    """Give a server that may be filled."""
    with redis.Redis.from_url(attach(str(tmp_path))) as client:
        yield client
        client.config_set("maxmemory", 0)


@pytest.fixture
def small(make: Make, server: redis.Redis, tmp_path: Path) -> TaskQueue:
    """Give a queue on that server."""
    assert server.ping()
    return make(config=FairQueueConfig(redis=RedisSettings(url=attach(str(tmp_path))), queue=QueueSettings()))


def fill(queue: TaskQueue, server: redis.Redis) -> int:
    """Push until the server is full; return how many tasks it took."""
    used: Any = server.info("memory")
    server.config_set("maxmemory", used["used_memory"] + 4_000_000)
    accepted = 0
    for size in (100, 1):  # what a large request occupies while it is read counts too
        for _ in range(2_000):
            try:
                queue.push_batch([echo("x" * 5_000).with_(user_id=f"user:{n % 5}") for n in range(size)])
            except QueueFull as full:
                assert "Redis is at maxmemory" in str(full)  # noqa: PT017
                break
            accepted += size
        else:
            pytest.fail("the server was never full")
    return accepted


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_throws_keys_away_is_refused_with_the_remedy_unless_it_is_allowed(
    make: Make, server: redis.Redis, tmp_path: Path, policy: str
) -> None:
    server.config_set("maxmemory-policy", policy)
    try:
        config = FairQueueConfig.create_default("w", overrides={"redis.url": attach(str(tmp_path))})
        with pytest.raises(
            EvictingServer, match=f"maxmemory-policy is {policy}.*CONFIG SET maxmemory-policy noeviction"
        ):
            make(config=config).push(echo(1), user_id="u")
        with pytest.raises(EvictingServer):
            Worker(config).start()
        assert server.dbsize() == 0
        allowed = replace(config, redis=replace(config.redis, allow_eviction=True))
        assert make(config=allowed).push(echo(1), user_id="u").created
    finally:
        server.config_set("maxmemory-policy", "noeviction")


def test_a_full_redis_refuses_pushes_and_drains(small: TaskQueue, server: redis.Redis) -> None:
    small.push(echo(0), user_id="u")
    accepted = fill(small, server) + 1
    assert accepted > 200
    assert small.get_stats()["queued"] == accepted
    before = {key: server.dump(key) for key in server.scan_iter(count=1000)}
    for _ in range(3):
        with pytest.raises(QueueFull):
            small.push(echo("y" * 5_000), user_id="new")
    assert issubclass(QueueFull, QueueRefusal)
    assert {key: server.dump(key) for key in server.scan_iter(count=1000)} == before
    popped = small.pop_many(200)
    assert len(popped) == 200
    small.heartbeat(popped[0])
    small.release(popped[0])
    small.fail(popped[1], "no")
    assert small.delete_task(popped[0].task_id or "")
    for task in popped[2:]:
        small.finish(task, "short")
    small.push(echo("z"), user_id="new")  # what was drained makes room
    assert small.get_stats()["finished_total"] == 198


def test_what_is_not_wanted_goes_and_what_failed_comes_back_while_redis_is_full(
    small: TaskQueue, server: redis.Redis
) -> None:
    bury(small, [echo(n) for n in range(20)], user_id="a")
    doomed = small.push_batch([echo(n).with_(unique_key=str(n), max_retries=0) for n in range(20)], user_id="b")
    fill(small, server)
    with pytest.raises(QueueFull):
        small.push(echo("y" * 5_000), user_id="a")
    assert all(handle.cancel() for handle in doomed[:10])
    assert all(handle.retry() for handle in doomed[:5])
    assert len(small.failed().tasks) == 20
    assert small.retry(small.failed(limit=1).tasks[0].task_id or "")
    assert (small.requeue_failed(older_than=0), small.get_queue_sizes("a")["queued"]) == (19, 20)
    while popped := small.pop_many(200):
        for task in popped:
            if task.user_id in {"a", "b"}:
                small.fail(task, "no")
            else:
                small.finish(task, "short")
    assert small.get_stats()["failed"] == 35
    assert small.purge_failed("a") == 20
    assert small.erase_user("b") == 20
    small.push(echo("z"), user_id="new")


def test_a_waiter_is_listed_and_woken_while_redis_is_full(small: TaskQueue, server: redis.Redis) -> None:
    handle = small.push(echo(0), user_id="u")
    fill(small, server)
    with pytest.raises(TimeoutError):
        handle.result(timeout=0.1)
    task = small.pop()
    assert task is not None
    small.finish(task, "done")
    if task.task_id == handle.task_id:
        assert handle.result(timeout=1) == "done"
