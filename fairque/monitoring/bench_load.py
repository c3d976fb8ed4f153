"""What a bench puts on a queue: task functions that do nothing, tasks spread over users, and a worker that drains them.

`python -m fairque.monitoring.bench_load URL PREFIX QUEUE` is that worker in a process of its own; it prints what it
spent from its first start to its last finish, without the time in which the process came up.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any, Final, NamedTuple

from fairque.config import FairQueueConfig
from fairque.core.models import Task
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from fairque.queue.queue import TaskQueue
from fairque.queue.registry import task
from fairque.worker.worker import Worker

THREADS: Final = 8
_DRAIN_LIMIT: Final = 120.0
_PAUSE: Final = 0.020
"""Seconds between two pushes, so that the worker is idle again."""

stamps: Final[dict[int, float]] = {}
"""When each `stamp` task had its first line run, by `time.perf_counter`."""


class Spent(NamedTuple):
    """What a worker spent on a drain: time, and CPU of its whole process."""

    seconds: float
    cpu_seconds: float


@task
def nothing(_number: int) -> None:
    """Do nothing: what is left is the queue's own work."""


@task
def stamp(number: int) -> None:
    """Note when this ran."""
    stamps[number] = time.perf_counter()


def config_of(
    url: str, prefix: str, queue: str, *, id: str = "bench", threads: int = THREADS, users: tuple[str, ...] = ("*",)
) -> FairQueueConfig:
    """Return a queue of its own with one worker, by default for everyone; results are kept as by default."""
    return FairQueueConfig(
        redis=RedisSettings(url=url),
        queue=QueueSettings(prefix=prefix, name=queue),
        workers=(WorkerSettings(id=id, assigned_users=users, max_concurrent_tasks=threads),),
    )


def users_of(count: int) -> list[str]:
    """Return the ids of so many users."""
    return [f"user:{n}" for n in range(count)]


def tasks_of(users: list[str], count: int) -> list[Task[Any]]:
    """Return so many tasks, one for each user in turn."""
    return [nothing(n).with_(user_id=users[n % len(users)]) for n in range(count)]


def drain_elsewhere(url: str, prefix: str, queue: str) -> Spent:
    """Drain a queue by one worker in a process of its own; return what it spent from its start to the last finish."""
    command = [sys.executable, "-m", __name__, url, prefix, queue]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DRAIN_LIMIT, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"the bench's worker failed:\n{done.stderr[-2000:]}")
    return Spent(*map(float, done.stdout.split()))


def drain_here(config: FairQueueConfig) -> Spent:
    """Drain a queue by a worker of this process; return what it spent from its start to the last finish."""
    start, cpu = time.perf_counter(), time.process_time()
    with Worker(config) as worker:
        worker.drain(timeout=_DRAIN_LIMIT)
        return Spent(time.perf_counter() - start, time.process_time() - cpu)


def pickups(config: FairQueueConfig, samples: int) -> list[float]:
    """Return the seconds from just before a push to the task's first line, on an idle worker of this process."""
    stamps.clear()
    starts = []
    with TaskQueue(config) as queue, Worker(config) as worker:
        for number in range(samples):
            time.sleep(_PAUSE)
            starts.append(time.perf_counter())
            queue.push(stamp(number), user_id="user:0")
        worker.drain(timeout=_DRAIN_LIMIT)
    return [stamps[number] - start for number, start in enumerate(starts)]


if __name__ == "__main__":
    spent = drain_here(config_of(*sys.argv[1:4]))
    sys.stdout.write(f"{spent.seconds} {spent.cpu_seconds}\n")
