"""What fairness costs, and what a quiet user feels of a flood: `make bench-fairness`.

Redis's own CPU per task is what matters where many workers share one server, and it does not depend on how busy the
rest of the machine is; so growth, lists and caps are measured by it. Waits are measured on real workers.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from waits import waits

from fairque.core.limits import UserSettings
from fairque.core.settings import RedisSettings
from fairque.store import claims, embedded, limits, tasks
from fairque.store.driver import Driver

RESULTS = Path(__file__).parent / "results" / "fairness.json"
BODY = b"bench:nothing|" + b"b" * 86
BATCH = claims.MAX_WANT
GROWTH = (10, 100, 1_000, 10_000, 100_000)
LISTS = (10, 100, 1_000, 10_000)


class Bench:
    """One queue after another on one server, under a prefix of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.plain = redis.Redis.from_url(url)
        self.driver = Driver(RedisSettings(url=url))
        self.prefix = f"bench-{uuid.uuid4().hex[:8]}"

    def queue(self, cost: str = "count") -> str:
        """Return the root of a new queue; what was before is gone."""
        keys = list(self.plain.scan_iter(f"*{self.prefix}*", count=5_000))
        for at in range(0, len(keys), 1_000):
            self.plain.unlink(*keys[at : at + 1_000])
        root = tasks.root_of(self.prefix, uuid.uuid4().hex[:8])
        self.driver.run(tasks.open_queue(root, 60_000, cost))
        return root

    def push(self, root: str, users: Callable[[int], str], count: int, body: bytes = BODY) -> None:
        """Push so many tasks, the n-th of them for the user `users(n)`."""

        def calls() -> Iterator[object]:
            for at in range(0, count, tasks.CHUNK):
                chunk = range(at, min(count, at + tasks.CHUNK))
                yield tasks.push(
                    root, [tasks.Entry(users(n), f"0192f0a0-0000-7000-8000-{n:012d}", 3, "", "", body) for n in chunk]
                )

        self.driver.run_all(calls(), [])  # type: ignore[arg-type]

    def serve(self, root: str, calls: int, lists: claims.Lists = claims.SERVES_ALL, batch: int = BATCH) -> int:
        """Claim and finish in one call, so many times; return how many tasks that were."""
        ended: list[claims.Ended] = []
        served = 0
        for _ in range(calls):
            call = claims.settle(root, "bench", uuid.uuid4().hex, lists=lists, want=batch, lease=3_600, ended=ended)
            grants = self.driver.run(call).grants
            ended = [finished(grant.member, grant.token) for grant in grants]
            served += len(grants)
        self.driver.run(claims.settle(root, "bench", uuid.uuid4().hex, ended=ended))
        return served

    def cpu_per_task(self, work: Callable[[], int]) -> float:
        """Return the us of the server's CPU for each task that `work` says it did."""
        before = self._cpu()
        done = work()
        return (self._cpu() - before) / done * 1e6

    def _cpu(self) -> float:
        found = self.plain.info("cpu")
        kind = "_main_thread" if "used_cpu_user_main_thread" in found else ""
        return float(found[f"used_cpu_user{kind}"]) + float(found[f"used_cpu_sys{kind}"])


def finished(member: bytes, token: bytes) -> claims.Ended:
    """Return the outcome of a run that took a millisecond."""
    return claims.Ended(member, token, "D", 1_000, 3_600_000, b"null")


def growth(bench: Bench, rounds: int) -> dict[str, float]:
    """Redis us of claim and finish for each task, with so many ready users; the least of the rounds."""
    found: dict[str, float] = {}
    for users in GROWTH:
        samples = []
        for _ in range(rounds):
            root = bench.queue()
            bench.push(root, lambda n, users=users: f"u{n % users}", max(3 * users, 60_000))  # type: ignore[misc]
            bench.serve(root, 20)
            samples.append(bench.cpu_per_task(lambda root=root: bench.serve(root, 300)))  # type: ignore[misc]
        found[f"{users:,}"] = round(min(samples), 1)
    return found


def lists(bench: Bench, rounds: int) -> dict[str, float]:
    """Speed of a worker with a list of so many users, as part of one for everybody (100,000 users are ready)."""
    found: dict[str, float] = {}
    total = 100_000
    for length in LISTS:
        ratios = []
        for _ in range(rounds):
            root = bench.queue()
            bench.push(root, lambda n: f"u{n % total}", total)
            mine = [f"u{n}" for n in range(length)]
            for user in mine:
                bench.push(root, lambda _, user=user: f"{user}", max(1, 30_000 // length))  # type: ignore[misc]
            for call in claims.register(root, mine):
                bench.driver.run(call)
            served = [
                bench.cpu_per_task(lambda root=root, who=who: bench.serve(root, 100, who))  # type: ignore[misc]
                for who in (claims.lists_of(mine, []), claims.SERVES_ALL)
            ]
            ratios.append(served[1] / served[0])
        found[f"{length:,}"] = round(statistics.median(ratios), 2)
    return found


def capped(bench: Bench, rounds: int) -> dict[str, float]:
    """Redis us per task of 100 users, alone and beside 1,000 users that are paused with 100 tasks each."""
    found: dict[str, list[float]] = {"alone": [], "beside 1,000 paused": []}
    for _ in range(rounds):
        for name, samples in found.items():
            root = bench.queue()
            if name != "alone":
                bench.push(root, lambda n: f"p{n % 1_000}", 100_000)
                for n in range(1_000):
                    bench.driver.run(
                        limits.change(root, limits.of_user(f"p{n}"), UserSettings, "set", {"paused": True})
                    )
                bench.serve(root, 20)
            bench.push(root, lambda n: f"u{n % 100}", 60_000)
            bench.serve(root, 20)
            samples.append(bench.cpu_per_task(lambda root=root: bench.serve(root, 200)))  # type: ignore[misc]
    return {name: round(min(samples), 1) for name, samples in found.items()}


def million(bench: Bench) -> dict[str, float]:
    """The longest script while a million tasks of one user and 10,000 of others are queued, and the usual one, ms."""
    root = bench.queue()
    bench.push(root, lambda _: "flood", 1_000_000)
    bench.push(root, lambda n: f"u{n}", 10_000)
    bench.plain.config_set("slowlog-log-slower-than", 0)
    bench.plain.config_set("slowlog-max-len", 5_000)
    bench.plain.slowlog_reset()
    bench.serve(root, 200)
    bench.push(root, lambda n: f"v{n}", 10_000)
    took = [entry["duration"] / 1000 for entry in bench.plain.slowlog_get(5_000) if b"EVAL" in entry["command"][:8]]
    bench.plain.config_set("slowlog-log-slower-than", 10_000)
    return {"longest": round(max(took), 2), "p99": round(sorted(took)[int(0.99 * len(took))], 2)}


def main() -> None:
    """Measure, show and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    bench = Bench(embedded.attach(None))
    found: dict[str, dict[str, float]] = {}
    steps: dict[str, Callable[[], dict[str, float]]] = {
        "Redis us of claim + finish per task, by ready users": lambda: growth(bench, options.rounds),
        "speed of a worker with a list, as part of one for everybody, by length": lambda: lists(bench, options.rounds),
        "Redis us per task of 100 users": lambda: capped(bench, options.rounds),
        "script time with a million tasks of one user, ms": lambda: million(bench),
        "wait of a quiet user's task, ms": lambda: waits(bench.url),
    }
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=len(steps))
        for name, measure in steps.items():
            progress.update(bar, description=name)
            found[name] = measure()
            progress.advance(bar)
    bench.queue()
    show(found, as_json=options.json)


def show(found: dict[str, dict[str, float]], *, as_json: bool) -> None:
    """Print the figures, and store them."""
    report = {"figures": found, "python": platform.python_version(), "at": time.strftime("%Y-%m-%d")}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print(json.dumps(report))
        return
    for name, figures in found.items():
        table = Table(title=name, title_justify="left", box=None)
        for column in figures:
            table.add_column(column, justify="right")
        table.add_row(*(f"{figure:,}" for figure in figures.values()))
        Console().print(table, "")


if __name__ == "__main__":
    main()
