"""Huey: a consumer with 8 threads. A consumer serves one queue."""

from huey import RedisHuey
from peer import THREADS, URL, open_connections, record_start

huey = RedisHuey("race", url=URL)
open_connections()


@huey.task()
def run(user: str) -> None:
    record_start(user)


def push(user: str, count: int) -> None:
    for _ in range(count):
        run(user)


def worker() -> list[str]:
    return ["huey_consumer", "huey_.huey", "--workers", str(THREADS), "--worker-type", "thread"]
