"""Celery: a pool of 8 threads; prefetch stays at its default, 4 for each thread."""

from celery import Celery
from peer import QUEUES, THREADS, URL, open_connections, queue_of, record_start

app = Celery("race", broker=URL, broker_connection_retry_on_startup=True)
open_connections()


@app.task(name="run")
def run(user: str) -> None:
    record_start(user)


def push(user: str, count: int) -> None:
    for _ in range(count):
        run.apply_async((user,), queue=queue_of(user))


def worker() -> list[str]:
    pool = ["--pool", "threads", "--concurrency", str(THREADS)]
    return ["celery", "-A", "celery_", "worker", *pool, "-Q", ",".join(QUEUES)]
