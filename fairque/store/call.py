"""A Call is a value: one script, its queue, its arguments and how to read its answer. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, Generic, TypeVar

import msgspec

from fairque.errors import FairqueError, StoredDataError

T = TypeVar("T")
U = TypeVar("U")

Argument = str | bytes | int | float

_UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class _Reading:
    """A block that makes sense of what a queue holds: what it cannot read is nothing that fairque wrote.

    Raises: StoredDataError.
    """

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _UNREADABLE) and not isinstance(error, FairqueError):
            what = "a key of this queue holds something that fairque did not write"
            raise StoredDataError(f"{what} ({type(error).__name__})") from error


READING: Final = _Reading()


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One script call of one queue.

    Every script is atomic and safe to send twice, so whoever carries a Call may send it again when its answer was
    lost. `root` is `{prefix:queue}`, the one key that is declared; `read` turns Redis's reply into the answer.
    """

    script: str
    root: str
    args: tuple[Argument, ...]
    read: Callable[[Any], T]

    def answer(self, reply: Any) -> T:
        """Return what Redis's reply says.

        Raises:
            StoredDataError: it says what fairque did not write.
        """
        with READING:
            return self.read(reply)

    def then(self, make: Callable[[T], U]) -> Call[U]:
        """Return the same Call with its answer turned into something else."""
        read = self.read
        return Call(self.script, self.root, self.args, lambda reply: make(read(reply)))


class Sleep(msgspec.Struct, frozen=True):
    """A pause: block until there is a hint on `key`, for `seconds` at most."""

    key: str
    seconds: float


Conversation = Generator[Call[Any] | Sleep, Any, T]
"""Several Calls in a row (and pauses between them): it yields each, is sent its answer, and returns the outcome."""


def following(steps: Conversation[Any], answer: Any, error: FairqueError | None = None) -> Call[Any] | Sleep:
    """Tell a conversation the answer to its last step (None at first), or why there is none, and return the next one.

    Raises:
        FairqueError: `error`, unless the conversation knows what to do about it.
        StopIteration: that was the last; its value is the outcome.
        StoredDataError: the answer says what fairque did not write.
    """
    with READING:
        return steps.send(answer) if error is None else steps.throw(error)


def _never(key: str, seconds: float) -> None:
    raise NotImplementedError("this conversation pauses")


def carry(steps: Conversation[T], run: Callable[[Call[Any]], Any], sleep: Callable[[str, float], None] = _never) -> T:
    """Lead a conversation to its end, each Call carried by `run`, each pause, if it has any, by `sleep`."""
    answer: Any = None
    error: FairqueError | None = None
    try:
        while True:
            step = following(steps, answer, error)
            answer = error = None
            try:
                if isinstance(step, Sleep):
                    sleep(step.key, step.seconds)
                else:
                    answer = run(step)
            except FairqueError as refused:
                error = refused
    except StopIteration as done:
        outcome: T = done.value
        return outcome
