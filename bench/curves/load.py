"""What the curves put on queues: tasks that do nothing, but are counted or say how long they waited."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

from fairque import Task, task


class Tally:
    """Counts runs. At the `limit`-th it notes what has been spent, and tells who waits for it."""

    def __init__(self) -> None:
        self.limit = 0
        self.reached = threading.Event()
        self.last = self.cpu_seconds = 0.0
        """When the last counted run began, by `time.perf_counter`, and the process's CPU at the limit."""
        self._numbers = itertools.count(1)

    def note(self) -> None:
        number = next(self._numbers)
        if not self.limit or number <= self.limit:
            self.last = time.perf_counter()
        if number == self.limit:
            self.cpu_seconds = time.process_time()
            self.reached.set()

    def ran(self) -> int:
        """Return how many there were. To be asked once, in the end."""
        return next(self._numbers) - 1


tally = Tally()


@task(name="bench:nothing")
def nothing(_text: str) -> None:
    """Do nothing but be counted."""
    tally.note()


@task(name="bench:waited")
def waited(pushed: float) -> float:
    """Return for how many ms this waited since it was pushed: one clock serves all processes of a machine."""
    return (time.perf_counter() - pushed) * 1_000


def task_of(size: int) -> Task[None]:
    """Return a task with a body of so many bytes, or a few more where it has no argument left to shorten."""
    return nothing("x" * max(0, size - len(body_of(nothing("")))))


def body_of(one: Task[Any]) -> bytes:
    """Return a task's body as it is sent."""
    assert one.encode is not None
    return one.encode(one)
