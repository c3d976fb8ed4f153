"""What Redis wrote down about a user's tasks: every state that they came to and every grant, in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hiredis

from fairque.core.ids import decode_id, encode_id
from tests.chaos.journal import Command, pairs_of


class Came(NamedTuple):
    """A task came to a state: its record's letter, G where the record is gone."""

    task_id: str
    letter: str


class Granted(NamedTuple):
    """A worker got a task."""

    task_id: str
    attempt: int


Event = Came | Granted


class Tail:
    """Reads an append-only file as it grows."""

    def __init__(self, place: Path) -> None:
        (path,) = place.glob("*.incr.aof")
        self._file = path.open("rb")
        self._reader = hiredis.Reader()

    def close(self) -> None:
        self._file.close()

    def commands(self) -> Iterator[Command]:
        """Yield what has been written since it was asked last."""
        self._reader.feed(self._file.read())
        while (command := self._reader.gets()) is not False:
            yield command

    def events(self, root: str, user_id: str) -> list[Event]:
        """Return what happened to a user's tasks since it was asked last."""
        user = encode_id(user_id)
        tasks, runs = f"{root}:queue:user:{user}:tasks".encode(), f"{root}:queue:runs".encode()
        mine = f"{user}|".encode()
        found: list[Event] = []
        for command in self.commands():
            verb, key = command[0].upper(), command[1] if len(command) > 1 else b""
            if key == tasks and verb in (b"HSET", b"HSETNX"):
                found += [Came(_id(field), record[:1].decode()) for field, record in pairs_of(command)]
            elif key == tasks and verb == b"HDEL":
                found += [Came(_id(field), "G") for field in command[2:]]
            elif key == runs and verb == b"HSET":
                pairs = [(member, run) for member, run in pairs_of(command) if member.startswith(mine)]
                found += [Granted(_id(member[len(mine) :]), int(run.split(b":")[5])) for member, run in pairs]
        return found


def _id(field: bytes) -> str:
    return decode_id(field.decode())
