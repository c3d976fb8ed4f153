"""Small traces for the tests, and how they are run."""

from __future__ import annotations

from typing import Any

from fairque.config import read_document
from fairque.monitoring.simulation import Run, Simulation
from fairque.monitoring.simulation_queue import SimulatedQueue
from fairque.monitoring.simulation_report import Report, replay
from fairque.monitoring.trace import Trace, find_trace, trace_of
from fairque.monitoring.trace_arrivals import Job
from fairque.monitoring.trace_changes import changed, read_change


def make(*arrivals: dict[str, Any], slots: int = 1, count: int = 1, **more: Any) -> Trace:
    """Return a trace of equal workers that serve everybody, unless `workers` says otherwise."""
    workers = [{"id": "w", "slots": slots, "count": count}]
    return trace_of({"workers": workers, "arrivals": list(arrivals)} | more, "test")


def run(trace: Trace, url: str, kind: type[SimulatedQueue] = SimulatedQueue) -> Run:
    """Simulate a trace."""
    with kind(trace, url) as queue:
        simulation = Simulation(trace, queue)
        for _ in simulation.steps():
            pass
    return simulation.result


def report(trace: Trace, url: str) -> Report:
    """Simulate a trace and make its report."""
    return replay(trace, url, lambda _done: None)


def shipped(name: str, *changes: str) -> Trace:
    """Return a trace that comes with fairque, changed."""
    path = find_trace(name)
    return trace_of(changed(read_document(path), map(read_change, changes)), name)


def job(user: str, arrived: int, started: int | None, length: int = 1000, cost: float = 1.0) -> Job:
    """Return a task that has run, or (`started` None) that still waits. In ms."""
    return Job(
        user_id=user,
        task="t",
        priority=3,
        cost=cost,
        arrived=arrived,
        length=length,
        started=started,
        ended=None if started is None else started + length,
    )
