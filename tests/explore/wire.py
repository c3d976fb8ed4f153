"""Calls sent in bulk over one connection: each from a state of the queue that is put there first, and read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import hiredis
import redis

from fairque.store import scripts
from fairque.store.call import Argument, Call
from tests.lua.shelf import PUT, READ, Contents, Copy, contents_of, copy_of

AnyCall = Call[Any]


class Answer(NamedTuple):
    """What Redis said to one list of calls, and how the queue stood after each of them."""

    replies: list[Any]
    """For each call what it reads, or the error."""
    found: list[Contents]
    copy: Copy
    """How the queue stood after the last one, to be put back."""


class Wire:
    """One connection to the queue under one root."""

    def __init__(self, client: redis.Redis, root: str) -> None:
        self._root: Final = root
        self._connection: Any = client.connection_pool.get_connection()
        self._known: dict[bytes, bytes] = {}
        self._sha = {text: client.script_load(text) for text in (PUT, READ)}
        for name in scripts.names():
            client.script_load(scripts.load(name).text)

    def send(self, copy: Copy, runs: Iterable[Sequence[AnyCall | None]]) -> None:
        """Send these lists of calls, each from the same state; None only looks. `receive` follows for each list."""
        put = _packed(self._sha[PUT], self._root, *(part for pair in copy.items() for part in pair))
        read = _packed(self._sha[READ], self._root, "dump")
        parts: list[bytes] = []
        for calls in runs:
            parts.append(put)
            for call in calls:
                if call is not None:
                    parts.append(_packed(scripts.load(call.script).sha, call.root, *call.args))
                parts.append(read)
        self._connection.send_packed_command([b"".join(parts)], check_health=False)

    def receive(self, calls: Sequence[AnyCall | None]) -> Answer:
        """Return the answer to the next list of calls."""
        self._connection.read_response()
        replies, found, flat = [], [], None
        for call in calls:
            replies.append(None if call is None else self._reply(call))
            flat = self._connection.read_response()
            found.append(contents_of(flat))
        return Answer(replies, found, {self._kept(key): self._kept(dump) for key, dump in copy_of(flat).items()})

    def _kept(self, text: bytes) -> bytes:
        """Return one and the same object for equal bytes: most of a queue's keys are alike in most of its states."""
        return self._known.setdefault(text, text)

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()

    def _reply(self, call: AnyCall) -> Any:
        try:
            return call.read(self._connection.read_response())
        except redis.ResponseError as error:
            return error


def _packed(sha: str, *args: Argument) -> bytes:
    command: Any = ("EVALSHA", sha, 1, *args)
    packed: bytes = hiredis.pack_command(command)
    return packed
