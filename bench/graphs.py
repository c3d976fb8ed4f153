"""What graphs cost: `make bench-graphs`.

- Redis's own CPU per task: alone, in chains of ten, in groups; tasks of one user and of a hundred.
- A fan-out to 10,000 tasks and back: how long it takes, and the longest single call of any script.
- How long after a task's end whoever waits for its result has it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec
import redis
from rich.console import Console
from rich.table import Table

from fairque import FairQueueConfig, TaskQueue, Worker, chain, current_task, group, task
from fairque.core.codec import Ending
from fairque.core.outcome import Done
from fairque.store import claims, embedded

RESULTS = Path(__file__).parent / "results" / "graphs.json"
ended_at: dict[str, float] = {}


@task
def nothing(n: int) -> int:
    return n


@task
def stamp() -> None:
    ended_at[current_task().task_id] = time.perf_counter()


class Bench:
    """One server, emptied before each measurement."""

    def __init__(self, url: str) -> None:
        self.plain = redis.Redis.from_url(url)
        self.config = FairQueueConfig.create_default(overrides={"redis.url": url, "queue.prefix": "bench-graphs"})

    def clean(self) -> None:
        for key in self.plain.scan_iter("*bench-graphs*", count=5_000):
            self.plain.unlink(key)
        self.plain.config_resetstat()

    def cpu(self) -> float:
        stats: Any = self.plain.info("commandstats")
        return sum(float(one["usec"]) for name, one in stats.items() if name in ("cmdstat_evalsha", "cmdstat_eval"))

    def cost(self, kind: str, users: int, tasks: int) -> tuple[float, float]:
        """Return the us of Redis's CPU per task: handing it in, and all the rest of its way."""
        self.clean()
        each = tasks // users
        with TaskQueue(self.config) as queue:
            queue.get_stats()
            before = self.cpu()
            if kind == "alone":
                queue.push_batch(nothing(n).with_(user_id=f"u{n % users}") for n in range(tasks))
            for user in range(users) if kind != "alone" else ():
                whole = nothing.map(range(each))
                if kind == "chains":
                    whole = group(chain(*(nothing(n) for n in range(10))) for _ in range(each // 10))
                queue.enqueue(whole, user_id=f"u{user}")
            handed_in = self.cpu()
            self._serve(queue, tasks)
            return (handed_in - before) / tasks, (self.cpu() - handed_in) / tasks

    def _serve(self, queue: TaskQueue, tasks: int) -> None:
        ended: list[claims.Ended] = []
        done = 0
        while done < tasks or ended:
            request = uuid.uuid4().hex
            want = claims.MAX_WANT if done < tasks else 0
            call = claims.settle(queue._verbs.root, "bench", request, want=want, lease=3_600, ended=ended)
            ended = [_finished(grant.member, grant.token) for grant in queue._driver.run(call).grants]
            done += len(ended)

    def fan(self, width: int) -> dict[str, float]:
        """Enqueue one task, `width` that wait for it and one that waits for them all; run them."""
        self.clean()
        slowest = self.plain.config_get("slowlog-log-slower-than")["slowlog-log-slower-than"]
        self.plain.config_set("slowlog-log-slower-than", 500)
        self.plain.slowlog_reset()
        try:
            with TaskQueue(self.config) as queue:
                start = time.perf_counter()
                run = queue.enqueue(nothing(0) >> nothing.map(range(width)) >> nothing(1), user_id="u")
                handed_in = time.perf_counter()
                with Worker(self.config):
                    run.wait(timeout=300)
                ended = time.perf_counter()
            entries: Any = self.plain.slowlog_get(10_000)
        finally:
            self.plain.config_set("slowlog-log-slower-than", slowest)
        scripts = [one["duration"] / 1000 for one in entries if one["command"].startswith(b"EVALSHA")]
        times = {"enqueue_s": handed_in - start, "run_s": ended - handed_in}
        return {
            **times,
            "longest_script_ms": max(scripts, default=0.5),
            "scripts_over_5_ms": sum(s > 5 for s in scripts),
        }

    def waiting(self, rounds: int) -> list[float]:
        """Return the ms between the last act of a task and the moment at which whoever waits has its result."""
        self.clean()
        found = []
        with TaskQueue(self.config) as queue, Worker(self.config):
            for _ in range(rounds):
                handle = queue.push(stamp().with_(delay=0.02), user_id="u")
                handle.result(timeout=30)
                found.append((time.perf_counter() - ended_at.pop(handle.task_id)) * 1000)
                threading.Event().wait(0.002)
        return found


def _finished(member: bytes, token: bytes) -> claims.Ended:
    ending = Ending("bench:nothing", 0, 0, "bench", msgspec.Raw(b"1"))
    return claims.end(member, token, Done(b"1"), ran=0.001, ending=ending, keep=3_600, keep_failed=3_600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", help="a Redis to use; without it, one of its own")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, the best of which counts")
    parser.add_argument("--tasks", type=int, default=6_000)
    parser.add_argument("--width", type=int, default=10_000)
    given = parser.parse_args()
    bench = Bench(given.url or embedded.attach())
    console = Console()

    found: dict[str, Any] = {"cost": {}}
    table = Table("tasks", "users", "handed in", "all the rest", "together", "of a plain task")
    for users in (1, 10, 100):
        rounds = [
            {kind: bench.cost(kind, users, given.tasks) for kind in ("alone", "chains", "groups")}
            for _ in range(given.rounds)
        ]
        best = {kind: min((one[kind] for one in rounds), key=sum) for kind in rounds[0]}
        for kind, (handed_in, rest) in best.items():
            ratio = (handed_in + rest) / sum(best["alone"])
            found["cost"][f"{kind}-{users}"] = {"handed_in_us": handed_in, "rest_us": rest, "ratio": ratio}
            numbers = (f"{handed_in:.1f} us", f"{rest:.1f} us", f"{handed_in + rest:.1f} us", f"{ratio:.2f}")
            table.add_row(kind, str(users), *numbers)
    console.print(table)

    found["fan"] = bench.fan(given.width)
    console.print(
        f"1 to {given.width:,} to 1:", ", ".join(f"{name} {value:.2f}" for name, value in found["fan"].items())
    )
    waits = bench.waiting(200)
    found["waiting_ms"] = {"p50": statistics.median(waits), "p99": sorted(waits)[int(0.99 * len(waits))]}
    console.print("end of a task to its result:", ", ".join(f"{k} {v:.2f} ms" for k, v in found["waiting_ms"].items()))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
