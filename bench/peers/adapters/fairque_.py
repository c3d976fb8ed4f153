"""fairque, from this checkout: one queue, users are served in turn without being told so."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from peer import URL, Pushes, stamp

from fairque import FairQueueConfig, TaskQueue, task

os.environ["FAIRQUE_REDIS__URL"] = URL


@task
def run(place: int) -> int:
    return stamp(place)


@contextmanager
def pushes() -> Iterator[Pushes]:
    with TaskQueue(FairQueueConfig.create_default()) as queue:
        yield Pushes(
            one=lambda user, place: queue.push(run(place), user_id=user),
            many=lambda calls: queue.push_batch([run(place).with_(user_id=user) for user, place in calls]),
        )


def worker() -> list[str]:
    return ["fairque", "worker", "--config", "fairque.yaml"]
