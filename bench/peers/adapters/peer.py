"""What every adapter shares: where its Redis is, which queue a user's tasks go to, and how a task records its start."""

import os
import time
from functools import cache

import redis
import redis.asyncio

URL = os.environ["PEER_URL"]
MODE = os.environ["PEER_MODE"]

USERS = ("noisy", "quiet")
QUEUES = ("default",) if MODE == "shared" else USERS
"""The queues that the worker listens on, in this order."""

THREADS = 8
STARTS = "starts"


def queue_of(user: str) -> str:
    return "default" if MODE == "shared" else user


def record_start(user: str) -> None:
    """Append the user's name and the time to the one list: its order is the order of the starts."""
    _client().rpush(STARTS, f"{user} {time.time():.6f}")


async def record_start_async(user: str) -> None:
    await _async_client().rpush(STARTS, f"{user} {time.time():.6f}")


def open_connections() -> None:
    """Open one for each thread, or the first starts would stand in the order in which threads got connected."""
    pool = _client().connection_pool
    for connection in [pool.get_connection() for _ in range(THREADS)]:
        pool.release(connection)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(URL)


@cache
def _async_client() -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(URL)
