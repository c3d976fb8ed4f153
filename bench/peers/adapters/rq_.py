"""RQ: `rq worker`, which forks a process for each job. It serves its queues strictly in order unless told otherwise."""

from peer import MODE, QUEUES, URL, queue_of, record_start
from redis import Redis
from rq import Queue


def run(user: str) -> None:
    record_start(user)


def push(user: str, count: int) -> None:
    queue = Queue(queue_of(user), connection=Redis.from_url(URL))
    for _ in range(count):
        queue.enqueue(run, user)


def worker() -> list[str]:
    strategy = ["--dequeue-strategy", "round_robin"] if MODE == "round-robin" else []
    return ["rq", "worker", "--url", URL, *strategy, *QUEUES]
