"""A web service, as far as its queue goes: requests push tasks and wait for results without blocking each other.

    python examples/async_web.py

`AsyncTaskQueue` has the verbs of `TaskQueue` with `await`. The worker beside it runs plain functions on threads and
`async def` functions on an event loop; in production it would be a process of its own: `fairque worker --config ...`.
"""

import asyncio
import os
import time

from fairque import AsyncTaskQueue, FairQueueConfig, Worker, task
from fairque.errors import ResultTimeout

# ruff: noqa: S101 - an example says what holds

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")


@task
async def thumbnail(image: str, width: int) -> str:
    """Wait for something far away, as coroutines do."""
    await asyncio.sleep(0.01)
    return f"{image}@{width}px"


@task
def checksum(data: str) -> int:
    """Count, on a thread."""
    return sum(data.encode())


async def upload(queue: AsyncTaskQueue, user: str, image: str) -> dict[str, object]:
    """Serve one request: push three tasks for its user, answer when all of them are done."""
    small, large = await queue.push_batch([thumbnail(image, 100), thumbnail(image, 800)], user_id=user)
    total = await queue.push(checksum(image), user_id=user)
    sizes = await asyncio.gather(small.result(timeout=10), large.result(timeout=10))
    return {"user": user, "sizes": sizes, "checksum": await total.result(timeout=10)}


async def serve(config: FairQueueConfig) -> None:
    """Serve twenty requests of five users at once."""
    async with AsyncTaskQueue(config) as queue:
        began = time.monotonic()
        requests = (upload(queue, f"user:{n % 5}", f"cat-{n}.png") for n in range(20))
        answers = await asyncio.gather(*requests)
        print(f"{len(answers)} requests in {time.monotonic() - began:.2f} s; the first: {answers[0]}")
        assert answers[7]["sizes"] == ["cat-7.png@100px", "cat-7.png@800px"]

        # A result that takes too long is no reason to keep a request: the task goes on without it.
        slow = await queue.push(checksum("later").with_(delay=60), user_id="user:0")
        try:
            await slow.result(timeout=0.05)
        except ResultTimeout as error:
            print("answered 202:", error)
        assert await queue.delete_task(slow.task_id)
        assert (await queue.get_stats())["finished_total"] == 60


def main() -> None:
    """Run the service with a worker beside it."""
    config = FairQueueConfig.create_default()
    with Worker(config):
        asyncio.run(serve(config))


if __name__ == "__main__":
    main()
    print("async_web: ok")
