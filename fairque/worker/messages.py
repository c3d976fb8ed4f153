"""What a worker and its child processes say to each other over a pipe. Values only: nothing is pickled."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from fairque import errors
from fairque.core.outcome import Again, Bury, Failure
from fairque.core.settings import QueueSettings
from fairque.errors import ErrorInProcess, FairqueError
from fairque.queue.parents import Taken
from fairque.store.call import Call
from fairque.store.records import Grant

T = TypeVar("T")


class Main(msgspec.Struct, frozen=True):
    """The program that the parent runs: by the name of its module (`python -m`), or by its file."""

    module: str | None
    path: str | None


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """Import the module of a task; `main` is the program itself, for a task that it defines."""

    module: str
    argv: list[str]
    main: Main | None = None


class Job(msgspec.Struct, frozen=True, tag=True):
    """Run this. `lease` is for how many seconds it is renewed, `taken` what it takes from its parents."""

    grant: Grant
    queue: QueueSettings
    lease: float
    taken: Taken


class Unwanted(msgspec.Struct, frozen=True, tag=True):
    """The run is no longer wanted."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """What Redis has answered, or with which of fairque's errors, by its name, it was not asked or has refused."""

    reply: Any = None
    error: str = ""
    message: str = ""


class End(msgspec.Struct, frozen=True, tag=True):
    """There will be no more."""


class Prepared(msgspec.Struct, frozen=True, tag=True):
    """The module has been imported, unless there is an `error`."""

    error: str = ""


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Carry a call to Redis, which is the worker's to reach, and say what it has answered."""

    script: str
    root: str
    args: tuple[Any, ...]


class Progressed(msgspec.Struct, frozen=True, tag=True):
    """The run has come so far."""

    percent: float
    message: str


class Returned(msgspec.Struct, frozen=True, tag=True):
    """The task has returned; the result as JSON."""

    result: bytes


class Raised(msgspec.Struct, frozen=True, tag=True):
    """The task has failed and is tried again in `delay` seconds, or (None) not at all."""

    failure: Failure
    builtin: bool
    """Whether the error is one of Python's own."""
    delay: float | None


ToChild = Prepare | Job | Unwanted | Answer | End
ToParent = Prepared | Ask | Progressed | Returned | Raised

encode: Final = msgspec.msgpack.Encoder().encode
read_in_child: Final = msgspec.msgpack.Decoder(ToChild).decode
read_in_parent: Final = msgspec.msgpack.Decoder(ToParent).decode


def error_of(raised: Raised) -> tuple[BaseException, Again | Bury]:
    """Return the error of a run in a child, as well as it can be had without importing its class, and what becomes of
    the task.
    """
    failure = raised.failure
    kind = getattr(builtins, failure.type, None) if raised.builtin else None
    error: BaseException = ErrorInProcess(failure.type, failure.message)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        with contextlib.suppress(TypeError):  # it takes more than a message
            error = kind(failure.message)
    return error, Bury(failure) if raised.delay is None else Again(raised.delay, failure)


def asked(ask: Ask, run: Callable[[Call[Any]], Any]) -> Answer:
    """Return what `run` says to a call that came from a child: the bare reply, for it is read there."""
    try:
        return Answer(run(Call(ask.script, ask.root, ask.args, _as_it_is)))
    except FairqueError as error:
        return Answer(None, type(error).__name__, str(error))


def answered(call: Call[T], answer: Answer) -> T:
    """Return what a call's answer says. Raises as the driver of the worker did."""
    if answer.error:
        raise getattr(errors, answer.error, FairqueError)(answer.message)
    return call.answer(answer.reply)


def _as_it_is(reply: Any) -> Any:
    return reply
