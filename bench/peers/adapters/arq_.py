"""arq: coroutines, 100 at once, the queue polled each 10 ms (by default 10, each 500 ms). A worker serves one queue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from peer import URL, Pushes, gathered, stamp


async def run(ctx: dict[str, Any], place: int) -> int:  # noqa: ARG001 - the shape arq asks for
    return stamp(place)


class WorkerSettings:
    functions = (run,)
    redis_settings = RedisSettings.from_dsn(URL)
    max_jobs = 100
    poll_delay = 0.01


@asynccontextmanager
async def pushes() -> AsyncIterator[Pushes]:
    pool = await create_pool(WorkerSettings.redis_settings)
    yield Pushes(
        one=lambda _, place: pool.enqueue_job("run", place),
        many=lambda calls: gathered([pool.enqueue_job("run", place) for _, place in calls]),
    )
    await pool.aclose()


def worker() -> list[str]:
    return ["arq", "arq_.WorkerSettings"]
