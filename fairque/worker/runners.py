"""The threads that run tasks, and what stands between them and the worker's loop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from fairque.store.claims import Ended
from fairque.worker.holding import Holding

_TASK: Final = 1
_END: Final = 0
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
        self._work: deque[Holding] = deque()
        # A token for each task, and one to end each thread. A thread takes a task when it goes on running, not when it
        # is woken: from Python 3.13 on SimpleQueue hands an item to a sleeping thread, which may then wait for the
        # interpreter's lock while others run tasks that came later (150 later ones were seen).
        self._tokens: SimpleQueue[int] = SimpleQueue()
        self._done: deque[Finished] = deque()
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
        self._work.append(holding)
        self._tokens.put(_TASK)

    def waiting(self) -> int:
        """Return how many tasks no thread has taken yet."""
        return len(self._work)

    def take_back(self, keep: int) -> list[Holding]:
        """Return the tasks that no thread has taken yet, but for the first `keep` of them: no thread will."""
        taken: deque[Holding] = deque()
        with contextlib.suppress(Empty):
            while len(self._work) > keep:
                self._tokens.get_nowait()
                taken.appendleft(self._work.pop())
        return list(taken)

    def collect(self) -> list[Finished]:
        """Return the runs that are over, in order."""
        return [self._done.popleft() for _ in range(len(self._done))]

    def has_finished(self) -> bool:
        """Whether some run is over and not collected."""
        return bool(self._done)

    def worth_a_call(self) -> bool:
        """Whether the loop had better look: a thread is about to want work, or much is finished."""
        return bool(self._done) and (not self._work or len(self._done) >= MANY)

    def expect(self, *, sleeping: bool) -> None:
        """Say whether the loop sleeps, and so wants to be rung for."""
        self._sleeping = sleeping

    def stop(self) -> None:
        """Let each thread end after its current task."""
        for _ in self._threads:
            self._tokens.put(_END)

    def _serve(self) -> None:
        tokens, work, done, run = self._tokens, self._work, self._done, self._run
        while tokens.get() == _TASK:
            holding = work.popleft()
            began = time.perf_counter()
            ended = run(holding)
            done.append(Finished(holding, ended, time.perf_counter() - began))
            if self._sleeping and self.worth_a_call():
                self._sleeping = False
                self._ring()
