"""How a run ends: one of six values, matched in one place."""

from __future__ import annotations

import traceback

import msgspec


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far a run has come: `percent` from 0 to 100, and what it says of itself."""

    percent: float
    message: str = ""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an exception: its type's name, its message and where it came from (no local variables)."""

    type: str
    message: str
    traceback: str = ""
    progress: Progress | None = None
    """How far the run had come."""


def failure_of(error: BaseException) -> Failure:
    """Return what is kept of an error: no local variables, and of a long traceback its end."""
    try:
        message = str(error)
    except Exception:
        message = "its message cannot be told: str() of it raised"
    frames = "".join(traceback.format_exception(error))
    return Failure(type(error).__name__, _storable(message[:4_000]), _storable(frames[-16_000:]))


def _storable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


class Done(msgspec.Struct, frozen=True, gc=False):
    """The task returned; `result` is its value as JSON."""

    result: bytes


class Again(msgspec.Struct, frozen=True):
    """The task failed and is tried again in `delay` seconds."""

    delay: float
    failure: Failure


class Postpone(msgspec.Struct, frozen=True):
    """The task could not be run here now; it is tried again in `delay` seconds, and no retry is spent."""

    delay: float


class Bury(msgspec.Struct, frozen=True):
    """The task failed for good: it joins its user's dead letters."""

    failure: Failure


class Release(msgspec.Struct, frozen=True):
    """The task was not run to its end: it goes back to its own place, and no retry is spent."""


class Canceled(msgspec.Struct, frozen=True):
    """The run was ended because somebody canceled the task."""

    failure: Failure


Outcome = Done | Again | Postpone | Bury | Release | Canceled
