"""Where curves are measured: one server, queues of their own, floors of the same minutes, and other processes."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import msgspec
from curves.hands import Done, Drain, Job, Place
from curves.load import body_of, task_of
from curves.plan import Plan

from fairque.config import FairQueueConfig
from fairque.core.settings import RedisSettings
from fairque.monitoring.bench_floor import PlainRedis
from fairque.monitoring.bench_load import THREADS, config_of, users_of
from fairque.monitoring.bench_scripts import pushes
from fairque.store import readings, tasks
from fairque.store.driver import Driver, plain_client

T = TypeVar("T")
BENCH = Path(__file__).resolve().parent.parent
BODY = body_of(task_of(100))
SETS = 5_000
"""SETs that are looked at each time."""
FILL = 100_000
"""Tasks whose calls are made at once."""


class Drained(NamedTuple):
    """What one or several workers, each a process of its own, did to a queue."""

    tasks_s: float
    client_us: float
    redis_share: float


class SetCost(NamedTuple):
    """What a plain SET in a pipeline takes: SETs a second, and us of CPU for one."""

    sets_s: float
    redis_us: float
    client_us: float


class Hand:
    """Another process, and what it is told."""

    def __init__(self, job: Job) -> None:
        command = [sys.executable, "-m", "curves.hands", msgspec.json.encode(job).decode()]
        self.process = subprocess.Popen(command, cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def await_ready(self) -> None:
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"a process of the measurement has ended: exit code {self.process.wait()}")

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def done(self) -> Done:
        """Return what it says in the end."""
        said = self.process.stdout.read()
        if self.process.wait():
            raise RuntimeError(f"a process of the measurement failed: exit code {self.process.returncode}")
        return msgspec.json.decode(said, type=Done)

    def is_busy(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@contextmanager
def crew(*jobs: Job) -> Iterator[list[Hand]]:
    """Give so many processes, all ready."""
    with ExitStack() as stack:
        hands = []
        for job in jobs:
            hands.append(Hand(job))
            stack.callback(hands[-1].end)
        for hand in hands:
            hand.await_ready()
        yield hands


class Ground:
    """One server. `tell` hears what is done next, and which part of the curve is behind."""

    def __init__(self, url: str, plan: Plan, tell: Callable[[str, float], object]) -> None:
        self.url, self.plan, self.tell = url, plan, tell
        self.prefix = f"bench-{uuid.uuid4().hex[:8]}"
        self.plain = PlainRedis(url, self.prefix)
        self.redis = plain_client(url)
        self.driver = Driver(RedisSettings(url=url))
        self._floors: list[SetCost] = []

    def rounds(self, points: Sequence[T], shown: Callable[[T], str], laps: int = 0) -> Iterator[T]:
        """Yield the points, round after round, forwards and backwards by turns, each after a look at the floor."""
        laps = laps or self.plan.rounds
        total = laps * len(points)
        self._floors.clear()
        for number in range(total):
            lap, place = divmod(number, len(points))
            point = points[place if lap % 2 == 0 else -1 - place]
            self.tell(f"{shown(point)}, round {lap + 1} of {laps}", number / total)
            self._floors.append(self._set_cost())
            yield point

    def floor(self) -> float:
        """Return the SETs a second, 1,000 a pipeline, of the last rounds: their median."""
        return median(cost.sets_s for cost in self._floors)

    def floors(self) -> dict[str, float]:
        """Return what such a SET took in the last rounds; of CPU the least."""
        return {
            "floor: pipelined SET/s": self.floor(),
            "floor: us of Redis for one": min(cost.redis_us for cost in self._floors),
            "floor: us of redis-py for one": min(cost.client_us for cost in self._floors),
        }

    def _set_cost(self) -> SetCost:
        rates: list[float] = []
        cpu = time.thread_time()
        redis = self.plain.cpu_of(lambda: rates.append(self.plain.pipelined_sets(SETS // 1_000)))
        return SetCost(rates[0], redis / SETS * 1e6, (time.thread_time() - cpu) / SETS * 1e6)

    def place(self) -> Place:
        """Return a new queue."""
        return Place(self.url, self.prefix, uuid.uuid4().hex[:8])

    def config(self, place: Place) -> FairQueueConfig:
        return config_of(*msgspec.structs.astuple(place))

    def root(self, place: Place) -> str:
        return tasks.root_of(place.prefix, place.queue)

    def fill(self, place: Place, users: int, length: int) -> None:
        """Push by the scripts alone, until so many tasks are queued; a worker can run them."""
        root, names = self.root(place), users_of(users)
        there = self.driver.run(readings.unfinished(root, None))
        for at in range(there, length, FILL):
            self.driver.run_all(pushes(root, names, min(FILL, length - at), BODY), [])

    def drain(self, place: Place, *, processes: int = 1, threads: int = THREADS, limit: int = 0) -> Drained:
        """Let workers drain a queue, or run the first `limit` tasks of it. Seconds count from the word to the last
        task's run, Redis's CPU from the word to the last worker's end.
        """
        found: list[Done] = []
        with crew(*(Drain(place, f"bench.{n}", threads, limit) for n in range(processes))) as hands:
            began = time.perf_counter()
            redis = self.plain.cpu_of(lambda: found.extend(at_once(hands)))
        seconds, ran = max(done.ended for done in found) - began, sum(done.tasks for done in found)
        return Drained(ran / seconds, sum(done.cpu_seconds for done in found) / ran * 1e6, redis / seconds)

    def clean(self) -> int:
        """Remove all queues, and return the server's memory when they are gone."""
        self.plain.forget()
        return self.plain.settled_memory()

    def close(self) -> None:
        self.clean()
        self.plain.close()
        self.redis.close()
        self.driver.close()


def at_once(hands: Iterable[Hand]) -> list[Done]:
    """Tell all to go, and return what they say."""
    for hand in hands:
        hand.go()
    return [hand.done() for hand in hands]
