"""A slot: one thread that runs one task at a time, and the only place where a run can be interrupted."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from fairque.errors import TaskStopped, TaskTimeout
from fairque.worker.children import Child
from fairque.worker.holding import Holding, Verdict

GRACE: Final = (4.0, 1.0)
"""Seconds that a run over its time is given to come back; then it is interrupted once more, for what was raised in it
may have got lost (in a `__del__`, say, Python drops it); and as many again, after which its thread is abandoned.
"""
_NOTHING: Final = object()


class Abandoned(BaseException):
    """Ends a thread whose run was given up: nobody waits for what it returned."""


class Watch(Protocol):
    """Who looks after deadlines."""

    next: float
    """When it will look by itself, on the monotonic clock."""

    def ring(self) -> None:
        """Make it look now."""


class Slot:
    """One runner thread. `call` is for that thread, the rest for any.

    No lock stands on the way of a run that nobody interrupts (it took 0.25 us of 20): the runner clears `holding`, then
    looks at `_alarm`; whoever interrupts raises `_alarm`, then looks at `holding`. One of the two sees the other.
    """

    def __init__(self, watch: Watch, thread: Callable[[Slot], threading.Thread]) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._alarm = False
        """Whether somebody is about to interrupt the run, or has."""
        self._interrupt: Callable[[], None] | None = None
        self._struck, self._late = False, 0
        self.holding: Holding | None = None
        """What runs and may be interrupted."""
        self.deadline = 0.0
        self.abandoned = False
        self.child: Child | None = None
        """The process in which this slot runs what asks for one; made when first needed."""
        self.thread = thread(self)

    def call(
        self, holding: Holding, work: Callable[[], Any], deadline: float, interrupt: Callable[[], None] | None = None
    ) -> Any:
        """Return what `work` returns. Until it has, and never after, the run can be interrupted: by `interrupt`, or
        without it by an exception raised in this thread. That arrives when the thread runs Python again, which may be
        on the way out of here: what has not arrived by then is taken back.

        Raises:
            Abandoned: nobody waits for this run any more.
            BaseException: what `work` raises.
        """
        result = _NOTHING
        try:
            try:
                self._interrupt, self.deadline = interrupt, deadline
                self.holding = holding
                if deadline < self._watch.next:
                    self._watch.ring()
                result = work()
            finally:
                self.holding = None
                if self._alarm:
                    self._recover()
        except (TaskTimeout, TaskStopped):
            # If it came in the lines above, they have not been run to their end. From where an exception is caught to
            # the next call, Python neither raises another nor lets another thread run.
            self.holding = None
            if self._alarm:
                self._recover()
            if result is _NOTHING:
                raise
        return result

    def stop(self, holding: Holding) -> None:
        """Interrupt this run if it goes on here, as its verdict says; asked again, only once. What is given back and
        has a thread of ours is only told: raising in a thread that is about to end with its process helps nobody.
        """
        with self._lock:
            self._alarm = True
            told = self._struck or (holding.verdict is Verdict.GIVEN_BACK and self._interrupt is None)
            if self.holding is holding and not told:
                self._strike(TaskStopped)
            self._alarm = self._struck

    def look(self, now: float) -> Holding | None:
        """Interrupt a run that is over its time. Return one that did not come back from it: it is abandoned."""
        abandoned = None
        with self._lock:
            self._alarm = True
            holding = self.holding
            if holding is not None and now >= self.deadline:
                if self._late < len(GRACE):
                    self.deadline = now + GRACE[self._late]
                    self._late += 1
                    holding.condemn(Verdict.TIMED_OUT)
                    self._strike(TaskTimeout)
                else:
                    abandoned, self.abandoned, self.holding = holding, True, None
            self._alarm = self._struck
        return abandoned

    def close(self) -> None:
        """Let the child process go."""
        if self.child is not None:
            self.child.close()

    def _strike(self, error: type[BaseException]) -> None:
        self._struck = True
        if self._interrupt is not None:
            self._interrupt()
        else:
            _raise_in(self.thread, error)

    def _recover(self) -> None:
        """Take back what has not arrived, once whoever interrupts is done, and begin anew."""
        with self._lock:
            _raise_in(self.thread, None)
            self._alarm, self._struck, self._late = False, False, 0
        if self.abandoned:
            raise Abandoned


def _raise_in(thread: threading.Thread, error: type[BaseException] | None) -> None:
    """Raise an exception in a thread as soon as it runs Python again; None: not any more."""
    what = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), what)
