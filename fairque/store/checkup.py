"""Calls that look whether a queue's own tables agree. Each answer is of one instant, so a busy queue cannot deceive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from fairque.core.ids import encode_id
from fairque.store.call import Call, Conversation
from fairque.store.claims import ALIVE_SECONDS

RECORDS: Final = 60
"""Records of a user that are looked at in one call, unless they are large or its lanes very long."""
TABLES: Final = (
    *("runs", "leases", "progress", "suspects", "stops", "due", "flows", "flows-due", "waiters", "who"),
    *("schedules", "schedules-due"),
)
"""Tables whose entries must lead to something that is there."""
BEGIN: Final = b"0"
"""The cursor to begin with; when it comes back, all has been seen."""
_ENTRIES: Final = 200
_TICK_MS: Final = 5_000


class Fault(NamedTuple):
    """One entry that does not agree with the rest. `kind` is what the script calls it, `where` a member or an id."""

    kind: str
    where: str


class Page(NamedTuple):
    """A page of a table: where the next one begins, how many entries were looked at, and what is wrong with some."""

    cursor: bytes
    seen: int
    faults: tuple[Fault, ...]


class QueueFacts(NamedTuple):
    """A queue at one instant; instants are epoch ms by Redis's clock, None where there is nothing."""

    clock: int
    now: int
    schema: int
    users: int
    workers: int
    counts: int
    runs: int
    leases: int
    due: int
    held: int
    limits: int
    parked: int
    scopes: int
    stops: int
    flows: int
    releases: int
    queued: int
    scheduled: int
    failed: int
    deferred: int
    scopes_counted: int
    stopping: int
    flows_counted: int
    releasing: int
    limited: int
    named: int
    schedulers: int
    first_due: int | None
    first_lease: int | None
    reaping_from: int
    first_expiry: int | None
    first_flow: int | None
    first_release: bytes | None
    """Of the ended tasks whose children are to be told yet, the next (its shape: lib/parents.lua)."""
    first_schedule: int | None


class Places(NamedTuple):
    """Where the tasks of a page of records are; `ended` are those that are kept and did not fail."""

    queued: int
    running: int
    aside: int
    scheduled: int
    deferred: int
    failed: int
    ended: int
    ended_bytes: int
    keys: int
    """Living tasks with a unique key."""


class UserFacts(NamedTuple):
    """One user at one instant: what is counted, what there is, and where its turn comes from."""

    counted: tuple[int, ...]
    """Ready tasks of level 1 to 6."""
    aside: int
    scheduled: int
    failed: int
    ghosts: int
    deferred: int
    parents: int
    """Tasks that others wait for."""
    running: int
    lanes: tuple[int, ...]
    aside_entries: int | None
    failed_ids: int
    waits: int
    """Tasks that wait for others: those that are deferred, and those that wait for some which they have added."""
    records: int
    unique: int
    kept_bytes: int
    tag: float | None
    owes: bool
    held: str
    """The bar it waits outside the ring for: p, c or r; '' where it does not."""
    bar: str
    """What bars its next start now."""
    opening: bool
    indexed: bool
    lists: frozenset[str]
    lists_without: tuple[str, ...]
    page: Page
    places: Places

    @property
    def ready(self) -> int:
        """Tasks counted as ready."""
        return sum(self.counted)

    @property
    def whole(self) -> bool:
        """Whether all its records were on this page."""
        return self.page.cursor == BEGIN and self.page.seen == self.records


def look_at_queue(root: str, now: str = "") -> Call[tuple[str, ...] | QueueFacts]:
    """Look at a whole queue. Where keys have another type than they should, their names are the answer."""

    def read(reply: list[Any]) -> tuple[str, ...] | QueueFacts:
        if reply[0]:
            return tuple(reply[0].decode().split(","))
        instants: Any = (None if value == b"" else value for value in reply[1:])
        return QueueFacts(*instants)

    return Call("check_queue", root, (now, int(ALIVE_SECONDS * 1000), _TICK_MS), read)


def look_at_user(root: str, user_id: str, cursor: bytes = BEGIN, now: str = "") -> Call[UserFacts]:
    """Look at a user and at a page of its records."""
    return Call("check_user", root, (now, encode_id(user_id), cursor, RECORDS), _read_user)


def look_at_page(root: str, table: str, cursor: bytes) -> Call[Page]:
    """Look at a page of one of TABLES."""

    def read(reply: list[Any]) -> Page:
        return Page(reply[0], reply[1], read_faults(reply[2:]))

    return Call("check_page", root, (table, cursor, _ENTRIES), read)


def pages(root: str, table: str) -> Conversation[list[Fault]]:
    """Look at one of TABLES page by page."""
    cursor, faults = BEGIN, list[Fault]()
    while True:
        page = yield look_at_page(root, table, cursor)
        faults += page.faults
        cursor = page.cursor
        if cursor == BEGIN:
            return faults


def _read_user(reply: list[Any]) -> UserFacts:
    numbers = iter(reply)

    def take(count: int) -> tuple[int, ...]:
        return tuple(next(numbers) for _ in range(count))

    counted = take(6)
    aside, scheduled, failed, ghosts, deferred, parents, running = take(7)
    lanes = take(6)
    aside_entries, failed_ids, waits, records, unique, kept_bytes = take(6)
    tag, owes, held, bar, opening, indexed, lists, without = (next(numbers) for _ in range(8))
    cursor, seen = next(numbers), next(numbers)
    places = Places(*take(9))
    return UserFacts(
        counted, aside, scheduled, failed, ghosts, deferred, parents, running, lanes,
        None if aside_entries < 0 else aside_entries, failed_ids, waits, records, unique, kept_bytes,
        float(tag) if tag else None, owes == 1, held.decode(), bar.decode(), opening == 1, indexed == 1,
        frozenset(_names(lists)), tuple(_names(without)),
        Page(cursor, seen, read_faults(list(numbers))), places,
    )  # fmt: skip


def _names(text: bytes) -> Iterable[str]:
    return (name for name in text.decode().split(",") if name)


def read_faults(flat: list[bytes]) -> tuple[Fault, ...]:
    """Return the faults at the end of a reply."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return tuple(Fault(kind.decode(), where.decode(errors="replace")) for kind, where in pairs)
