"""What a task costs as the queue grows: in users, and in tasks that wait."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

from curves.curve import Curve, Series, at_least, at_most, level
from curves.ground import BODY, Ground
from curves.hands import Place
from curves.load import task_of

from fairque import Task, TaskQueue
from fairque.monitoring.bench_load import users_of
from fairque.monitoring.bench_scripts import settle

BATCH = 1_000
USERS = 100
"""How many users there are where another quantity grows."""


class Cost(NamedTuple):
    """What a task cost: us of Redis's CPU to push it, and to claim and finish it, us of the client's, bytes queued."""

    push: float
    claim: float
    client: float
    above: float


def users(ground: Ground) -> Curve:
    """Push the same number of tasks for more and more users, claim and finish them."""
    plan = ground.plan
    found = defaultdict[int, list[Cost]](list)
    for count in ground.rounds(plan.users, lambda count: f"{count:,} users"):
        found[count].append(_cost(ground, count))
        ground.clean()
    xs = list(plan.users)
    push, claim, client = ([min(getattr(cost, name) for cost in found[x]) for x in xs] for name in Cost._fields[:3])
    whole = [sum(pair) for pair in zip(push, claim, strict=True)]
    return Curve(
        name="users",
        title="Cost of a task by the number of users",
        what=f"{plan.tasks:,} queued tasks of 100 bytes altogether, pushed by push_batch, 1,000 a call; "
        f"{plan.claimed:,} of them claimed and finished, results kept, by the scripts alone. CPU of Redis's main "
        "thread and of the pushing thread, the least of the rounds.",
        x_name="users",
        x=[float(x) for x in xs],
        series=[
            Series("Redis: push", "us a task", push),
            Series("Redis: claim + finish", "us a task", claim),
            Series("Redis: all", "us a task", whole),
            level("twice the least", "us a task", 2 * whole[0], len(xs)),
            Series("client: push", "us a task", client),
            Series("memory above the body", "bytes a task", [median(cost.above for cost in found[x]) for x in xs]),
            level("200 bytes", "bytes a task", 200.0, len(xs)),
        ],
        goals=[at_most(f"Redis CPU of a task, {xs[-1]:,} users", whole[-1] / whole[0], 2, f" times that of {xs[0]:,}")],
        facts=ground.floors(),
    )


def _cost(ground: Ground, count: int) -> Cost:
    plan, place, names = ground.plan, ground.place(), users_of(count)
    listed = [task_of(len(BODY)).with_(user_id=names[n % count]) for n in range(plan.tasks)]
    with TaskQueue(ground.config(place)) as queue:
        queue.get_stats()
        memory, cpu = ground.plain.settled_memory(), time.thread_time()
        push = ground.plain.cpu_of(lambda: _push(queue, listed))
        client = time.thread_time() - cpu
    above = (ground.plain.settled_memory() - memory) / plan.tasks - len(BODY)
    claim = ground.plain.cpu_of(lambda: settle(ground.driver, ground.root(place), plan.claimed))
    return Cost(_each(push, plan.tasks), _each(claim, plan.claimed), _each(client, plan.tasks), above)


def queued(ground: Ground) -> Curve:
    """Take tasks from queues that are filled up to their length before."""
    plan = ground.plan
    places = {length: ground.place() for length in plan.queued}
    costs, rates = defaultdict[int, list[float]](list), defaultdict[int, list[float]](list)
    for length in ground.rounds(plan.queued, lambda length: f"{length:,} queued", laps=plan.pairs):
        place, most = places[length], min(length, plan.served)
        costs[length].append(min(_claim(ground, place, length, most) for _ in range(plan.served // most)))
        if most == plan.served:
            ground.fill(place, USERS, length)
            rates[length].append(ground.drain(place, limit=most).tasks_s)
    ground.clean()
    return _of_queued(ground, costs, rates)


def _claim(ground: Ground, place: Place, length: int, most: int) -> float:
    """Return the us of Redis for one of so many tasks that are claimed and finished."""
    ground.fill(place, USERS, length)
    return _each(ground.plain.cpu_of(lambda: settle(ground.driver, ground.root(place), most)), most)


def _of_queued(ground: Ground, costs: Mapping[int, list[float]], rates: Mapping[int, list[float]]) -> Curve:
    plan, xs = ground.plan, list(ground.plan.queued)
    claim = [min(costs[x]) for x in xs]
    drain = [median(rates[x]) if x in rates else None for x in xs]
    near, far = min(rates), max(rates)
    ratio = median(b / a for a, b in zip(rates[near], rates[far], strict=True))
    cost = claim[-1] / claim[xs.index(near)]
    return Curve(
        name="queued",
        title="Speed by the number of queued tasks",
        what=f"{USERS} users. Of each queue, filled up before, {plan.served:,} tasks (or all) are claimed and finished "
        f"by the scripts alone (CPU of Redis's main thread, the least of the rounds); then the first {plan.served:,} "
        "are run by one worker of 8 threads (tasks a second from its start, the median of the rounds).",
        x_name="queued tasks",
        x=[float(x) for x in xs],
        series=[
            Series("drain", "tasks/s", drain),
            level(f"0.9 of {near:,} queued", "tasks/s", 0.9 * median(rates[near]), len(xs)),
            Series("Redis: claim + finish", "us a task", claim),
        ],
        goals=[at_least(f"drain with {far:,} queued", ratio, 0.9, f"that with {near:,} (median of pairs)")],
        facts={**ground.floors(), f"Redis CPU, {far:,} of {near:,} queued": cost},
    )


def _push(queue: TaskQueue, listed: list[Task[Any]]) -> None:
    for at in range(0, len(listed), BATCH):
        queue.push_batch(listed[at : at + BATCH])


def _each(seconds: float, count: int) -> float:
    return seconds / count * 1e6
