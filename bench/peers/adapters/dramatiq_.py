"""Dramatiq: an actor for each queue, 8 threads (its default) in one process."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from peer import QUEUES, THREADS, URL, open_connections, queue_of, record_start

broker = RedisBroker(url=URL)
dramatiq.set_broker(broker)
open_connections()


def run(user: str) -> None:
    record_start(user)


actors = {queue: dramatiq.actor(run, actor_name=f"run-{queue}", queue_name=queue) for queue in QUEUES}


def push(user: str, count: int) -> None:
    actor = actors[queue_of(user)]
    for _ in range(count):
        actor.send(user)


def worker() -> list[str]:
    return ["dramatiq", "dramatiq_", "--processes", "1", "--threads", str(THREADS), "--queues", *QUEUES]
