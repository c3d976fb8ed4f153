"""SAQ: coroutines, 100 at once (by default 10). A worker serves one queue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from peer import URL, Pushes, gathered, stamp
from saq import Queue

queue = Queue.from_url(URL)


async def run(ctx: dict[str, Any], *, place: int) -> int:  # noqa: ARG001 - the shape SAQ asks for
    return stamp(place)


settings = {"queue": queue, "functions": [run], "concurrency": 100}


@asynccontextmanager
async def pushes() -> AsyncIterator[Pushes]:
    await queue.connect()
    yield Pushes(
        one=lambda _, place: queue.enqueue("run", place=place),
        many=lambda calls: gathered([queue.enqueue("run", place=place) for _, place in calls]),
    )
    await queue.disconnect()


def worker() -> list[str]:
    return ["saq", "saq_.settings", "--quiet"]
