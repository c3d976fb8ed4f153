"""What was done and what was seen: a line each, in a file of its own per process, never in Redis."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

_EPOCH = time.time_ns() - time.monotonic_ns()


def now_ms() -> float:
    """Return the epoch's milliseconds by this machine's monotonic clock, which all its processes share."""
    return (time.monotonic_ns() + _EPOCH) / 1e6


class Push(msgspec.Struct, frozen=True, tag="push"):
    """A producer's word on one push. `serial` is the task's first argument, `id` empty where the answer never came."""

    serial: str
    producer: str
    user: str
    level: int
    job: str
    acked: bool
    id: str
    delayed: bool = False
    again: bool = False
    """Sent more than once: what Redis saw first may have been any of them."""


class Began(msgspec.Struct, frozen=True, tag="began"):
    """A run begins: a user's code is about to be called."""

    token: int
    user: str
    id: str
    attempt: int
    worker: str
    pid: int
    at: float


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A run is over, as its worker sees it: `success`, `retry` or `failure`."""

    token: int
    how: str
    at: float


class Trouble(msgspec.Struct, frozen=True, tag="trouble"):
    """A worker logged an error that no outage explains, or a producer ended by one."""

    whom: str
    pid: int
    text: str


class Fault(msgspec.Struct, frozen=True, tag="fault"):
    """Something was done to somebody. `whom` is a worker, a producer or `redis`."""

    kind: str
    whom: str
    pid: int
    began: float
    ended: float


Event = Push | Began | Ended | Trouble | Fault

_decode = msgspec.json.Decoder(Event).decode


class Diary:
    """A file to which one process appends events: one `write` each, so that its own death tears none."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, event: Event) -> None:
        os.write(self._file, msgspec.json.encode(event) + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read_diaries(place: Path) -> Iterator[Event]:
    """Give all events of all diaries in a directory, each file in its order."""
    for path in sorted(place.glob("*.diary")):
        with path.open("rb") as file:
            for line in file:
                yield _decode(line)
