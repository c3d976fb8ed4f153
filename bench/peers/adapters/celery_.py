"""Celery with results: a pool of 8 threads; prefetch stays at its default, 4 for each thread."""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery
from peer import QUEUES, THREADS, URL, Pushes, queue_of, stamp

app = Celery("peers", broker=URL, backend=URL, broker_connection_retry_on_startup=True)


@app.task(name="run")
def run(place: int) -> int:
    return stamp(place)


@contextmanager
def pushes() -> Iterator[Pushes]:
    yield Pushes(one=lambda user, place: run.apply_async((place,), queue=queue_of(user)))


def worker() -> list[str]:
    pool = ["--pool", "threads", "--concurrency", str(THREADS)]
    return ["celery", "-A", "celery_", "worker", *pool, "-Q", ",".join(QUEUES)]
