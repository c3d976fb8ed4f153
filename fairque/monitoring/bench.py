"""`fairque bench`: how fast a queue is here, beside what redis-py and the server can do at most.

The machine may be shared and noisy: floors are measured before, between and after the product's figures of each round,
every figure is a median over the rounds, and only ratios within one run mean much.
"""

from __future__ import annotations

import itertools
import os
import platform
import uuid
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any, Final, TypeVar

from msgspec import Struct

from fairque.core.settings import RedisSettings
from fairque.monitoring.bench_floor import Floor, PlainRedis, percentile, timed
from fairque.monitoring.bench_load import config_of, drain_elsewhere, nothing, pickups, tasks_of, users_of
from fairque.monitoring.bench_scripts import BODY, pushes, settle
from fairque.queue.queue import TaskQueue
from fairque.store import embedded, tasks
from fairque.store.driver import Driver

S = TypeVar("S", bound=Struct)

_BATCH: Final = 1_000
USERS: Final = (10, 100, 10_000)
"""How many users there are at once unless other numbers are asked for; the goals speak of 100."""


class Plan(Struct, frozen=True):
    """How much is measured. `tasks` are those of one batch, drain or loop; `calls` those made one by one."""

    users: tuple[int, ...] = USERS
    tasks: int = 50_000
    calls: int = 3_000
    pickups: int = 60
    rounds: int = 5

    @classmethod
    def quick(cls, users: tuple[int, ...], tasks: int | None) -> Plan:
        """Return one short round."""
        return cls(users=users, tasks=tasks or 5_000, calls=500, pickups=50, rounds=1)


class Single(Struct, frozen=True):
    """Pushes one by one."""

    ops_s: float
    p50_us: float
    p99_us: float


class Rate(Struct, frozen=True):
    """Tasks a second."""

    tasks_s: float


class Pickup(Struct, frozen=True):
    """From just before a push to the task's first line, on an idle worker."""

    p50_ms: float
    p99_ms: float


class Report(Struct, frozen=True):
    """All figures of a run. The keys of each dict are numbers of users."""

    floor: Floor
    push_single: dict[str, Single]
    push_batch: dict[str, Rate]
    drain: dict[str, Rate]
    pickup: Pickup
    bytes_per_task: dict[str, float]
    redis_us_per_task: dict[str, float]
    client_us_per_task: dict[str, float]
    versions: dict[str, Any]


class Bench:
    """One run on one server, under a prefix of its own that is removed at the end. Tells `on_step` what is next."""

    on_step: Callable[[str], object]

    def __init__(self, plan: Plan, url: str | None) -> None:
        self._plan, self.on_step = plan, _quietly
        self._url = url if url and not url.startswith("embedded://") else embedded.attach(_path_of(url))
        self._prefix = f"bench-{uuid.uuid4().hex[:12]}"
        self._plain = PlainRedis(self._url, self._prefix)
        self._names = itertools.count()
        self._samples: dict[tuple[str, str], list[Any]] = defaultdict(list)

    @property
    def steps(self) -> int:
        """How many steps `on_step` will be told of."""
        return 1 + self._plan.rounds * (2 + 3 * len(self._plan.users))

    def run(self) -> Report:
        """Measure everything and return the report."""
        try:
            self._warm_up()
            for _ in range(self._plan.rounds):
                self._round()
            return self._report()
        finally:
            self._plain.forget()
            self._plain.close()

    def _warm_up(self) -> None:
        self.on_step("warm-up")
        plan = self._plan
        self._plan = Plan(users=(10,), tasks=500, calls=200, pickups=5, rounds=1)
        on_step, self.on_step = self.on_step, _quietly
        self._round()
        self._samples.clear()
        self._plan, self.on_step = plan, on_step

    def _round(self) -> None:
        for count in self._plan.users:
            self._floor()
            self.on_step(f"{count:,} users: push and drain")
            self._push_and_drain(count)
            self.on_step(f"{count:,} users: memory and CPU of the server")
            self._by_hand(count)
        self.on_step("pickup")
        self._add("pickup", *pickups(self._config(), self._plan.pickups))
        self._floor()

    def _floor(self) -> None:
        self.on_step("floors")
        self._add("floor", self._plain.floor(self._plan.calls))

    def _push_and_drain(self, count: int) -> None:
        config, users, calls = self._config(), users_of(count), self._plan.calls
        listed = tasks_of(users, self._plan.tasks)
        with TaskQueue(config) as queue:
            batches = [listed[at : at + _BATCH] for at in range(0, len(listed), _BATCH)]
            queue.get_stats()
            seconds = timed(lambda n: queue.push_batch(batches[n]), len(batches))
            self._add("push_batch", len(listed) / sum(seconds), users=count)
            seconds = timed(lambda n: queue.push(nothing(n), user_id=users[n % count]), calls)
        single = Single(calls / sum(seconds), percentile(seconds, 50) * 1e6, percentile(seconds, 99) * 1e6)
        self._add("push_single", single, users=count)
        spent, drained = drain_elsewhere(self._url, self._prefix, config.queue.name), len(listed) + calls
        self._add("drain", drained / spent.seconds, users=count)
        self._add("client_us_per_task", spent.cpu_seconds / drained * 1e6, users=count)
        self._plain.forget()

    def _by_hand(self, count: int) -> None:
        """Push, claim and finish by the scripts alone, while the server's memory and CPU are read."""
        root = tasks.root_of(self._prefix, self._config().queue.name)
        driver = Driver(RedisSettings(url=self._url))
        calls = pushes(root, users_of(count), self._plan.tasks)
        memory = self._plain.settled_memory()
        cpu = self._plain.cpu_of(lambda: driver.run_all(calls, []))
        above = (self._plain.settled_memory() - memory) / self._plan.tasks - len(BODY)
        cpu += self._plain.cpu_of(lambda: settle(driver, root))
        driver.close()
        self._plain.forget()
        self._add("bytes_per_task", above, users=count)
        self._add("redis_us_per_task", cpu / self._plan.tasks * 1e6, users=count)

    def _config(self) -> Any:
        return config_of(self._url, self._prefix, f"q{next(self._names)}")

    def _add(self, figure: str, *values: Any, users: int = 0) -> None:
        self._samples[figure, str(users)] += values

    def _report(self) -> Report:
        waits = self._samples["pickup", "0"]
        singles = self._of("push_single")
        return Report(
            floor=_median(self._samples["floor", "0"]),
            push_single={users: _median(values) for users, values in singles.items()},
            push_batch={users: Rate(rate) for users, rate in self._medians("push_batch").items()},
            drain={users: Rate(rate) for users, rate in self._medians("drain").items()},
            pickup=Pickup(percentile(waits, 50) * 1e3, percentile(waits, 99) * 1e3),
            bytes_per_task=self._medians("bytes_per_task"),
            redis_us_per_task=self._medians("redis_us_per_task"),
            client_us_per_task=self._medians("client_us_per_task"),
            versions=versions_of(self._plain.server()),
        )

    def _medians(self, figure: str) -> dict[str, float]:
        return {users: median(values) for users, values in self._of(figure).items()}

    def _of(self, figure: str) -> dict[str, list[Any]]:
        return {users: values for (name, users), values in self._samples.items() if name == figure}


def _quietly(_: str) -> None:
    pass


def _median(samples: list[S]) -> S:
    """Return the medians of each field; of what was never measured, None."""
    fields = type(samples[0]).__struct_fields__
    known = ([value for sample in samples if (value := getattr(sample, name)) is not None] for name in fields)
    return type(samples[0])(*(median(values) if values else None for values in known))


def _path_of(url: str | None) -> str | None:
    return (url or "").removeprefix("embedded://") or None


def versions_of(server: str) -> dict[str, Any]:
    """Return what was measured, and where."""
    packages = {name: version(name) for name in ("fairque", "hiredis", "msgspec")}
    return {
        "python": platform.python_version(),
        **packages,
        "redis-py": version("redis"),
        "server": server,
        "cores": os.cpu_count(),
    }
