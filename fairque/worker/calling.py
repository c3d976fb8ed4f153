"""One call of a task: on its slot's thread, as a coroutine, or in a child process. Middleware stands around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from types import CoroutineType
from typing import Any

import msgspec

from fairque.core import codec
from fairque.core.models import Task
from fairque.core.outcome import Again, Bury
from fairque.errors import TaskValidationError
from fairque.worker.children import Child
from fairque.worker.context import Tether
from fairque.worker.coroutines import Coroutines
from fairque.worker.handler import Middleware
from fairque.worker.holding import Holding
from fairque.worker.messages import Raised, Returned, error_of
from fairque.worker.slot import Slot


class Calling(msgspec.Struct):
    """One call of a task, for `limit` seconds."""

    _holding: Holding
    _slot: Slot
    _limit: float

    def __call__(self) -> Any:
        """Return what the task returns, and raise what it raises."""
        raise NotImplementedError

    def encoded(self, result: Any) -> bytes:
        """Return what the task has returned as JSON."""
        return codec.encode_result(result)

    def outcome_of(self, error: BaseException) -> Again | Bury | None:  # noqa: ARG002 - nothing is known here
        """Return what is to become of the task because of this error, where that is known already."""
        return None


class CallHere(Calling):
    """`work` is called in this process; a coroutine that it returns is awaited."""

    _work: Callable[[], Any]
    _coroutines: Coroutines

    def __call__(self) -> Any:
        """As `Calling`."""
        deadline = time.monotonic() + self._limit
        result = self._slot.call(self._holding, self._work, deadline)
        if type(result) is CoroutineType:
            flight = self._coroutines.begin(result)
            result = self._slot.call(self._holding, flight.wait, deadline, flight.cancel)
        return result


class CallInChild(Calling):
    """The child process of the slot calls the task. It knows the classes of its errors, so it says what becomes of the
    task; that stands unless middleware makes another error of it.
    """

    _task: Task[Any]
    _tether: Tether
    _returns: Any
    _json: bytes = b""
    _raised: tuple[BaseException, Again | Bury] | None = None

    def __call__(self) -> Any:
        """As `Calling`."""
        child = self._child()
        work = partial(child.run, self._holding, self._tether)
        answer: Returned | Raised = self._slot.call(self._holding, work, time.monotonic() + self._limit, child.kill)
        if isinstance(answer, Raised):
            self._raised = error_of(answer)
            raise self._raised[0]
        self._json = answer.result
        return codec.decode_result(answer.result, self._returns)

    def encoded(self, result: Any) -> bytes:  # noqa: ARG002 - the child has encoded it
        """As `Calling`."""
        return self._json

    def outcome_of(self, error: BaseException) -> Again | Bury | None:
        """As `Calling`."""
        return self._raised[1] if self._raised is not None and error is self._raised[0] else None

    def _child(self) -> Child:
        if self._task.function is None:
            raise TaskValidationError("a payload task cannot run in a child process: its TaskHandler is in the worker")
        if self._slot.child is None or not self._slot.child.alive:
            self._slot.child = Child()
        self._slot.child.prepare(self._task.function.__module__)
        return self._slot.child


def wrapped(layers: Sequence[Middleware], task: Task[Any], call: Callable[[], Any]) -> Callable[[], Any]:
    """Return a call with layers around it, the outermost first."""
    for layer in reversed(layers):
        call = partial(layer.around, task, call)
    return call
