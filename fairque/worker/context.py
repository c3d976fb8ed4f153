"""What a task can ask and say about its own run."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Final, Protocol

from fairque.core.models import Progress
from fairque.core.quantity import check_number
from fairque.errors import FairqueError, StaleLease, TaskValidationError
from fairque.worker.holding import Holding

MOST_SAID: Final = 1_000
"""Characters of a progress message; what is beyond is cut off."""


class Tether(Protocol):
    """What ties a run to the worker that holds its lease, in this process or in its parent."""

    queue: str

    def renew(self, holding: Holding) -> bool:
        """Renew the lease now; say whether it still held."""

    def report(self, holding: Holding) -> None:
        """Let it be known how far the run has come."""


class TaskContext:
    """The run that is going on: `current_task()` returns it inside a task."""

    __slots__ = ("_holding", "_tether")

    def __init__(self, holding: Holding, tether: Tether) -> None:
        self._holding = holding
        self._tether = tether

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._holding.grant.task_id

    @property
    def user_id(self) -> str:
        """The user it belongs to."""
        return self._holding.grant.user_id

    @property
    def attempt(self) -> int:
        """1 at the first grant, and one more at each further one."""
        return self._holding.grant.attempt

    @property
    def queue(self) -> str:
        """The name of the queue it came from."""
        return self._tether.queue

    @property
    def should_stop(self) -> bool:
        """Whether the run is no longer wanted: its worker is shutting down, it was canceled, or its lease was lost."""
        return self._holding.unwanted

    def progress(self, percent: float, message: str = "") -> None:
        """Say how far the run has come, from 0 to 100. It is seen within about a second; the last word counts.

        Raises:
            TaskValidationError: `percent` is not such a number, or `message` is not a string.
        """
        if not isinstance(message, str):
            raise TaskValidationError(f"message: expected a string, got {type(message).__name__}")
        said = message[:MOST_SAID].encode(errors="backslashreplace").decode()
        self._holding.progress = Progress(check_number("percent", percent, 0, 100), said)
        self._tether.report(self._holding)

    def heartbeat(self) -> None:
        """Renew this run's lease now. The worker does so by itself; this tells whether the run still counts. It waits
        for Redis: in a coroutine call it by `asyncio.to_thread`.

        Raises:
            StaleLease: the lease has lapsed; what this run returns will not be accepted.
            RedisUnavailable: Redis cannot be reached.
        """
        if not self._tether.renew(self._holding):
            self._holding.unwanted = True
            raise StaleLease(f"{self.task_id}: its lease has lapsed and the task was given back")


_current: ContextVar[TaskContext] = ContextVar("fairque_current_task")


def current_task() -> TaskContext:
    """Return the context of the task that this thread (or coroutine) runs.

    Raises:
        FairqueError: nothing is running here.
    """
    try:
        return _current.get()
    except LookupError:
        raise FairqueError("current_task(): there is none: this code does not run inside a worker's task") from None


def enter(context: TaskContext) -> Token[TaskContext]:
    """Make `context` the current one; give the token to `leave`."""
    return _current.set(context)


def leave(token: Token[TaskContext]) -> None:
    """Undo `enter`."""
    _current.reset(token)
