"""taskiq with its Redis stream broker and results: coroutines, 100 at once (its default) in one process."""

import asyncio

from peer import QUEUES, URL, queue_of, record_start_async
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

first, *others = QUEUES
broker = RedisStreamBroker(
    url=URL,
    queue_name=first,
    additional_streams=dict.fromkeys(others, ">"),
).with_result_backend(RedisAsyncResultBackend(redis_url=URL))


@broker.task(task_name="run")
async def run(user: str) -> None:
    await record_start_async(user)


def push(user: str, count: int) -> None:
    asyncio.run(_push(user, count))


async def _push(user: str, count: int) -> None:
    await broker.startup()
    task = run.kicker().with_labels(queue_name=queue_of(user))
    for _ in range(count):
        await task.kiq(user)
    await broker.shutdown()


def worker() -> list[str]:
    return ["taskiq", "worker", "taskiq_:broker", "--workers", "1"]
