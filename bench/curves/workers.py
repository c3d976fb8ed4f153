"""What workers do to a queue: with more threads, with larger bodies, and several processes at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from curves.curve import Curve, Series, at_least, at_most, level
from curves.ground import Drained, Ground
from curves.growth import USERS
from curves.load import body_of, task_of

from fairque import TaskQueue
from fairque.monitoring.bench_floor import timed
from fairque.monitoring.bench_load import users_of

LOT = 10_000_000
"""Bytes of bodies that one call pushes at most."""
HOLDS = 0.8
"""Part of one process's speed that several processes keep at least, where the cores are taken by one and Redis."""


def threads(ground: Ground) -> Curve:
    """Drain with one worker of more and more threads."""
    plan = ground.plan
    found = _drained(ground, "threads", plan.threads, plan.drained)
    xs, floor = list(plan.threads), ground.floor()
    rate = {x: median(sample.tasks_s for sample in found[x]) for x in xs}
    cpu = {x: min(sample.client_us for sample in found[x]) for x in xs}
    return Curve(
        name="threads",
        title="Drain by the number of threads",
        what=f"{plan.drained:,} tasks of 100 bytes that do nothing, {USERS} users, one worker in a process of its own, "
        "results kept. Tasks a second (median of the rounds), CPU of the worker's process (the least).",
        x_name="threads",
        x=[float(x) for x in xs],
        series=[
            Series("drain", "tasks/s", list(rate.values())),
            level("0.35 of pipelined SET", "tasks/s", 0.35 * floor, len(xs)),
            Series("CPU of the worker", "us a task", list(cpu.values())),
            level("15 us", "us a task", 15.0, len(xs)),
        ],
        goals=[
            at_least("drain, 8 threads", rate[8] / floor, 0.35, "pipelined SET"),
            at_most("CPU of the worker, 8 threads, us a task", cpu[8], 15, " us"),
        ],
        facts=ground.floors(),
    )


class Carried(NamedTuple):
    """Tasks, and plain SETs of the same size, a second."""

    pushed: float
    drained: float
    sets: float


def bodies(ground: Ground) -> Curve:
    """Push and drain tasks with larger and larger bodies."""
    plan = ground.plan
    sizes = {size: len(body_of(task_of(size))) for size in plan.bodies}
    found = defaultdict[int, list[Carried]](list)
    for size in ground.rounds(plan.bodies, lambda size: f"{size:,} bytes"):
        found[size].append(_carry(ground, size))
    xs = list(plan.bodies)
    push, drain, sets = _medians(found, xs)
    lengths = [float(sizes[x]) for x in xs]
    return Curve(
        name="bodies",
        title="Speed by the size of a body",
        what=f"{USERS} users, push_batch of 1,000 a call (fewer where that would be over 10 MB), then one worker of 8 "
        "threads; beside it redis-py's pipelined SET of a value of the same size. Medians of the rounds. The name of "
        f"the task is part of its body: the least has {sizes[xs[0]]} bytes.",
        x_name="bytes of a body",
        x=lengths,
        series=[
            Series("push_batch", "tasks/s", push),
            Series("drain", "tasks/s", drain),
            Series("pipelined SET", "tasks/s", sets, "floor"),
            Series("0.9 of pipelined SET", "tasks/s", [0.9 * rate for rate in sets], "goal"),
            Series("push_batch", "MB/s", _volume(push, lengths)),
            Series("drain", "MB/s", _volume(drain, lengths)),
            Series("pipelined SET", "MB/s", _volume(sets, lengths), "floor"),
        ],
        goals=[
            at_least(f"push_batch, {length:,.0f} bytes", rate / floor, 0.9, "pipelined SET of that size")
            for length, rate, floor in zip(lengths, push, sets, strict=True)
        ],
        facts=ground.floors(),
        log_y=True,
    )


def _carry(ground: Ground, size: int) -> Carried:
    plan, place = ground.plan, ground.place()
    count, lot = max(500, min(plan.drained, plan.volume // size)), max(1, min(1_000, LOT // size))
    one, names = task_of(size), users_of(USERS)
    with TaskQueue(ground.config(place)) as queue:
        lots = [[one.with_(user_id=names[n % USERS]) for n in range(at, at + lot)] for at in range(0, count, lot)]
        queue.get_stats()
        pushed = lot / median(timed(lambda n: queue.push_batch(lots[n]), len(lots)))
    sets = ground.plain.pipelined_sets(max(3, min(10, count // lot)), b"v" * size, lot)
    drained = ground.drain(place).tasks_s
    ground.clean()
    return Carried(pushed, drained, sets)


def _volume(rates: list[float], lengths: list[float]) -> list[float]:
    return [rate * length / 1e6 for rate, length in zip(rates, lengths, strict=True)]


def processes(ground: Ground) -> Curve:
    """Drain one queue with more and more processes at once."""
    plan = ground.plan
    found = _drained(ground, "processes", plan.processes, plan.shared)
    xs = list(plan.processes)
    rate, cpu, share = _medians(found, xs)
    least = min(rate[1:])
    return Curve(
        name="processes",
        title="Drain of one queue by several processes",
        what=f"{plan.shared:,} tasks of 100 bytes that do nothing, {USERS} users, so many processes with one worker of "
        "8 threads each, all started by one word. Tasks a second of all together, and the CPU of Redis's main thread "
        "meanwhile; medians of the rounds.",
        x_name="worker processes",
        x=[float(x) for x in xs],
        series=[
            Series("together", "tasks/s", rate),
            level(f"{HOLDS} of one process", "tasks/s", HOLDS * rate[0], len(xs)),
            Series("Redis", "% of a core", [part * 100 for part in share]),
            Series("CPU of the workers", "us a task", cpu),
        ],
        goals=[at_least(f"up to {xs[-1]} processes together, at worst", least / rate[0], HOLDS, "one process")],
        facts=ground.floors(),
    )


def _drained(ground: Ground, what: str, counts: Sequence[int], length: int) -> Mapping[int, list[Drained]]:
    """Drain queues of that length, each with so many `threads` or `processes`."""
    found = defaultdict[int, list[Drained]](list)
    for count in ground.rounds(counts, lambda count: f"{count} {what}"):
        place = ground.place()
        ground.fill(place, USERS, length)
        found[count].append(ground.drain(place, **{what: count}))
        ground.clean()
    return found


def _medians(found: Mapping[int, Sequence[tuple[float, ...]]], xs: Sequence[int]) -> list[list[float]]:
    """Return for each field of the samples its median at each x."""
    rows = [[median(values) for values in zip(*found[x], strict=True)] for x in xs]
    return [list(column) for column in zip(*rows, strict=True)]
