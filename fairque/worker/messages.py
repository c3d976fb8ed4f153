"""What a worker and its child processes say to each other over a pipe. Values only: nothing is pickled."""

from __future__ import annotations

import builtins
import contextlib
from typing import Final

import msgspec

from fairque.core.outcome import Again, Bury, Failure
from fairque.core.settings import QueueSettings
from fairque.errors import ErrorInProcess
from fairque.store.records import Grant


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
    """Run this."""

    grant: Grant
    queue: QueueSettings


class Unwanted(msgspec.Struct, frozen=True, tag=True):
    """The run is no longer wanted."""


class Renewed(msgspec.Struct, frozen=True, tag=True):
    """The lease was renewed, or (not `held`) had lapsed; `error`: nobody knows, since Redis could not be asked."""

    held: bool
    error: str = ""


class End(msgspec.Struct, frozen=True, tag=True):
    """There will be no more."""


class Prepared(msgspec.Struct, frozen=True, tag=True):
    """The module has been imported, unless there is an `error`."""

    error: str = ""


class Renew(msgspec.Struct, frozen=True, tag=True):
    """Renew the lease now."""


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


ToChild = Prepare | Job | Unwanted | Renewed | End
ToParent = Prepared | Renew | Progressed | Returned | Raised

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
