"""Dramatiq with results: an actor for each queue, 8 threads (its default) in one process."""

from collections.abc import Iterator
from contextlib import contextmanager

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from peer import QUEUES, THREADS, URL, Pushes, queue_of, stamp

broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=RedisBackend(url=URL), store_results=True))
dramatiq.set_broker(broker)


def run(place: int) -> int:
    return stamp(place)


actors = {queue: dramatiq.actor(run, actor_name=f"run-{queue}", queue_name=queue) for queue in QUEUES}


@contextmanager
def pushes() -> Iterator[Pushes]:
    yield Pushes(one=lambda user, place: actors[queue_of(user)].send(place))


def worker() -> list[str]:
    return ["dramatiq", "dramatiq_", "--processes", "1", "--threads", str(THREADS), "--queues", *QUEUES]
