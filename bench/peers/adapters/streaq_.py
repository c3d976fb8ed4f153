"""streaQ: coroutines, 16 at once (its default). A worker serves one queue, with priorities in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from peer import URL, Pushes, stamp
from streaq import Worker

app = Worker(redis_url=URL)


@app.task(silent=True)
async def run(place: int) -> int:
    return stamp(place)


@asynccontextmanager
async def pushes() -> AsyncIterator[Pushes]:
    async def one(_: str, place: int) -> None:
        await run.enqueue(place)

    async with app:
        yield Pushes(one=one, many=lambda calls: app.enqueue_many([run.enqueue(place) for _, place in calls]))


def worker() -> list[str]:
    return ["streaq", "run", "streaq_:app"]
