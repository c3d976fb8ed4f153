"""A connection that somebody left in the middle never hands its unread replies to the next caller."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
import redis

from fairque import AsyncTaskQueue, FairQueueConfig, TaskQueue
from fairque.core.settings import RedisSettings
from fairque.errors import QueueRefusal
from fairque.store import readings, tasks
from fairque.store.call import Call
from fairque.store.driver import AsyncDriver, Driver
from tests.contract.conftest import Make
from tests.contract.jobs import echo
from tests.proxy import Proxy
from tests.waiting import wait_until


def test_a_cancelled_coroutine_leaves_no_reply_for_the_next(config: FairQueueConfig, proxy: Proxy) -> None:
    far = FairQueueConfig(redis=RedisSettings(url=proxy.url), queue=config.queue)

    async def cross() -> tuple[int, dict[str, int]]:
        async with AsyncTaskQueue(far) as queue:
            await queue.push(echo(1), user_id="u")
            proxy.hold()
            asking = asyncio.create_task(queue.get_stats())
            while not proxy.held:
                await asyncio.sleep(0.005)
            asking.cancel()
            proxy.mend()
            return (await queue.get_stats())["queued"], await queue.get_queue_sizes("u")

    queued, sizes = asyncio.run(cross())
    assert (queued, sizes["queued"]) == (1, 1)


class Interrupted(BaseException):
    """As KeyboardInterrupt, or what a worker raises in a thread whose task ran out of time."""


@pytest.mark.parametrize("act", ["push_batch", "get_stats", "push"])
def test_an_interrupted_thread_leaves_no_reply_for_the_next(config: FairQueueConfig, proxy: Proxy, act: str) -> None:
    far = FairQueueConfig(redis=RedisSettings(url=proxy.url), queue=config.queue)

    def interrupt(_: int, __: FrameType | None) -> None:
        raise Interrupted

    def ring() -> None:
        wait_until(lambda: proxy.held, description="a reply is held back")
        os.kill(os.getpid(), signal.SIGUSR1)

    with TaskQueue(far) as queue:
        acts: dict[str, Callable[[], Any]] = {
            "push_batch": lambda: queue.push_batch([echo("x" * 100) for _ in range(2_500)], user_id="u"),
            "get_stats": queue.get_stats,
            "push": lambda: queue.push(echo(2), user_id="u"),
        }
        queue.push(echo(1), user_id="u")
        queue.get_queue_sizes("u")
        proxy.hold()
        before = signal.signal(signal.SIGUSR1, interrupt)
        ringer = threading.Thread(target=ring)
        ringer.start()
        try:
            with pytest.raises(Interrupted):
                acts[act]()
        finally:
            ringer.join(5)
            signal.signal(signal.SIGUSR1, before)
            proxy.mend()
        for number in range(3):
            assert queue.push(echo(number).with_(task_id=f"x{number}"), user_id="v").created
            assert queue.get_queue_sizes("v")["queued"] == number + 1
            assert set(queue.users()) == {"u", "v"}


def test_a_script_that_may_not_be_sent_does_not_cross_replies(
    config: FairQueueConfig, make: Make, redis_client: redis.Redis, prefix: str, redis_url: str
) -> None:
    first = make()
    first.push(echo(1), user_id="u")
    right = [first.get_stats(), first.users(), first.get_queue_sizes("u")]
    redis_client.acl_setuser(prefix, enabled=True, passwords=f"+{prefix}", keys=["*"], commands=["+@all", "-eval"])
    refused = 0
    try:
        queue = make(config=FairQueueConfig(redis=redis_for(redis_url, prefix), queue=config.queue))
        asks: list[Callable[[], Any]] = [queue.get_stats, queue.users, lambda: queue.get_queue_sizes("u")]
        for ask, answer in zip(asks * 3, right * 3, strict=True):
            try:
                assert ask() == answer
            except QueueRefusal:
                refused += 1
    finally:
        redis_client.acl_deluser(prefix)
    assert refused


def redis_for(url: str, user: str) -> RedisSettings:
    """Return the settings of another user of that server."""
    scheme, _, rest = url.partition("://")
    return RedisSettings(url=f"{scheme}://{user}:{user}@{rest.rpartition('@')[2]}")


def interrupted_calls(root: str) -> Iterator[Call[Any]]:
    """Yield some calls, and be interrupted while the next one is made."""
    for _ in range(3):
        yield readings.stats(root, "default")
    raise Interrupted


def test_a_batch_that_is_interrupted_while_it_is_made_leaves_no_reply_for_the_next(
    config: FairQueueConfig, prefix: str
) -> None:
    root = tasks.root_of(prefix, "default")
    driver = Driver(config.redis)
    with pytest.raises(Interrupted):
        driver.run_all(interrupted_calls(root), [])
    assert driver.run(readings.sizes(root, "u")) == readings.Sizes()
    driver.close()


def test_an_async_batch_that_is_interrupted_while_it_is_made_leaves_no_reply_for_the_next(
    config: FairQueueConfig, prefix: str
) -> None:
    root = tasks.root_of(prefix, "default")

    async def cross() -> readings.Sizes:
        driver = AsyncDriver(config.redis)
        try:
            with pytest.raises(Interrupted):
                await driver.run_all(interrupted_calls(root), [])
            return await driver.run(readings.sizes(root, "u"))
        finally:
            await driver.close()

    assert asyncio.run(cross()) == readings.Sizes()
