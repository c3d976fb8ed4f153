"""The slots that run tasks, and what stands between them and the worker's loop."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

import msgspec

from fairque.core.settings import WorkerSettings
from fairque.store.claims import Ended
from fairque.worker.execution import Execution
from fairque.worker.holding import Holding
from fairque.worker.slot import Abandoned, Slot
from fairque.worker.watchdog import Watchdog

log = logging.getLogger("fairque.worker")

_TASK: Final = 1
_END: Final = 0

_LETTING_GO: Final = 2.0
"""Seconds for which a slot's thread is waited for that has a child process to end."""
MANY: Final = 128
"""Finished runs that are worth a call to Redis by themselves."""


class Finished(msgspec.Struct, frozen=True):
    """A run that is over: what was held, how it ended, and for how many seconds it ran."""

    holding: Holding
    ended: Ended
    seconds: float


class Runners:
    """The slots of one worker. Their threads are daemons: a task that never returns keeps its thread, and does not
    keep the process.
    """

    def __init__(self, worker: WorkerSettings, execution: Execution, ring: Callable[[], None]) -> None:
        self._worker = worker
        self._execution = execution
        self._ring = ring
        self._work: deque[Holding] = deque()
        # A token for each task, and one to end each thread. A thread takes a task when it goes on running, not when it
        # is woken: from Python 3.13 on SimpleQueue hands an item to a sleeping thread, which may then wait for the
        # interpreter's lock while others run tasks that came later (150 later ones were seen).
        self._tokens: SimpleQueue[int] = SimpleQueue()
        self._done: deque[Finished] = deque()
        self._sleeping = False
        self._numbers = itertools.count()
        self._abandoned: list[Slot] = []
        self._watchdog = Watchdog(lambda: self.slots, self._replace, worker.id)
        self.slots = tuple(self._slot() for _ in range(worker.max_concurrent_tasks))

    def start(self) -> None:
        """Start the threads."""
        self._watchdog.start()
        for slot in self.slots:
            slot.thread.start()

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

    def interrupt(self, holding: Holding) -> None:
        """Make a run end, as far as that is possible, for the reason that its verdict is. It may be asked again."""
        for slot in self.slots:
            if slot.holding is holding:
                slot.stop(holding)

    def collect(self) -> list[Finished]:
        """Return the runs that are over, in order."""
        return [self._done.popleft() for _ in range(len(self._done))]

    def finished(self) -> int:
        """Return how many runs are over and not collected."""
        return len(self._done)

    def worth_a_call(self) -> bool:
        """Whether the loop had better look: a thread is about to want work, or much is finished."""
        return bool(self._done) and (not self._work or len(self._done) >= MANY)

    def expect(self, *, sleeping: bool) -> None:
        """Say whether the loop sleeps, and so wants to be rung for."""
        self._sleeping = sleeping

    def abandoned(self) -> int:
        """Return how many threads have been abandoned and still run."""
        return sum(slot.thread.is_alive() for slot in self._abandoned)

    def stop(self) -> None:
        """Let each thread end after its current task."""
        for _ in self.slots:
            self._tokens.put(_END)

    def close(self) -> None:
        """Look after nothing any more. No child process stays, not even beside a thread that does not end."""
        self._watchdog.stop()
        with_child = [(slot, slot.child) for slot in self.slots if slot.child is not None]
        for slot, child in with_child:
            if slot.holding is not None:
                child.kill()
        for slot, _ in with_child:
            slot.thread.join(_LETTING_GO)

    def _slot(self, left_over: Holding | None = None) -> Slot:
        name = f"{self._worker.id}-runner-{next(self._numbers)}"
        return Slot(
            self._watchdog,
            lambda slot: threading.Thread(target=self._serve, args=(slot, left_over), name=name, daemon=True),
        )

    def _serve(self, slot: Slot, left_over: Holding | None) -> None:
        tokens, work, done, run = self._tokens, self._work, self._done, self._execution.run
        if left_over is not None:
            self._settle(left_over)
        try:
            while tokens.get() == _TASK:
                holding = work.popleft()
                began = time.perf_counter()
                ended = run(holding, slot)
                done.append(Finished(holding, ended, time.perf_counter() - began))
                if self._sleeping and self.worth_a_call():
                    self._sleeping = False
                    self._ring()
        except Abandoned:
            pass
        finally:
            slot.close()

    def _replace(self, slot: Slot, holding: Holding) -> None:
        """Put a new thread in the place of one that did not come back, unless too many did not. Whatever that one
        returns later is dropped; what becomes of its task is settled now, on the new thread, for hooks may take long.
        """
        self._abandoned = [one for one in (*self._abandoned, slot) if one.thread.is_alive()]
        if slot.child is not None:
            slot.child.kill()
        count = len(self._abandoned)
        told = (self._worker.id, holding.grant.task_id, count)
        log.error("worker %s abandons the thread of task %s: %d are abandoned", *told, extra=holding.about)
        if count <= self._worker.max_abandoned_threads:
            successor = self._slot(holding)
            self.slots = (*self._without(slot), successor)
            successor.thread.start()
        else:
            threading.Thread(target=self._retire, args=(slot, holding), daemon=True).start()

    def _retire(self, slot: Slot, holding: Holding) -> None:
        self._settle(holding)
        self.slots = self._without(slot)
        self._ring()

    def _without(self, slot: Slot) -> tuple[Slot, ...]:
        return tuple(one for one in self.slots if one is not slot)

    def _settle(self, left: Holding) -> None:
        """Say how a run ended whose thread did not come back."""
        try:
            ended = self._execution.abandoned(left)
        except Abandoned:
            return
        self._done.append(Finished(left, ended, time.monotonic() - (left.started or 0.0)))
        self._ring()
