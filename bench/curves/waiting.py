"""What happens while little happens: workers that wait for work, and a quiet user's task beside another's flood."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

from curves.curve import Curve, Series, at_most, level
from curves.ground import Ground, crew
from curves.hands import Flood, Job, Serve
from curves.load import waited

from fairque import TaskHandle, TaskQueue
from fairque.monitoring.bench_floor import percentile
from fairque.store import scripts

EVERY = 0.01
"""Seconds between two tasks of the quiet user."""
PERCENTS = (10, 25, 50, 75, 90, 99)
LOG = {"slowlog-log-slower-than": 500, "slowlog-max-len": 10_000}
"""From how many microseconds on Redis logs a script, and how many of them."""


def idle(ground: Ground) -> Curve:
    """Let workers wait, and look at what that costs."""
    plan = ground.plan
    redis, own = [], []
    for n, count in enumerate(plan.idle):
        ground.tell(f"{count} idle workers", n / len(plan.idle))
        place = ground.place()
        jobs = (Serve(place, f"bench.{m}", plan.each, threads=1) for m in range(count // plan.each))
        with crew(*jobs) as hands:
            time.sleep(plan.settling)
            redis.append(ground.plain.cpu_of(lambda: time.sleep(plan.looked)) / plan.looked * 100)
            for hand in hands:
                hand.go()
            done = [hand.done() for hand in hands]
        own.append(sum((one.cpu_seconds / (one.ended - one.began) for one in done), 0.0) * 100)
        ground.clean()
    xs = list(plan.idle)
    return Curve(
        name="idle",
        title="What idle workers cost",
        what=f"Workers of one thread each with nothing to do, {plan.each} in a process (each has its own connections, "
        f"heartbeat and waits, as alone in a process). CPU of Redis's main thread over {plan.looked:g} s, "
        f"{plan.settling:g} s after they have started; with 0 workers it is the server's own. CPU of the workers' "
        "processes is given beside it.",
        x_name="idle workers",
        x=[float(x) for x in xs],
        series=[
            Series("Redis", "% of a core", redis),
            Series("the workers themselves", "% of a core", own),
            level("1 %", "% of a core", 1.0, len(xs)),
        ],
        goals=[at_most(f"Redis CPU of {xs[-1]} idle workers", redis[-1], 1, " %")],
        facts={},
        log_x=False,
    )


class Waits(NamedTuple):
    """A quiet user's waits in ms, the longest script that Redis logged meanwhile, and the flood's tasks a second."""

    waits: list[float]
    script: tuple[float, str]
    flood_s: float


SITUATIONS = {
    "alone": "nobody else",
    "beside": "flood, own worker",
    "shared": "flood, one worker for all",
}


def flood(ground: Ground) -> Curve:
    """Push a quiet user's tasks one by one, alone and while another user pushes a flood."""
    plan = ground.plan
    found: dict[str, list[Waits]] = {name: [] for name in SITUATIONS}
    for name in ground.rounds(list(SITUATIONS), lambda name: SITUATIONS[name]):
        found[name].append(_situation(ground, name))
        ground.clean()
    waits = {name: sorted(wait for sample in found[name] for wait in sample.waits) for name in SITUATIONS}
    at = {name: {percent: percentile(waits[name], percent) for percent in PERCENTS} for name in SITUATIONS}
    script = {name: max(sample.script for sample in found[name]) for name in SITUATIONS}
    return Curve(
        name="flood",
        title="From push to start for a quiet user, beside another's flood",
        what=f"A quiet user pushes a task every {EVERY * 1000:g} ms to a worker of 8 threads in a process of its own: "
        f"with nobody else; while a process pushes {plan.flood:,} tasks of another user, 1,000 a call, which this "
        "worker does not serve (so only Redis is shared); and while this worker serves both, the flood's tasks doing "
        "nothing. Four busy processes share the cores: waits for a core are part of it.",
        x_name="percentile",
        x=[float(percent) for percent in PERCENTS],
        series=[Series(SITUATIONS[name], "ms", [at[name][percent] for percent in PERCENTS]) for name in SITUATIONS],
        goals=[
            at_most("p99 with nobody else", at["alone"][99] / at["alone"][50], 3, " times p50"),
            at_most("longest script beside the flood, ms", max(script["beside"], script["shared"])[0], 5, " ms"),
        ],
        facts={**ground.floors(), **_facts(found, script)},
        log_x=False,
        log_y=True,
    )


def _situation(ground: Ground, name: str) -> Waits:
    place = ground.place()
    jobs: list[Job] = [Serve(place, "bench", users=("quiet",) if name == "beside" else ("*",))]
    if name != "alone":
        jobs.append(Flood(place, ground.plan.flood))
    with _logged(ground.redis), crew(*jobs) as hands, TaskQueue(ground.config(place)) as queue:
        for handle in _pushed(queue, 10):  # the first of all finds everything cold
            handle.result(timeout=60)
        if name == "alone":
            return Waits(_results(_pushed(queue, ground.plan.samples)), _longest(ground.redis), 0.0)
        hands[1].go()
        handles = []
        while hands[1].is_busy():
            handles += _pushed(queue, 1)
        done = hands[1].done()
        return Waits(_results(handles), _longest(ground.redis), done.tasks / (done.ended - done.began))


def _pushed(queue: TaskQueue, count: int) -> list[TaskHandle[float]]:
    handles = []
    for _ in range(count):
        handles.append(queue.push(waited(time.perf_counter()), user_id="quiet"))
        time.sleep(EVERY)
    return handles


def _results(handles: list[TaskHandle[float]]) -> list[float]:
    return [handle.result(timeout=60) for handle in handles]


@contextmanager
def _logged(redis: Any) -> Iterator[None]:
    """Let the server log long scripts during the block."""
    before = {name: redis.config_get(name)[name] for name in LOG}
    for name, value in LOG.items():
        redis.config_set(name, value)
    redis.slowlog_reset()
    try:
        yield
    finally:
        for name, value in before.items():
            redis.config_set(name, value)


def _longest(redis: Any) -> tuple[float, str]:
    """Return for how many ms the longest script ran, and its name; no ms where none was logged."""
    names = {scripts.load(name).sha.encode(): name for name in scripts.names()}
    logged = (one for one in redis.slowlog_get(10_000) if one["command"].startswith(b"EVALSHA"))
    ran = [(one["duration"] / 1_000, names.get(one["command"].split()[1], "another")) for one in logged]
    return max(ran, default=(0.0, "none"))


def _facts(found: dict[str, list[Waits]], longest: dict[str, tuple[float, str]]) -> dict[str, float]:
    facts: dict[str, float] = {}
    for name, label in SITUATIONS.items():
        took, script = longest[name]
        facts[f"{label}: tasks of the quiet user"] = float(sum(len(sample.waits) for sample in found[name]))
        facts[f"{label}: longest script ({script}), ms"] = took
        if name != "alone":
            facts[f"{label}: tasks/s of the flood"] = median(sample.flood_s for sample in found[name])
    return facts
