"""The other processes of a measurement: `python -m curves.hands JOB`, where the job is JSON.

Each makes itself ready, says `ready`, does its part when it is told to by a line, and says as JSON what that took.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

import msgspec
from curves import load

from fairque import TaskQueue, Worker
from fairque.monitoring.bench_load import config_of

LIMIT = 120.0
"""Seconds that a drain may take."""


class Place(msgspec.Struct, frozen=True):
    """Which queue."""

    url: str
    prefix: str
    queue: str


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Run tasks with one worker until none is left, or `limit` have run."""

    place: Place
    id: str
    threads: int
    limit: int = 0


class Serve(msgspec.Struct, frozen=True, tag=True):
    """Serve with so many workers until told to end. They are up when it is ready."""

    place: Place
    id: str
    workers: int = 1
    threads: int = 8
    users: tuple[str, ...] = ("*",)


class Flood(msgspec.Struct, frozen=True, tag=True):
    """Push so many tasks of one user, 1,000 a call."""

    place: Place
    tasks: int


Job = Drain | Serve | Flood


class Done(msgspec.Struct, frozen=True):
    """What it took: instants are of `time.perf_counter`, CPU is that of the process between them."""

    tasks: int
    began: float
    ended: float
    cpu_seconds: float


def drain(job: Drain) -> Done:
    worker = Worker(config_of(*msgspec.structs.astuple(job.place), id=job.id, threads=job.threads))
    tally = load.tally
    tally.limit = job.limit
    wait_for_a_word()
    began, cpu = time.perf_counter(), time.process_time()
    with worker:
        if not job.limit:
            worker.drain(LIMIT)
            tally.cpu_seconds = time.process_time()
        elif not tally.reached.wait(LIMIT):
            raise TimeoutError(f"{job.limit} tasks did not run in {LIMIT:.0f} s")
    return Done(job.limit or tally.ran(), began, tally.last, tally.cpu_seconds - cpu)


def serve(job: Serve) -> Done:
    place = msgspec.structs.astuple(job.place)
    with ExitStack() as stack:
        for n in range(job.workers):
            config = config_of(*place, id=f"{job.id}.{n}", threads=job.threads, users=job.users)
            stack.enter_context(Worker(config))
        began, cpu = time.perf_counter(), time.process_time()
        wait_for_a_word()
        return Done(0, began, time.perf_counter(), time.process_time() - cpu)


def flood(job: Flood) -> Done:
    size = 1_000
    with TaskQueue(config_of(*msgspec.structs.astuple(job.place))) as queue:
        queue.get_stats()
        batch = [load.nothing("x" * 50).with_(user_id="noisy")] * size
        wait_for_a_word()
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(job.tasks // size):
            queue.push_batch(batch)
        return Done(job.tasks // size * size, began, time.perf_counter(), time.process_time() - cpu)


def wait_for_a_word() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def main() -> None:
    job = msgspec.json.decode(sys.argv[1], type=Job)
    match job:
        case Drain():
            done = drain(job)
        case Serve():
            done = serve(job)
        case Flood():
            done = flood(job)
    print(msgspec.json.encode(done).decode(), flush=True)


if __name__ == "__main__":
    main()
