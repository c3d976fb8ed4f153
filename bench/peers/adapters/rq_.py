"""RQ: `rq worker`, which forks a process for each job. It serves its queues strictly in order unless told otherwise."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from peer import MODE, QUEUES, URL, Call, Pushes, queue_of, stamp
from redis import Redis
from rq import Queue


def run(place: int) -> int:
    return stamp(place)


@contextmanager
def pushes() -> Iterator[Pushes]:
    with Redis.from_url(URL) as connection:
        queues = {name: Queue(name, connection=connection) for name in QUEUES}

        def many(calls: Sequence[Call]) -> None:
            for name, group in groupby(calls, lambda call: queue_of(call[0])):
                queues[name].enqueue_many([Queue.prepare_data(run, (place,)) for _, place in group])

        yield Pushes(one=lambda user, place: queues[queue_of(user)].enqueue(run, place), many=many)


def worker(*options: str) -> list[str]:
    strategy = ["--dequeue-strategy", "round_robin"] if MODE == "round-robin" else []
    return ["rq", "worker", "--quiet", "--url", URL, *options, *strategy, *QUEUES]
