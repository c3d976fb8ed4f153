"""Calls of whoever runs tasks: settle (outcomes in, the next tasks out), renew, and a worker's presence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from fairque.core.codec import Ending, encode_ending, encode_failure
from fairque.core.ids import EVERYONE, encode_id
from fairque.core.outcome import Again, Bury, Canceled, Done, Outcome, Postpone, Release
from fairque.store.call import READING, Argument, Call
from fairque.store.records import Grant, read_grant

MAX_WANT: Final = 100
"""Tasks granted in one call at most: it keeps the script under 5 ms (I20). Where tasks have to be looked at one by one,
for their price or the caps of their names, the script itself stops at 80.
"""
LEASE_SECONDS: Final = 15.0
"""How long a lease lasts unless a worker's settings say otherwise."""
ALIVE_SECONDS: Final = 15.0
"""Seconds since its last heartbeat for which a worker counts as up: one that is idle sends one each ten seconds."""
GONE_SECONDS: Final = 60.0
"""Seconds without a heartbeat after which a worker is no longer listed."""
LIST_CHUNK: Final = 1000
KEPT_BYTES: Final = 64 * 1024 * 1024
"""Bytes of ended tasks that are kept for one user unless a queue's settings say otherwise."""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """An outcome on the wire. kind: D done, R retry, P postpone, B bury, L release, C canceled; ran: for how many us, 0
    if it was never begun, '' if nobody knows; argument: ms, as the kind needs.
    """

    member: bytes
    token: bytes
    kind: str
    ran: float | str
    argument: int
    text: bytes


def end(
    member: bytes,
    token: bytes,
    outcome: Outcome,
    *,
    ran: float | None,
    ending: Ending | None,
    keep: float,
    keep_failed: float,
) -> Ended:
    """Return an outcome as it goes over the wire.

    `ran` is for how many seconds the task ran (0: it was not begun; None: take what has passed since it was granted).
    `ending` is what is kept of a task that is done; `keep` and `keep_failed` are for how many seconds (60 at least) a
    result or a failure is.
    """
    # 0 says that it never ran, so what ran took a microsecond at least.
    took = "" if ran is None else ran and (int(ran * 1_000_000) or 1)
    match outcome:
        case Done():
            return Ended(member, token, "D", took, _kept(keep), encode_ending(ending) if ending else b"")
        case Again(delay, _):
            return Ended(member, token, "R", took, int(delay * 1000), b"")
        case Postpone(delay):
            return Ended(member, token, "P", took, int(delay * 1000), b"")
        case Bury(failure):
            return Ended(member, token, "B", took, _kept(keep_failed), encode_failure(failure))
        case Canceled(failure):
            return Ended(member, token, "C", took, _kept(keep), encode_failure(failure))
        case Release():
            return Ended(member, token, "L", took, 0, b"")


def _kept(seconds: float) -> int:
    # The record of an ended task answers a push that is sent again, so it outlives any re-sending.
    return int(seconds * 1000) if seconds > 60 else 60_000


class Settled(msgspec.Struct, frozen=True):
    """The answer to a settle: after how many seconds to ask again (0 if all that was wanted is granted), the places of
    stale outcomes, and how many tasks were granted.
    """

    pause: float
    stale: list[int]
    count: int
    _reply: list[Any]

    @property
    def grants(self) -> list[Grant]:
        """The tasks to run, in order; read anew each time, so that who is in a hurry may do so later.

        Raises:
            StoredDataError: they are not what fairque wrote.
        """
        flat = iter(self._reply[2:])
        with READING:
            return [read_grant(*grant) for grant in zip(flat, flat, flat, strict=True)]


SettleCall = Call[Settled]


class Lists(NamedTuple):
    """Whom a worker serves, as scripts name it: `*`, the digest of a registered list, or '' for nobody."""

    assigned: str
    steal: str


SERVES_ALL: Final = Lists(EVERYONE, "")


def digest(users: Sequence[str]) -> str:
    """Return how scripts name a list of users: equal lists share one index, in whatever order they were written."""
    if EVERYONE in users:
        return EVERYONE
    whole = "\n".join(sorted(users)).encode()
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()[:16] if users else ""


def lists_of(assigned: Sequence[str], steal: Sequence[str]) -> Lists:
    """Return the names of a worker's two lists."""
    return Lists(digest(assigned), digest(steal))


def register(root: str, users: Sequence[str], now: str = "") -> Iterator[Call[int]]:
    """Yield the Calls that make a list of users known; nothing for `*` or an empty list."""
    name = digest(users)
    if name in ("", EVERYONE):
        return
    for start in range(0, len(users), LIST_CHUNK):
        chunk = (encode_id(user) for user in users[start : start + LIST_CHUNK])
        yield Call("scope", root, (now, name, *chunk), int)


def settle(
    root: str,
    worker: str,
    request: str,
    *,
    lists: Lists = SERVES_ALL,
    want: int = 0,
    lease: float = LEASE_SECONDS,
    block: float = 0.0,
    ended: Sequence[Ended] = (),
    kept_bytes: int = KEPT_BYTES,
    now: str = "",
) -> Call[Settled]:
    """Accept outcomes and grant up to `want` tasks. `request` names this call: sent again, it answers the same.

    `lease` is in seconds. With `block` > 0 a worker that is granted nothing is listed as asleep, and is told for how
    many seconds it may block on its wake key. Of a user with more than `kept_bytes` of ended tasks, what would expire
    first is forgotten.
    """
    args: list[Argument] = [now, int(lease * 1000), worker, request, *lists, want, int(block * 1000), kept_bytes]
    for end in ended:
        args += astuple(end)

    def read(reply: list[Any]) -> Settled:
        stale = [int(place) for place in reply[1].split(b",")] if reply[1] else []
        return Settled(reply[0] / 1000, stale, (len(reply) - 2) // 3, reply)

    return Call("settle", root, tuple(args), read)


def renew(root: str, leases: Sequence[tuple[bytes, bytes]], lease: float, now: str = "") -> Call[list[bool]]:
    """Renew leases, given as (member, token); answers for each whether it still held."""
    args: list[Argument] = [now, int(lease * 1000)]
    for held in leases:
        args += held
    return Call("renew", root, tuple(args), lambda reply: [kept == 1 for kept in reply])


class Beaten(NamedTuple):
    """The answer to a heartbeat: the data layout that the queue has (`0`: never met, or lost), whether any users'
    settings have been sent, the name of the beat before this one ('' for none); the members of runs of this worker that
    somebody asked to stop, told until they have ended; and digests of lists that are no longer registered, and have to
    be again.
    """

    schema: str
    seeded: bool
    before: str
    stops: list[bytes]
    missing: list[str]


def beat(
    root: str,
    worker: str,
    name: str,
    description: bytes,
    *,
    lists: Lists,
    served: Mapping[tuple[str, str], int],
    holds: bool = False,
    now: str = "",
) -> Call[Beaten]:
    """Say that a worker is alive, whether it holds tasks (then it says so each second), and whom it served since the
    last beat: (user, measure) -> amount. `name` is this beat's own: sent twice, it counts once.
    """
    digests = [name for name in dict.fromkeys(lists) if name not in ("", EVERYONE)]
    args: list[Argument] = [
        now,
        worker,
        name.encode() + b"\n" + description,
        int(holds),
        int(GONE_SECONDS * 1000),
        len(digests),
        *digests,
    ]
    for (user_id, measure), amount in served.items():
        args += (encode_id(user_id), measure, amount)

    def read(reply: list[Any]) -> Beaten:
        schema, seeded, before, stops, *missing = reply
        members = stops.split(b":") if stops else []
        return Beaten(schema.decode(), seeded == 1, before.decode(), members, [name.decode() for name in missing])

    return Call("beat", root, tuple(args), read)


def leave(root: str, worker: str, lists: Lists) -> Call[bool]:
    """Take a worker off all lists."""
    return Call("leave", root, (worker, *dict.fromkeys(name for name in lists if name)), bool)
