"""Docket: coroutines, 50 at once, looks each 5 ms (by default 10, each 100 ms). A worker serves one docket.

It starts no more than `concurrency` tasks for each look: with its defaults 100 a second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from docket import Docket, Worker
from peer import URL, Pushes, stamp


async def run(place: int) -> int:
    return stamp(place)


tasks = [run]


@asynccontextmanager
async def pushes() -> AsyncIterator[Pushes]:
    async with Docket(url=URL) as docket:
        docket.register(run)
        yield Pushes(
            one=lambda _, place: docket.add(run)(place),
            many=lambda calls: docket.add_many([docket.call(run)(place) for _, place in calls]),
        )


def worker() -> list[str]:
    return ["python", "-m", "docket_"]  # its command line takes whole seconds only


if __name__ == "__main__":
    looks = timedelta(milliseconds=5)
    asyncio.run(Worker.run(url=URL, concurrency=50, minimum_check_interval=looks, tasks=["docket_:tasks"]))
