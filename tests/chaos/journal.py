"""What Redis itself wrote down: its append-only file, read back as the life of each task.

It has every write of every script, in order and script by script, so it says exactly who was granted what after whom:
also to workers that died before they had begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hiredis
import msgspec

from fairque.core import codec
from fairque.core.ids import decode_id

Command = list[bytes]
Key = tuple[str, str]
"""User and task id."""


class Accepted(msgspec.Struct, frozen=True):
    """A push made a task."""

    step: int
    at: int
    key: Key
    level: int
    name: str
    serial: str
    ready: bool
    """False: it waits for its time."""


class Readied(msgspec.Struct, frozen=True):
    """The time of a waiting task has come."""

    step: int
    at: int
    key: Key


class Granted(msgspec.Struct, frozen=True):
    """A worker got a task, with a lease."""

    step: int
    at: int
    key: Key
    token: int
    worker: str
    attempt: int
    lost: int
    level: int
    seq: int
    name: str


class Settled(msgspec.Struct, frozen=True):
    """A grant is over: finished, failed, retried, released (given back) or lost (taken from a dead worker). A task that
    was lost for the third time is `buried`.
    """

    step: int
    at: int
    key: Key
    token: int
    how: str
    result: bytes = b""


class Scheduled(msgspec.Struct, frozen=True):
    """A task may not start before the instant `due`, in ms."""

    step: int
    at: int
    key: Key
    due: float


class Capped(msgspec.Struct, frozen=True):
    """From here on a subject (a user, or `|name`) may have so many leases; None: any number."""

    step: int
    at: int
    subject: str
    most: int | None


Entry = Accepted | Readied | Granted | Settled | Scheduled | Capped


def read_journal(directory: Path, root: str) -> list[Entry]:
    """Return what append-only files, in the order of the numbers in their names, say of the queue with this root."""
    files = sorted(directory.glob("*.incr.aof"), key=lambda file: int(file.name.split(".")[2]))
    reading = _Reading(root)
    return [entry for step in _steps(commands_of(files)) for entry in reading.read(step)]


def commands_of(files: Iterable[Path]) -> Iterator[Command]:
    """Yield what is written in append-only files."""
    for path in files:
        reader = hiredis.Reader()
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                reader.feed(chunk)
                while (command := reader.gets()) is not False:
                    yield command


def _steps(commands: Iterable[Command]) -> Iterator[list[Command]]:
    """Group commands as they were executed: what stands between MULTI and EXEC is one step."""
    block: list[Command] | None = None
    for command in commands:
        match command[0].upper():
            case b"MULTI":
                block = []
            case b"EXEC":
                yield block or []
                block = None
            case _ if block is not None:
                block.append(command)
            case _:
                yield [command]


class _Reading:
    """Follows the records and runs of one queue through its steps."""

    def __init__(self, root: str) -> None:
        self._prefix = f"{root}:queue:".encode()
        self._step = self._now = 0
        self._records: dict[Key, bytes] = {}
        self._runs: dict[Key, tuple[int, int]] = {}  # token and lost
        self._readers = {
            (b"HSET", b"runs"): self._grants,
            (b"HDEL", b"runs"): self._settlements,
            (b"ZADD", b"due"): self._schedules,
            (b"HSET", b"limits"): self._caps,
            (b"HDEL", b"limits"): self._uncaps,
        }

    def read(self, commands: list[Command]) -> Iterator[Entry]:
        self._step += 1
        for command in commands:
            if command[0] == b"HSET" and command[1] == self._prefix + b"stats":
                self._now = int(dict(pairs_of(command)).get(b"now", self._now))
        for command in commands:
            if len(command) > 2 and command[1].startswith(self._prefix):
                yield from self._entries(command[0].upper(), command[1].removeprefix(self._prefix), command)

    def _entries(self, verb: bytes, key: bytes, command: Command) -> Iterator[Entry]:
        if key.endswith(b":tasks") and verb in (b"HSET", b"HSETNX"):
            user = decode_id(key.split(b":")[1].decode())
            for field, record in pairs_of(command):
                yield from self._record((user, decode_id(field.decode())), record)
        elif (read := self._readers.get((verb, key))) is not None:
            yield from read(command)

    def _grants(self, command: Command) -> Iterator[Entry]:
        return (self._grant(_key(member), run) for member, run in pairs_of(command))

    def _settlements(self, command: Command) -> Iterator[Entry]:
        return (self._settlement(_key(member)) for member in command[2:])

    def _schedules(self, command: Command) -> Iterator[Entry]:
        for due, member in pairs_of(command):
            if not member.endswith(b"|") and not member.startswith(b"|"):  # else the opening of a rate
                yield Scheduled(self._step, self._now, _key(member), float(due))

    def _caps(self, command: Command) -> Iterator[Entry]:
        for subject, text in pairs_of(command):
            yield Capped(self._step, self._now, decode_id(subject.decode()), _cap(text))

    def _uncaps(self, command: Command) -> Iterator[Entry]:
        for subject in command[2:]:
            yield Capped(self._step, self._now, decode_id(subject.decode()), None)

    def _record(self, key: Key, record: bytes) -> Iterator[Entry]:
        before = self._records.get(key)
        self._records[key] = record
        letter, core, body = record[:1], record[1:].split(b":", 1), record.partition(b"|")[2]
        if before is None or (before[:1] in b"FXC" and letter in b"QW"):
            call = codec.decode_body(body)
            serial = str(call.args[0]) if call.args else ""
            yield Accepted(self._step, self._now, key, int(core[0]), call.name, serial, letter == b"Q")
        elif before[:1] == b"W" and letter == b"Q":
            yield Readied(self._step, self._now, key)

    def _grant(self, key: Key, run: bytes) -> Granted:
        token, _since, _start, level, seq, attempt, lost, _failures, _nonce, rest = run.split(b":", 9)
        worker, _charge, label = rest.split(b" ", 2)
        self._runs[key] = int(token), int(lost)
        name = codec.read_label(label)[0]
        grant = (int(attempt), int(lost), int(level), int(seq))
        return Granted(self._step, self._now, key, int(token), worker.decode(), *grant, name)

    def _settlement(self, key: Key) -> Settled:
        token, lost_before = self._runs.pop(key)
        record = self._records[key]
        header, _, body = record.partition(b"|")
        is_lost = int(header.split(b":")[3]) > lost_before
        result = b""
        match header[:1]:
            case b"F":
                how, result = "finished", bytes(codec.decode_ending(body).result)
            case b"X":
                how = "buried" if is_lost else "failed"
            case b"W":
                how = "retried"
            case b"Q":
                how = "lost" if is_lost else "released"
            case letter:
                how = letter.decode()
        return Settled(self._step, self._now, key, token, how, result)


def pairs_of(command: Command) -> Iterator[tuple[bytes, bytes]]:
    """Yield the fields and values (or scores and members) that a command sets."""
    values: Any = iter([word for word in command[2:] if word not in (b"NX", b"XX", b"GT", b"LT", b"CH")])
    return zip(values, values, strict=True)


def _key(member: bytes) -> Key:
    user, _, task_id = member.decode().partition("|")
    return decode_id(user), decode_id(task_id)


def _cap(text: bytes) -> int | None:
    for part in text.decode().split(";"):
        name, _, value = part.partition("=")
        if name == "max_concurrency":
            return int(value)
    return None
