"""A task's record as it stands in Redis (its shape: scripts/lua/lib/record.lua), and a run's facts (lib/run.lua)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from fairque.core.codec import read_label
from fairque.core.ids import decode_id
from fairque.errors import StoredDataError

_HEADER: Final = re.compile(rb"([QDWFXC])([1-6]):\d+:(\d{1,13}):(\d{1,13}):(\d{1,13}):(\w*):(\d{0,13}):\d*\|")
_RUN_FIELDS = 10


class Record(NamedTuple):
    """What is kept of a task. `body` is its call while it lives, and its outcome once it has ended."""

    user_id: str
    task_id: str
    letter: str
    level: int
    attempt: int
    lost: int
    failures: int
    nonce: str
    ended_ms: int | None
    body: bytes
    run: Run | None
    progress: bytes | None = None


class Run(NamedTuple):
    """A run's facts while it has its lease: see `lib/run.lua`. Instants are epoch milliseconds by Redis's clock."""

    token: str
    attempt: int
    since_ms: int
    start_ms: int
    worker: str


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A task as it is granted to a worker: everything that is needed to run it and to say how it ended."""

    member: bytes
    token: bytes
    user_id: str
    task_id: str
    level: int
    attempt: int
    lost: int
    failures: int
    nonce: str
    since_ms: int
    start_ms: int
    cost: float
    """What the task declares that a start of it costs."""
    body: bytes


def read_record(
    user: bytes, task_id: str, record: bytes, run: bytes | None = None, progress: bytes | None = None
) -> Record:
    """Return a record's parts.

    Raises:
        StoredDataError: the stored bytes are not a record.
    """
    header = _HEADER.match(record)
    if header is None:
        raise StoredDataError(f"the record of task {task_id!r} is not one that fairque wrote")
    letter, level, attempt, lost, failures, nonce, ended = header.groups()
    return Record(
        decode_id(user.decode()),
        task_id,
        letter.decode(),
        int(level),
        int(attempt),
        int(lost),
        int(failures),
        nonce.decode(),
        int(ended) if ended and letter != b"D" else None,
        record[header.end() :],
        _read_run(run) if run else None,
        progress,
    )


def _read_run(run: bytes) -> Run:
    token, since, start, _level, _seq, attempt, _lost, _failures, _nonce, worker = run.decode().split(
        ":", _RUN_FIELDS - 1
    )
    return Run(token, int(attempt), int(since), int(start), worker.partition(" ")[0])


def read_grant(member: bytes, run: bytes, record: bytes) -> Grant:
    """Return a grant out of the three values that `settle.lua` answers for each task."""
    user, _, task_id = member.decode(errors="replace").partition("|")
    token, *numbers, nonce, rest = run.split(b":", _RUN_FIELDS - 1)
    since, start, level, _seq, attempt, lost, failures = _read_numbers(b"[%b]" % b",".join(numbers))
    return Grant(
        member,
        token,
        decode_id(user),
        decode_id(task_id),
        level,
        attempt,
        lost,
        failures,
        nonce.decode(),
        since,
        start,
        _declared_cost(rest) if rest.count(b" ") > 2 else 1.0,
        record.partition(b"|")[2],
    )


_read_numbers: Final = msgspec.json.Decoder(list[int]).decode
"""Reads seven numbers in 0.3 us; `int` takes 0.9."""


def _declared_cost(rest: bytes) -> float:
    """Return the cost in `<worker> <charge> <label>`; 1 where there is none, or the bytes are not a label."""
    try:
        return read_label(rest.split(b" ", 2)[2])[1]
    except msgspec.DecodeError:
        return 1.0
