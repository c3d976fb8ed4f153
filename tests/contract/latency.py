"""How much later than its task's end a result is there for who waits: `python -m tests.contract.latency`."""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

import redis

from fairque import FairQueueConfig, TaskHandle, TaskQueue
from fairque.core.settings import QueueSettings, RedisSettings
from tests.contract.hands import pop
from tests.contract.jobs import echo
from tests.server import delete_keys, server_url
from tests.waiting import wait_until


def late(queue: TaskQueue, other: TaskQueue, waiters: redis.Redis, key: str, rounds: int) -> list[float]:
    """Return, of so many tasks, after how many seconds a thread that waits for the result by `queue` has it, from when
    `other` knows that the end is accepted. `key` is where `waiters` can see that it waits.
    """
    found: list[float] = []
    for n in range(rounds):
        handle = queue.push(echo(n), user_id="u")
        task = pop(other)
        at: list[float] = []
        thread = threading.Thread(target=_wait, args=(handle, at))
        thread.start()
        wait_until(lambda: waiters.hlen(key), description="the waiter is listed")
        other.finish(task, n)
        accepted = time.perf_counter()
        thread.join(20)
        found.append(at[0] - accepted)
    return found


def _wait(handle: TaskHandle[Any], at: list[float]) -> None:
    handle.result(timeout=20)
    at.append(time.perf_counter())


def main() -> None:
    with server_url() as url, redis.Redis.from_url(url) as client:
        config = FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix="latency"))
        with TaskQueue(config) as queue, TaskQueue(config) as other:
            found = sorted(late(queue, other, client, "{latency:default}:queue:waiters", 500))
        delete_keys(client, "latency")
    p50, p99 = statistics.median(found), found[int(0.99 * len(found))]
    print(f"a result is there {1000 * p50:.2f} ms (p50), {1000 * p99:.2f} ms (p99) after its end was accepted")


if __name__ == "__main__":
    main()
