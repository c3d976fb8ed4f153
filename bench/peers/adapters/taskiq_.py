"""taskiq with its Redis stream broker and results: coroutines, 100 at once (its default) in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from peer import QUEUES, URL, Pushes, gathered, queue_of, stamp
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

first, *others = QUEUES
broker = RedisStreamBroker(
    url=URL,
    queue_name=first,
    additional_streams=dict.fromkeys(others, ">"),
).with_result_backend(RedisAsyncResultBackend(redis_url=URL))


@broker.task(task_name="run")
async def run(place: int) -> int:
    return stamp(place)


@asynccontextmanager
async def pushes() -> AsyncIterator[Pushes]:
    await broker.startup()
    tasks = {queue: run.kicker().with_labels(queue_name=queue) for queue in QUEUES}
    yield Pushes(
        one=lambda user, place: tasks[queue_of(user)].kiq(place),
        many=lambda calls: gathered([tasks[queue_of(user)].kiq(place) for user, place in calls]),
    )
    await broker.shutdown()


def worker() -> list[str]:
    return ["taskiq", "worker", "taskiq_:broker", "--workers", "1", "--log-level", "WARNING"]
