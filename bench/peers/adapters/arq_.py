"""arq: coroutines, 10 at once (its default). A worker serves one queue."""

import asyncio
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from peer import URL, record_start_async


async def run(ctx: dict[str, Any], user: str) -> None:  # noqa: ARG001 - the shape arq asks for
    await record_start_async(user)


class WorkerSettings:
    functions = (run,)
    redis_settings = RedisSettings.from_dsn(URL)


def push(user: str, count: int) -> None:
    asyncio.run(_push(user, count))


async def _push(user: str, count: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for _ in range(count):
        await pool.enqueue_job("run", user)
    await pool.aclose()


def worker() -> list[str]:
    return ["arq", "arq_.WorkerSettings"]
