"""SAQ: coroutines, 10 at once (its default). A worker serves one queue."""

import asyncio
from typing import Any

from peer import URL, record_start_async
from saq import Queue

queue = Queue.from_url(URL)


async def run(ctx: dict[str, Any], *, user: str) -> None:  # noqa: ARG001 - the shape SAQ asks for
    await record_start_async(user)


settings = {"queue": queue, "functions": [run]}


def push(user: str, count: int) -> None:
    asyncio.run(_push(user, count))


async def _push(user: str, count: int) -> None:
    await queue.connect()
    for _ in range(count):
        await queue.enqueue("run", user=user)
    await queue.disconnect()


def worker() -> list[str]:
    return ["saq", "saq_.settings"]
