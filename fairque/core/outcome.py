"""How a run ends: one of four values, matched in one place."""

from __future__ import annotations

import msgspec


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an exception: its type's name, its message and where it came from (no local variables)."""

    type: str
    message: str
    traceback: str = ""


class Done(msgspec.Struct, frozen=True):
    """The task returned; `result` is its value as JSON."""

    result: bytes


class Again(msgspec.Struct, frozen=True):
    """The task failed and is tried again in `delay` seconds."""

    delay: float
    failure: Failure


class Bury(msgspec.Struct, frozen=True):
    """The task failed for good: it joins its user's dead letters."""

    failure: Failure


class Release(msgspec.Struct, frozen=True):
    """The task was not run to its end: it goes back to its own place, and no retry is spent."""


Outcome = Done | Again | Bury | Release
