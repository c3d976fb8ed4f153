"""One user floods the queue; four others come later with a handful each. Who waits for whom?

    python examples/noisy_neighbour.py

With one line for all, the handful would wait behind the whole flood. Here users take turns: by the time a late user's
last task starts, nobody has had more turns than that user had, whatever stands in the queue.
"""

import os
import threading

from fairque import FairQueueConfig, TaskQueue, Worker, task

# ruff: noqa: S101 - an example says what holds

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")

FLOOD, HANDFUL, SLOTS = 5_000, 10, 4
NOISY, QUIET = "noisy", ["ann", "ben", "cleo", "dan"]

order: list[str] = []
"""Whose task started, in order: the worker runs in this very process, so tasks can write it down."""
lock = threading.Lock()


@task
def start(user: str) -> None:
    """Write down whose turn it was."""
    with lock:
        order.append(user)


def main() -> None:
    """Push the flood, then the handfuls; run everything; look at who came when."""
    config = FairQueueConfig.create_default(assigned_users=[NOISY, *QUIET]).with_worker(max_concurrent_tasks=SLOTS)
    with TaskQueue(config) as queue:
        queue.push_batch([start(NOISY)] * FLOOD, user_id=NOISY)
        for user in QUIET:
            queue.push_batch([start(user)] * HANDFUL, user_id=user)
        with Worker(config) as worker:
            worker.drain(timeout=60)

    assert len(order) == FLOOD + HANDFUL * len(QUIET), "a task was lost, or ran twice"
    # Five users take turns, and what the worker's slots hold may be written down a little out of order.
    bound = HANDFUL * (1 + len(QUIET)) + SLOTS
    for user in QUIET:
        last = max(place for place, who in enumerate(order, 1) if who == user)
        print(f"{user:>5}: all {HANDFUL} tasks had started when {last} of {len(order):,} had (fair: at most {bound})")
        assert last <= bound, "unfair"


if __name__ == "__main__":
    main()
    print("noisy_neighbour: ok")
