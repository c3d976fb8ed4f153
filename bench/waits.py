"""How long a quiet user waits while another floods, and while workers are as busy without a flood."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from typing import Any

from fairque import FairQueueConfig, Task, TaskQueue, Worker, task
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings

FLOOD = 1_000_000
SAMPLES = 300
EVERY = 0.04
THREADS = 8
LONG = 0.005
"""Seconds that a task of the busy user takes: a worker starts one every 0.6 ms."""


@task
def busy(seconds: float) -> None:
    """Hold a thread for a while."""
    time.sleep(seconds)


@task
def quiet(pushed: float) -> float:
    """Return for how many ms this waited since it was pushed (epoch seconds, one machine)."""
    return (time.time() - pushed) * 1000


def config_of(url: str, prefix: str) -> FairQueueConfig:
    """Return a queue of its own, with one worker for everybody."""
    return FairQueueConfig(
        redis=RedisSettings(url=url),
        queue=QueueSettings(prefix=prefix, result_ttl_seconds=120),
        workers=(WorkerSettings(id="bench", assigned_users=("*",), max_concurrent_tasks=THREADS),),
    )


def waits(url: str) -> dict[str, float]:
    """Return the quiet user's waits in ms, with and without the flood."""
    without = measured(url, flood=0)
    under = measured(url, flood=FLOOD)
    figures = {}
    for share in (50, 99):
        figures[f"p{share} busy"] = round(percentile(without, share), 2)
        figures[f"p{share} flood"] = round(percentile(under, share), 2)
    figures["p99 ratio"] = round(percentile(under, 99) / percentile(without, 99), 2)
    return figures


def percentile(samples: list[float], share: int) -> float:
    """Return the value that this share (1-100) of the samples does not exceed."""
    return sorted(samples)[min(len(samples) - 1, len(samples) * share // 100)]


def measured(url: str, *, flood: int) -> list[float]:
    """Return how long each task of a quiet user waited from push to start, ms.

    Without a flood another user keeps the worker as busy: four tasks for each thread are always there.
    """
    config = config_of(url, f"waits-{uuid.uuid4().hex[:8]}")
    stop = threading.Event()
    with TaskQueue(config) as queue:
        filled: list[Task[Any]] = [busy(LONG).with_(user_id="noisy")] * 1_000
        for _ in range(flood // 1_000):
            queue.push_batch(filled)
        feeder = threading.Thread(target=feed, args=(config, stop))
        if not flood:
            feeder.start()
        worker = subprocess.Popen([sys.executable, __file__, url, config.queue.prefix])
        try:
            time.sleep(3)
            handles = []
            for _ in range(SAMPLES):
                handles.append(queue.push(quiet(time.time()), user_id="quiet"))
                time.sleep(EVERY)
            return [handle.result(timeout=60) for handle in handles]
        finally:
            stop.set()
            if not flood:
                feeder.join()
            worker.terminate()
            worker.wait()


def feed(config: FairQueueConfig, stop: threading.Event) -> None:
    """Keep four tasks for each thread there."""
    with TaskQueue(config) as queue:
        while not stop.wait(0.002):
            sizes = queue.get_queue_sizes("noisy")
            missing = 4 * THREADS - sizes["queued"] - sizes["started"]
            if missing > 0:
                queue.push_batch([busy(LONG).with_(user_id="noisy")] * missing)


if __name__ == "__main__":
    Worker(config_of(*sys.argv[1:])).run()
