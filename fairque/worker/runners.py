"""The threads that run tasks, and the two queues between them and the worker's loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from fairque.store.claims import Ended
from fairque.worker.holding import Holding

T = TypeVar("T")

Run = Callable[[Holding], Ended]

MANY: Final = 128
"""Finished runs that are worth a call to Redis by themselves."""


class Finished:
    """A run that is over: what was held, how it ended, and for how many seconds it ran."""

    __slots__ = ("ended", "holding", "seconds")

    def __init__(self, holding: Holding, ended: Ended, seconds: float) -> None:
        self.holding = holding
        self.ended = ended
        self.seconds = seconds


class Threads:
    """A fixed number of daemon threads. A task that never returns keeps its thread, and does not keep the process."""

    def __init__(self, slots: int, run: Run, ring: Callable[[], None], name: str) -> None:
        self._run = run
        self._ring = ring
        self._work: SimpleQueue[Holding | None] = SimpleQueue()
        self._done: SimpleQueue[Finished] = SimpleQueue()
        self._sleeping = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-runner-{n}", daemon=True) for n in range(slots)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def hand_out(self, holding: Holding) -> None:
        """Give a task to the next thread that is free."""
        self._work.put(holding)

    def waiting(self) -> int:
        """Return how many tasks no thread has taken yet."""
        return self._work.qsize()

    def take_back(self, keep: int) -> list[Holding]:
        """Return the tasks that no thread has taken yet, but for the first `keep` of them: no thread will."""
        taken: list[Holding] = []
        while (holding := _next(self._work)) is not None:
            taken.append(holding)
        for holding in taken[:keep]:
            self._work.put(holding)
        return taken[keep:]

    def collect(self) -> list[Finished]:
        """Return the runs that are over, in order."""
        finished: list[Finished] = []
        while (one := _next(self._done)) is not None:
            finished.append(one)
        return finished

    def has_finished(self) -> bool:
        """Whether some run is over and not collected."""
        return not self._done.empty()

    def worth_a_call(self) -> bool:
        """Whether the loop had better look: a thread is about to want work, or much is finished."""
        return not self._done.empty() and (self._work.empty() or self._done.qsize() >= MANY)

    def expect(self, *, sleeping: bool) -> None:
        """Say whether the loop sleeps, and so wants to be rung for."""
        self._sleeping = sleeping

    def stop(self) -> None:
        """Let each thread end after its current task."""
        for _ in self._threads:
            self._work.put(None)

    def _serve(self) -> None:
        work, done, run = self._work, self._done, self._run
        while (holding := work.get()) is not None:
            began = time.perf_counter()
            ended = run(holding)
            done.put(Finished(holding, ended, time.perf_counter() - began))
            if self._sleeping and self.worth_a_call():
                self._sleeping = False
                self._ring()


def _next(queue: SimpleQueue[T]) -> T | None:
    try:
        return queue.get_nowait()
    except Empty:
        return None
