"""Calls about single tasks: push, get, delete, and being woken when one ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from fairque.core.ids import decode_id, encode_id, fingerprint, user_print_of
from fairque.errors import SchemaMismatch
from fairque.store.call import Argument, Call
from fairque.store.records import Record, read_record

SCHEMA: Final = "1"
"""Version of the data layout. It changes when an older release could not work with what a newer one writes."""
CHUNK: Final = 250
"""Tasks a push script takes at once: 250 tasks of as many users stay under 5 ms (I20), and so do more of fewer users,
as long as there are `2 * CHUNK` of tasks and users together.
"""
CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Bytes of bodies that a push script takes at once, unless one alone is larger."""
STRICT: Final = 1e15
"""Milliseconds that a level is worth where priorities are strict: more than any wait, and six of them are exact."""
WAKE_LIMIT: Final = 8
"""Workers woken by one push at most; each that finds more than it can take wakes the next."""


# Of Entries, what became of them, and Receipts there are as many as tasks: the garbage collector has no need to look at
# them, and a Struct is made in a third of a tuple's time.
class Entry(msgspec.Struct, frozen=True, gc=False):
    """A task on its way in. `when` is '' (now), '+ms' or 'ms', with `/ms` behind it for one that is canceled if it has
    not started by so long from now; `nonce` is '' for a generated id.
    """

    user_id: str
    task_id: str
    level: int
    nonce: str
    when: str
    body: bytes

    def arguments(self) -> tuple[str, int, str, str, str, bytes]:
        """Return what scripts take of it."""
        task_id = encode_id(self.task_id) if self.nonce else self.task_id  # a generated id has nothing to encode
        return encode_id(self.user_id), self.level, task_id, self.nonce, self.when, self.body


class Load:
    """What one push script is given so far."""

    __slots__ = ("_bytes", "_tasks", "_users")

    def __init__(self) -> None:
        self._tasks, self._users, self._bytes = 0, set[str](), 0

    def take(self, entry: Entry) -> bool:
        """Add an entry, and return whether it still went in; the first one always does."""
        size = self._bytes + len(entry.body)
        if self._tasks and (self._tasks + len(self._users) >= 2 * CHUNK or size > CHUNK_BYTES):
            return False
        self._tasks += 1
        self._users.add(entry.user_id)
        self._bytes = size
        return True


def chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries in order, as many at a time as a push script takes."""
    chunk, load = list[Entry](), Load()
    for entry in entries:
        if not load.take(entry):
            yield chunk
            chunk, load = [], Load()
            load.take(entry)
        chunk.append(entry)
    if chunk:
        yield chunk


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """What became of an entry: made by this push, or there already; and which incarnation of its id lives. `task_id` is
    another than the entry's where a living task has its unique key.
    """

    created: bool
    incarnation: str
    task_id: str


def root_of(prefix: str, queue: str) -> str:
    """Return the root of a queue's keys; its braces are the hash tag that keeps the queue on one slot."""
    return f"{{{prefix}:{queue}}}"


class Met(NamedTuple):
    """The settings in force in a queue, and the name of the seeds sent last (None: none; Redis may have been empty)."""

    aging_ms: float
    cost: str
    seeds: str | None


def open_queue(root: str, aging_ms: int, cost: str = "count", seeds: str = "") -> Call[Met]:
    """Meet the queue: write schema and settings if it is new. Raises `SchemaMismatch` when read.

    `seeds` names the users' settings that have been sent.
    """

    def read(reply: list[bytes | None]) -> Met:
        schema, aging, rules, seeds = ("" if value is None else value.decode() for value in reply)
        if schema != SCHEMA:
            raise SchemaMismatch(
                f"{root}: the queue has data layout {schema}, this release knows {SCHEMA}: "
                "run the release that wrote it until it is drained, or name another queue or prefix"
            )
        return Met(float(aging), rules.partition(" ")[0], seeds or None)

    return Call("open", root, (SCHEMA, aging_ms, cost, seeds), read)


def push(root: str, entries: Sequence[Entry], now: str = "") -> Call[list[Accepted]]:
    """Accept a chunk of tasks, all or none; sent twice, it makes them once."""
    args: list[Argument] = [now, WAKE_LIMIT]
    for entry in entries:
        args += entry.arguments()

    def read(reply: list[Any]) -> list[Accepted]:
        return [read_accepted(entry, made) for entry, made in zip(entries, reply, strict=True)]

    return Call("push", root, tuple(args), read)


def read_accepted(entry: Entry, made: Any) -> Accepted:
    """Return what a script says became of an entry."""
    if made == 1:
        return Accepted(created=True, incarnation=entry.nonce, task_id=entry.task_id)
    holder, bar, nonce = made.decode().rpartition("|")
    return Accepted(created=False, incarnation=nonce, task_id=decode_id(holder) if bar else entry.task_id)


def get(root: str, task_id: str, user_id: str | None) -> Call[Record | None]:
    """Read one task; without its user it is found by the user's fingerprint in a generated id."""
    user, print_ = ("", user_print_of(task_id) or "") if user_id is None else (encode_id(user_id), "")

    def read(reply: list[Any]) -> Record | None:
        return read_record(reply[0], task_id, *reply[1:]) if reply else None

    return Call("get", root, (user, print_, encode_id(task_id)), read)


def delete(root: str, user_id: str, task_id: str, request: str, now: str = "") -> Call[bool]:
    """Remove a task and what is kept of it. Refused with `TaskRunning` while it runs. `request` names this call."""
    return Call("delete", root, (now, encode_id(user_id), encode_id(task_id), request), bool)


def wait(root: str, user_id: str, task_id: str, waiter: str, *, listed: bool) -> Call[bool]:
    """List a waiter for the task's end, or take it off; answers False where the task has ended already."""
    return Call("wait", root, (encode_id(user_id), encode_id(task_id), waiter, int(listed)), bool)


def wake_key(root: str, name: str) -> str:
    """Return the key on which a waiter or worker of that name blocks."""
    return f"{root}:queue:wake:{name}"


def user_print(root: str, user_id: str) -> str:
    """Return the digits that stand for the user in the ids generated for this queue."""
    return fingerprint(root, user_id)
