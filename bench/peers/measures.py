"""What is measured of one contestant in one round, all on one new server, beside what redis-py reaches on it.

1. floors: redis-py's SET, EVALSHA of `return 1`, and SET of 100 bytes in pipelines of 1,000; again between the
   others and at the end, since a shared machine changes its pace: the middle ones count
2. pushes one by one, and in bulk calls of 1,000, by one process, while no worker runs; `used_memory` before and after
3. drain: one worker process starts on the full queue; from the first task's start to the last one's, which as a no-op
   ends as it starts. Starting the process is no part of it, storing the last results neither, for anybody.
4. pickup: from just before a push to the task's first line, on the same worker, now idle
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from contestants import Contestant
from processes import Process, Stage, stage
from redis import Redis

from fairque.monitoring.bench_floor import PlainRedis, percentile

USERS = [f"user-{n}" for n in range(100)]
WARM = 50  # pushes of a client that are not counted: connections, scripts
SETTLE = 0.5  # seconds for what the worker does after the last start
PAUSE = 0.02  # seconds between a task and the next push to an idle worker; up to twice as long
DRAIN_LIMIT = 180.0  # seconds
CLOSED = 2.0  # seconds for a client that has ended to be gone


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    pushes: int = 2_000
    """Pushed one by one."""
    bulk: int = 4_000
    """Pushed in bulk, at least; else as many as are drained."""
    share: float = 1.0
    """Of the tasks that a contestant drains."""
    pickups: int = 120
    rounds: int = 3


QUICK = Plan(pushes=300, bulk=1_000, share=0.1, pickups=20, rounds=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round gave. `_s`: a second; ratios are to the floor of this round."""

    set_s: float
    set_p50_us: float
    evalsha_s: float
    pipelined_set_s: float
    push_s: float
    push_p50_us: float
    push_p99_us: float
    push_ratio: float
    """To EVALSHA."""
    bulk_s: float | None
    bulk_ratio: float | None
    """To the pipelined SET, as is the drain's."""
    drain_s: float
    drain_ratio: float
    pickup_p50_ms: float
    pickup_p99_ms: float
    pickup_ratio: float
    """The median pickup in round trips of SET."""
    task_bytes: float
    """Of Redis's memory for a queued task, above its argument."""
    task_commands: float
    """That Redis runs for a task in the drain, those inside scripts included."""
    task_reads: float
    """Of Redis from its clients' sockets, for a task in the drain: round trips, a pipeline being one or a few."""


def measure(contestant: Contestant, python: Path, plan: Plan) -> Figures:
    """Measure one round.

    Raises:
        Failed: something did not start, or did not end.
    """
    tasks = max(int(contestant.tasks * plan.share), 100)
    bulk = max(plan.bulk, tasks)
    places = max(tasks + plan.pickups, WARM + plan.pushes + bulk)
    with stage(contestant, python, "shared", places) as scene, Redis.from_url(scene.url) as client:
        floors = [_floor(scene, plan)]
        client.flushall()
        pushed = _pushes(scene, client, plan, bulk)
        client.flushall()
        floors.append(_floor(scene, plan))
        scene.push(USERS, 0, many=tasks)
        floors.append(_floor(scene, plan))
        with scene.worker() as process:
            drained = _drain(scene, client, process, tasks)
            waits = _pickups(scene, tasks, plan.pickups)
        floors.append(_floor(scene, plan))
    return _figures(list(map(median, zip(*floors, strict=True))), pushed, drained, waits)


def _figures(floor: Sequence[float], pushed: "Pushed", drained: "Drained", waits: list[float]) -> Figures:
    set_s, set_p50_us, evalsha_s, pipelined_set_s = floor
    singles, bulk_s = pushed.singles, pushed.bulk_s
    push_s, drain_s = len(singles) / sum(singles), drained.tasks / drained.seconds
    return Figures(
        set_s=set_s,
        set_p50_us=set_p50_us,
        evalsha_s=evalsha_s,
        pipelined_set_s=pipelined_set_s,
        push_s=push_s,
        push_p50_us=percentile(singles, 50) * 1e6,
        push_p99_us=percentile(singles, 99) * 1e6,
        push_ratio=push_s / evalsha_s,
        bulk_s=bulk_s,
        bulk_ratio=bulk_s and bulk_s / pipelined_set_s,
        drain_s=drain_s,
        drain_ratio=drain_s / pipelined_set_s,
        pickup_p50_ms=percentile(waits, 50) * 1e3,
        pickup_p99_ms=percentile(waits, 99) * 1e3,
        pickup_ratio=percentile(waits, 50) * 1e6 / set_p50_us,
        task_bytes=pushed.task_bytes,
        task_commands=drained.commands / drained.tasks,
        task_reads=drained.reads / drained.tasks,
    )


def _floor(scene: Stage, plan: Plan) -> tuple[float, ...]:
    plain = PlainRedis(scene.url, "floor")
    try:
        floor = plain.floor(plan.pushes // 2)
        return floor.set_ops_s, floor.set_p50_us, floor.evalsha_ops_s, floor.pipelined_set_ops_s
    finally:
        plain.forget()
        plain.close()


@dataclass(frozen=True, slots=True)
class Pushed:
    """What pushes took: seconds for each single one, tasks a second in bulk, bytes of Redis's memory a task."""

    singles: list[float]
    bulk_s: float | None
    task_bytes: float


def _pushes(scene: Stage, client: Any, plan: Plan, bulk: int) -> Pushed:
    scene.push(USERS, 0, one=1)  # with its scripts, if it has any: they are no part of a task's memory
    tasks = WARM + plan.pushes + bulk
    before = _used(client)
    spans = scene.push(USERS, 0, one=WARM + plan.pushes, many=bulk)
    above = (_used(client) - before) / tasks - mean(len(str(place)) for place in range(tasks))
    singles, bulks = ([ended - began for began, ended in spans[kind]] for kind in ("one", "many"))
    return Pushed(singles[WARM:], bulk / sum(bulks) if bulks else None, above)


def _used(client: Any) -> int:
    """Return `used_memory`, once the clients that have ended are gone."""
    deadline = time.monotonic() + CLOSED
    while client.info("clients")["connected_clients"] > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    return int(client.info("memory")["used_memory"])


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain took. Commands and reads: of the whole drain, with the worker's own start."""

    tasks: int
    seconds: float
    commands: int
    reads: int


def _drain(scene: Stage, client: Any, process: Process, tasks: int) -> Drained:
    commands, reads = _counted(client)
    starts = scene.await_starts(process, 0, tasks, DRAIN_LIMIT)
    time.sleep(SETTLE)
    commands_after, reads_after = _counted(client)
    return Drained(tasks, max(starts) - min(starts), commands_after - commands, reads_after - reads)


def _counted(client: Any) -> tuple[int, int]:
    commands = client.info("commandstats").values()
    return sum(command["calls"] for command in commands), client.info("stats")["total_reads_processed"]


def _pickups(scene: Stage, first: int, count: int) -> list[float]:
    spans = scene.push(USERS, first, one=count, pause=PAUSE)
    starts = scene.starts()[first : first + count]
    return [start - began for start, (began, _) in zip(starts, spans["one"], strict=True)]
