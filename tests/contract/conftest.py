"""The queue of the contract, in both colours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
import redis

from fairque import AsyncTaskQueue, AsyncTaskScheduler, FairQueueConfig, TaskQueue, TaskScheduler
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from tests.contract.facade import Blocking, Loop
from tests.proxy import Proxy, proxied

Make = Callable[..., TaskQueue]
Lossy = Callable[..., Any]


@pytest.fixture
def config(redis_url: str, prefix: str) -> FairQueueConfig:
    """Give the configuration of this test's keys; leases of one second."""
    return FairQueueConfig(
        redis=RedisSettings(url=redis_url),
        queue=QueueSettings(prefix=prefix),
        workers=(WorkerSettings(id="popper", assigned_users=("*",), lease_seconds=1),),
    )


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, config: FairQueueConfig) -> Iterator[Make]:
    """Give a maker of queues: `make(name=None, config=None)`; they are closed after the test."""
    with ExitStack() as stack:
        loop = None
        if request.param == "async":
            loop = Loop()
            stack.callback(loop.close)

        def one(name: str | None = None, config: FairQueueConfig = config) -> TaskQueue:
            if loop is None:
                return stack.enter_context(TaskQueue(config, name=name))
            made: Any = stack.enter_context(Blocking(AsyncTaskQueue(config, name=name), loop))
            return cast("TaskQueue", made)

        yield one


@pytest.fixture
def scheduler(make: Make, config: FairQueueConfig) -> Iterator[TaskScheduler]:
    """Give the schedules of the queue, in the colour of the test."""
    queue: Any = make()
    if not isinstance(queue, Blocking):
        with contextlib.closing(TaskScheduler(config)) as scheduler:
            yield scheduler
        return
    with Blocking(AsyncTaskScheduler(config), queue.loop) as made:
        yield cast("TaskScheduler", made)


@pytest.fixture
def queue(make: Make) -> TaskQueue:
    """Give a queue."""
    return make()


@pytest.fixture
def calm(make: Make, config: FairQueueConfig) -> TaskQueue:
    """Give a queue whose leases last 15 seconds."""
    return make(config=FairQueueConfig(redis=config.redis, queue=config.queue))


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    """Give a proxy to the server."""
    with proxied(redis_url) as proxy:
        yield proxy


@pytest.fixture
def far(make: Make, config: FairQueueConfig, proxy: Proxy) -> TaskQueue:
    """Give a queue that speaks to Redis through the proxy; it has met the queue already."""
    redis_ = RedisSettings(url=proxy.url, socket_timeout=2)
    queue = make(config=FairQueueConfig(redis=redis_, queue=config.queue, workers=config.workers))
    queue.get_stats()
    return queue


@pytest.fixture
def lossy(far: TaskQueue, proxy: Proxy) -> Lossy:
    """Give a function that runs something on `far` whose reply is lost once, and proves that it was; `skip` lets so
    many replies pass before.
    """

    def run(act: Callable[[], Any], skip: int = 0) -> Any:
        far.get_stats()
        proxy.drop(skip)
        before = proxy.dropped
        answer = act()
        assert proxy.dropped == before + 1
        return answer

    return run


@pytest.fixture
def dump(redis_client: redis.Redis, prefix: str) -> Callable[[], dict[bytes, bytes]]:
    """Give a function that returns all keys of this test with their bytes."""

    def read() -> dict[bytes, bytes]:
        keys = sorted(redis_client.scan_iter(match=f"*{prefix}*", count=1000))
        return {key: bytes(redis_client.dump(key) or b"") for key in keys}

    return read
