"""fairque, from this checkout: one queue, users are served in turn without being told so."""

import os

from peer import URL, open_connections, record_start

from fairque import FairQueueConfig, TaskQueue, task

os.environ["FAIRQUE_REDIS__URL"] = URL
open_connections()


@task
def run(user: str) -> None:
    record_start(user)


def push(user: str, count: int) -> None:
    with TaskQueue(FairQueueConfig.create_default()) as queue:
        for _ in range(count):
            queue.push(run(user), user_id=user)


def worker() -> list[str]:
    return ["fairque", "worker", "--config", "fairque.yaml"]
