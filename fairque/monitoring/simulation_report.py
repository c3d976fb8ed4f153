"""What a simulated run came to, per user: service received against what it was entitled to, and how long it waited."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from fairque.core.fairshare import jain
from fairque.monitoring.simulation import Run, Simulation
from fairque.monitoring.simulation_account import Account, History, history_of
from fairque.monitoring.simulation_queue import SimulatedQueue
from fairque.monitoring.trace import Trace
from fairque.monitoring.trace_arrivals import Job

UNITS: Final = {"count": "starts", "declared": "cost", "time": "run seconds"}
"""What service is counted in, by how starts are charged."""


class UserResult(msgspec.Struct, frozen=True, kw_only=True):
    """One user. Service is that in the report's window, in its unit; the shares are parts of all of it.

    Where workers do not serve all users alike, there is no entitlement: None.
    """

    user_id: str
    weight: float
    tasks: int
    """Submitted, refused ones included."""
    refused: int
    finished: int
    waiting: int
    """When the run ended."""
    received: float
    share: float
    entitled: float | None
    entitled_share: float | None
    ratio: float | None
    """The share received over the share entitled to."""
    behind: float | None
    """How far it was behind its entitlement at most, at any time."""
    wait_p50_s: float | None
    """From a task's arrival to its start, virtual seconds, over all that started; so are the others."""
    wait_p95_s: float | None
    wait_p99_s: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    title: str
    cost: str
    unit: str
    seconds: float
    """Virtual, from the beginning to the end."""
    window_s: tuple[float, float]
    """When users competed: from the first to the last instant at which two had tasks waiting."""
    competed: bool
    """False: never; the window is the whole run."""
    jain: float | None
    """Jain's index over the ratios: 1 where all are served exactly as they are entitled to."""
    slots: int
    busy: float
    """Part of all slots' time in which they ran something, 0 to 1."""
    idle_slot_seconds: float
    """Free slots times seconds while a task waited that could have run there: 0, unless a wake-up was forgotten."""
    settles: int
    wakes: int
    polls: int
    users: tuple[UserResult, ...]
    samples: tuple[Account, ...]

    @property
    def alike(self) -> bool:
        """Whether all workers serve all users, so that there is an entitlement."""
        return self.jain is not None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, without the samples."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["samples"]
        return plain


def replay(trace: Trace, url: str, on_step: Callable[[float], None]) -> Report:
    """Simulate a trace on a server, under keys of its own; `on_step` hears how much of it is done, 0 to 1.

    Raises:
        FairqueError: Redis is out of reach, or the scripts did what they must never do.
    """
    with SimulatedQueue(trace, url) as queue:
        simulation = Simulation(trace, queue)
        for done in simulation.steps():
            on_step(done)
    return report_of(trace, simulation.result)


def report_of(trace: Trace, run: Run) -> Report:
    """Return the report of a run that is over."""
    history = history_of(trace, run.jobs, run.end)
    alike = all(crew.serves_all for crew in trace.workers)
    users = _users(trace, run.jobs, history, alike=alike)
    busy = sum(
        (run.end if job.ended is None else job.ended) - job.started for job in run.jobs if job.started is not None
    )
    window = history.window
    return Report(
        title=trace.title or "A trace without a title",
        cost=trace.cost,
        unit=UNITS[trace.cost],
        seconds=run.end / 1000,
        window_s=(window.first.at / 1000, window.last.at / 1000),
        competed=history.competed,
        jain=round(jain([user.ratio for user in users if user.ratio is not None]), 6) if alike else None,
        slots=trace.slots,
        busy=round(busy / (trace.slots * max(1, run.end)), 4),
        idle_slot_seconds=run.lost_ms / 1000,
        settles=run.settles,
        wakes=run.wakes,
        polls=run.polls,
        users=users,
        samples=history.samples,
    )


def _users(trace: Trace, jobs: Sequence[Job], history: History, *, alike: bool) -> tuple[UserResult, ...]:
    own: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        own[job.user_id].append(job)
    totals = [sum(amounts) for amounts in zip(*map(history.window.of, trace.user_ids), strict=True)]
    return tuple(_user(trace, user, own[user], history, totals, alike=alike) for user in trace.user_ids)


def _user(
    trace: Trace, user_id: str, jobs: Sequence[Job], history: History, totals: Sequence[float], *, alike: bool
) -> UserResult:
    received, entitled = history.window.of(user_id)
    share, due = received / (totals[0] or 1), entitled / (totals[1] or 1)
    waits = sorted(job.started - job.arrived for job in jobs if job.started is not None)
    refused = sum(job.refused for job in jobs)
    p50, p95, p99 = (_percentile(waits, part) for part in (0.5, 0.95, 0.99))
    return UserResult(
        user_id=user_id,
        weight=trace.settings_of(user_id).weight,
        tasks=len(jobs),
        refused=refused,
        finished=sum(job.ended is not None for job in jobs),
        waiting=len(jobs) - refused - len(waits),
        received=round(received, 3),
        share=share,
        entitled=round(entitled, 3) if alike else None,
        entitled_share=due if alike else None,
        ratio=share / due if alike and due > 0 else None,
        behind=round(history.behind[user_id], 3) if alike else None,
        wait_p50_s=p50,
        wait_p95_s=p95,
        wait_p99_s=p99,
    )


def _percentile(waits: Sequence[int], part: float) -> float | None:
    """Return the wait (s) that this part of them did not exceed."""
    return waits[math.ceil(part * len(waits)) - 1] / 1000 if waits else None
