"""What Redis and Python can do at most here: plain redis-py, as people use it, and a hand-off between two threads.

The floors measure redis-py itself; what the server says of its own CPU and memory is no part of a queue.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from fairque.monitoring.bench_program import sets_a_second
from fairque.store.driver import plain_client

_VALUE: Final = b"v" * 100
_PIPELINE: Final = 1_000
_KEYS: Final = 10_000
_SETTLED: Final = 5.0
"""Seconds to wait at most until the server has freed what was unlinked."""


class Floor(Struct, frozen=True, omit_defaults=True):
    """What the product's figures are compared with; `_s` is a second, `_us` microseconds. `benchmark` is the server's
    own program, and None where that is missing.
    """

    set_ops_s: float
    set_p50_us: float
    evalsha_ops_s: float
    evalsha_p50_us: float
    evalsha_p99_us: float
    pipelined_set_ops_s: float
    handoff_tasks_s: float
    benchmark_set_ops_s: float | None = None
    benchmark_pipelined_set_ops_s: float | None = None


class PlainRedis:
    """redis-py with its own pool and defaults, beside the queue: measures floors, reads the server's figures."""

    def __init__(self, url: str, prefix: str) -> None:
        self._client = plain_client(url)
        self._prefix = prefix

    def floor(self, calls: int) -> Floor:
        """Measure all floors: `calls` SETs and EVALSHAs one by one, ten times as many in pipelines."""
        client, key = self._client, f"{self._prefix}:floor"
        sha = client.script_load("return 1")
        sets = timed(lambda _: client.set(key, _VALUE), calls)
        scripts = timed(lambda _: client.evalsha(sha, 0), calls)
        return Floor(
            set_ops_s=calls / sum(sets),
            set_p50_us=percentile(sets, 50) * 1e6,
            evalsha_ops_s=calls / sum(scripts),
            evalsha_p50_us=percentile(scripts, 50) * 1e6,
            evalsha_p99_us=percentile(scripts, 99) * 1e6,
            pipelined_set_ops_s=self.pipelined_sets(max(calls * 10 // _PIPELINE, 3)),
            handoff_tasks_s=_handoff(calls * 100),
            benchmark_set_ops_s=sets_a_second(client, key, _VALUE, calls * 5),
            benchmark_pipelined_set_ops_s=sets_a_second(client, key, _VALUE, calls * 50, pipeline=_PIPELINE),
        )

    def pipelined_sets(self, pipelines: int, value: bytes = _VALUE, size: int = _PIPELINE) -> float:
        """Return how many SETs of a value a second go through in pipelines of that size: of the middle one."""
        return size / percentile(timed(lambda number: self._pipeline(number * size, size, value), pipelines), 50)

    def server(self) -> str:
        """Return the server's name and version, `valkey 9.1.2`."""
        info = self._client.info("server")
        name = info.get("server_name", "redis")
        return f"{name} {info.get(f'{name}_version', info['redis_version'])}"

    def cpu_of(self, act: Callable[[], object]) -> float:
        """Return the seconds of CPU that the server's main thread spends while `act` runs."""
        before = self._cpu_seconds()
        act()
        return self._cpu_seconds() - before

    def settled_memory(self) -> int:
        """Return `used_memory` in bytes, once the server has freed what was unlinked."""
        deadline = time.monotonic() + _SETTLED
        while self._client.info("memory").get("lazyfree_pending_objects", 0) and time.monotonic() < deadline:
            time.sleep(0.01)
        with suppress(Exception):  # a hosted Redis may forbid it
            self._client.execute_command("MEMORY", "PURGE")
        return int(self._client.info("memory")["used_memory"])

    def forget(self) -> None:
        """Remove every key of this run."""
        batch: list[bytes] = []
        for key in self._client.scan_iter(match=f"*{self._prefix}*", count=1_000):
            batch.append(key)
            if len(batch) == 500:
                self._client.unlink(*batch)
                batch.clear()
        if batch:
            self._client.unlink(*batch)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _cpu_seconds(self) -> float:
        info = self._client.info("cpu")
        of = "_main_thread" if "used_cpu_user_main_thread" in info else ""  # else of all threads together
        return float(info[f"used_cpu_user{of}"]) + float(info[f"used_cpu_sys{of}"])

    def _pipeline(self, start: int, size: int, value: bytes) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for n in range(start, start + size):
            pipeline.set(f"{self._prefix}:floor:{n % _KEYS}", value)
        pipeline.execute()


def timed(act: Callable[[int], object], times: int) -> list[float]:
    """Return the seconds that each of so many calls of `act` took; it is given the number of the call."""
    clock = time.perf_counter
    seconds = []
    for n in range(times):
        start = clock()
        act(n)
        seconds.append(clock() - start)
    return seconds


def percentile(values: list[float], percent: float) -> float:
    """Return the least of the values that is not exceeded by `percent` per cent of them."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _handoff(items: int) -> float:
    channel: queue.SimpleQueue[int] = queue.SimpleQueue()

    def take() -> None:
        for _ in range(items):
            channel.get()

    taker = threading.Thread(target=take)
    start = time.perf_counter()
    taker.start()
    for n in range(items):
        channel.put(n)
    taker.join()
    return items / (time.perf_counter() - start)
