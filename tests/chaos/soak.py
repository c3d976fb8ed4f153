"""`python -m tests.chaos.soak [--minutes M]`: a thousand users, their tasks and graphs for a long while, the doctor
looking on.

In the end nothing is left: keys and memory are back where they began (I22).
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import redis
from msgspec.structs import replace
from rich.console import Console

from fairque import FairQueueConfig, Graph, TaskQueue, Worker, group, task
from fairque.core.settings import WorkerSettings
from fairque.monitoring.doctor import Doctor
from fairque.store.embedded import attach

USERS = 1_000
KEEP = 60.0
"""Seconds for which results are kept."""
BATCH = 100
"""Tasks that are pushed at once, ten times a second."""


@task(max_retries=1, retry_backoff=0.1)
def work(n: int) -> list[int]:
    """Fail now and then, else return something to keep."""
    if n % 97 == 0:
        raise ValueError("now and then")
    return [n] * (n % 20)


def _graph(chance: random.Random) -> Graph:
    """Return tasks of which some wait for others, to the end whatever becomes of these."""
    first, *some, last = (work(chance.randrange(1_000)).with_(on_parent_failure="run") for _ in range(8))
    return first >> group(some) >> last


def soak(minutes: float, out: Console) -> bool:
    """Run; return whether nothing was wrong and nothing is left."""
    url = attach(None)
    worker = WorkerSettings(id="soak-1", assigned_users=("*",), max_concurrent_tasks=4)
    config = FairQueueConfig.create_default(overrides={"redis.url": url})
    kept = replace(config.queue, result_ttl_seconds=KEEP, failed_ttl_seconds=KEEP)
    config = replace(config, queue=kept, workers=(worker, replace(worker, id="soak-2")))
    with redis.Redis.from_url(url) as client, TaskQueue(config) as queue, ExitStack() as stack:
        for one in config.workers:
            stack.enter_context(Worker(config, id=one.id))
        _serve(queue, config, 0.2, out)
        before = _left(queue, client)
        healthy = _serve(queue, config, minutes, out)
        after = _left(queue, client)
        healthy &= _is_healthy(config, out)
    out.print(f"keys: {before[0]} before, {after[0]} after; dataset: {before[1]:,} and {after[1]:,} bytes")
    return healthy and after[0] <= before[0] + 2 and after[1] <= before[1] * 1.05


def _serve(queue: TaskQueue, config: FairQueueConfig, minutes: float, out: Console) -> bool:
    """Push for so long, and let the doctor look on; return whether all was well."""
    ends, healthy = time.monotonic() + minutes * 60, True
    with _pushing(queue, ends) as pushed, redis.Redis.from_url(config.redis.effective_url) as client:
        while time.monotonic() < ends:
            healthy &= _is_healthy(config, out)
            keys, size = _held(client)
            told = f"{pushed():,} pushed, {queue.get_stats()['queued']:,} wait"
            out.print(f"{told}, {keys:,} keys, {size / 1e6:.1f} MB")
    return healthy


def _held(client: redis.Redis) -> tuple[int, int]:
    """Return how many keys there are that do not go by themselves, and how many bytes all but these take: sums of
    service are kept for 70 minutes, a window of ten minutes each.
    """
    client.slowlog_reset()  # the server's own notes take up to half a megabyte
    passing = [key for key in client.scan_iter(count=1000) if client.ttl(key) > 0]
    size = int(client.info("memory")["used_memory_dataset"])
    return client.dbsize() - len(passing), size - sum(client.memory_usage(key, samples=0) or 0 for key in passing)


@contextmanager
def _pushing(queue: TaskQueue, ends: float) -> Iterator[Callable[[], int]]:
    """Push at an even rate on a thread; gives what tells how many were pushed."""
    chance, count, wait = random.Random(1), 0, threading.Event()

    def push() -> None:
        nonlocal count
        while time.monotonic() < ends:
            users = (f"user:{chance.randrange(USERS)}" for _ in range(BATCH))
            batch = [work(chance.randrange(1_000)).with_(user_id=user, priority=chance.randint(1, 6)) for user in users]
            queue.push_batch(batch)
            user = f"user:{chance.randrange(USERS)}"
            run = queue.enqueue(_graph(chance), user_id=user)
            count += len(batch) + len(run)
            wait.wait(0.1)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield lambda: count
    finally:
        thread.join()


def _is_healthy(config: FairQueueConfig, out: Console) -> bool:
    doctor = Doctor(config, seconds=20.0)
    try:
        report = doctor.examine()
    finally:
        doctor.close()
    for one in report.findings:
        if one.severity != "info":
            out.print(one)
    return report.healthy


def _left(queue: TaskQueue, client: redis.Redis) -> tuple[int, int]:
    """Return what is held once all has run and what was kept has expired (after three times its while at most)."""
    until, pause = time.monotonic() + 3 * KEEP + 60, threading.Event()
    while time.monotonic() < until and queue.get_stats()["users"]:
        pause.wait(1.0)
    return _held(client)


def main() -> None:
    """Read the arguments and run."""
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=20.0)
    sys.exit(0 if soak(parser.parse_args().minutes, Console()) else 1)


if __name__ == "__main__":
    main()
