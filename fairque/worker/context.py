"""What a task can ask about its own run."""

from __future__ import annotations

from contextvars import ContextVar, Token

from fairque.errors import FairqueError
from fairque.worker.holding import Holding


class TaskContext:
    """The run that is going on: `current_task()` returns it inside a task."""

    __slots__ = ("_holding", "queue")

    def __init__(self, holding: Holding, queue: str) -> None:
        self._holding = holding
        self.queue = queue

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
    def should_stop(self) -> bool:
        """Whether the run is no longer wanted: its worker is shutting down, or its lease has been lost."""
        return self._holding.unwanted


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
