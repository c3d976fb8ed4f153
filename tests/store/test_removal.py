"""A queue that is taken away leaves nothing, and takes nobody else's keys along."""

from __future__ import annotations

import redis

from fairque import task
from fairque.config import FairQueueConfig
from fairque.queue.queue import TaskQueue
from fairque.store import removal
from fairque.store.driver import Driver
from fairque.store.tasks import root_of


@task
def nothing() -> None: ...


def test_drop_removes_all_keys_of_one_queue_and_no_other(
    redis_url: str, redis_client: redis.Redis, prefix: str
) -> None:
    config = FairQueueConfig.create_default(
        environ={"FAIRQUE_REDIS__URL": redis_url, "FAIRQUE_QUEUE__PREFIX": prefix, "FAIRQUE_QUEUE__NAME": "a"}
    )
    for name in ("a", "a.b", "b"):
        with TaskQueue(config, name=name) as queue:
            queue.push_batch([nothing().with_(user_id=f"user:{n}") for n in range(1_500)])
    driver, cursor, calls = Driver(config.redis), removal.BEGIN, 0
    while calls == 0 or cursor != removal.BEGIN:
        cursor = driver.run(removal.drop(root_of(prefix, "a"), cursor))
        calls += 1
    driver.close()
    assert calls > 1
    assert list(redis_client.scan_iter(match=f"{{{prefix}:a}}*", count=1_000)) == []
    for name in ("a.b", "b"):
        with TaskQueue(config, name=name) as queue:
            assert queue.get_stats()["queued"] == 1_500
