"""Huey with results (its default): a consumer with 8 threads. A consumer serves one queue."""

from collections.abc import Iterator
from contextlib import contextmanager

from huey import RedisHuey
from peer import THREADS, URL, Pushes, stamp

huey = RedisHuey("peers", url=URL)


@huey.task()
def run(place: int) -> int:
    return stamp(place)


@contextmanager
def pushes() -> Iterator[Pushes]:
    yield Pushes(one=lambda _, place: run(place))


def worker() -> list[str]:
    return ["huey_consumer", "huey_.huey", "--workers", str(THREADS), "--worker-type", "thread", "--quiet"]
