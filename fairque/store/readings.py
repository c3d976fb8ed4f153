"""Calls that only read: totals, users, workers, whom the last hour's runs served."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypedDict, cast

import msgspec

from fairque.core.ids import decode_id, encode_id
from fairque.store.call import Call, Conversation
from fairque.store.claims import ALIVE_SECONDS

PAGE: Final = 500
WINDOW_MS: Final = 600_000
"""Service is summed over windows of ten minutes; six past ones are kept beside the current one."""

_TOTALS: Final = (
    "queued",
    "deferred",
    "scheduled",
    "finished_total",
    "failed_total",
    "canceled_total",
    "retried_total",
    "lost_total",
    "failed",
)


class Stats(TypedDict):
    """A queue's totals: how many tasks are in each state now, and (`_total`) how many ever ended each way."""

    queue: str
    users: int
    workers: int
    queued: int
    started: int
    deferred: int
    scheduled: int
    finished_total: int
    failed_total: int
    canceled_total: int
    retried_total: int
    lost_total: int
    failed: int


class Sizes(NamedTuple):
    """What one user has: tasks ready (of these CRITICAL), running, waiting for parents or for a time, and failed."""

    queued: int = 0
    critical: int = 0
    started: int = 0
    deferred: int = 0
    scheduled: int = 0
    failed: int = 0


def stats(root: str, queue: str) -> Call[Stats]:
    """Read the queue's totals. `users` counts those with any task kept, `workers` those that are up."""

    def read(reply: list[int]) -> Stats:
        users, workers, started, *totals = reply
        named = dict(zip(_TOTALS, totals, strict=True))
        return cast("Stats", {"queue": queue, "users": users, "workers": workers, "started": started, **named})

    return Call("stats", root, (int(ALIVE_SECONDS * 1000), *_TOTALS), read)


def cost(root: str) -> Call[str]:
    """Read how starts are charged: `count`, `declared` or `time`."""
    return Call("stats", root, (0, "rules"), lambda reply: reply[3].decode().partition(" ")[0] if reply[3] else "count")


def unfinished(root: str, user_id: str | None) -> Call[int]:
    """Read how many tasks of a user, or of all, are queued or started; added to it, how many of the whole queue have
    ended and have children that are to be told yet: something may become ready by that.
    """
    if user_id is None:
        return Call("stats", root, (0, "queued", "releasing"), lambda reply: sum(reply[2:]))

    def read(reply: list[Any]) -> int:
        size = _sizes(reply[0], reply[1])
        return size.queued + size.started + int(reply[2] or 0)

    return Call("sizes", root, (encode_id(user_id),), read)


def sizes(root: str, user_id: str) -> Call[Sizes]:
    """Read one user's sizes."""
    return Call("sizes", root, (encode_id(user_id),), lambda reply: _sizes(reply[0], reply[1]))


def users(root: str) -> Conversation[dict[str, Sizes]]:
    """Read every user that has something waiting, running or failed, with its sizes."""
    counts = yield from table(root, "counts")
    busy = yield from table(root, "busy")
    found = dict.fromkeys(subject for subject in [*counts, *busy] if not subject.startswith(b"|"))  # else a task name
    return {decode_id(user.decode()): _sizes(counts.get(user), busy.get(user)) for user in found}


def workers(root: str) -> Conversation[list[dict[str, Any]]]:
    """Read what each worker says of itself, with `last_seen` (epoch seconds by Redis's clock)."""
    seen = yield from table(root, "workers-seen")
    described = yield from table(root, "workers")
    return [
        {
            "id": name.decode(),
            **msgspec.json.decode(text.partition(b"\n")[2]),
            "last_seen": float(seen.get(name, 0)) / 1000,
        }
        for name, text in sorted(described.items())
    ]


def served(root: str, windows: Iterable[int]) -> Conversation[dict[str, dict[str, int]]]:
    """Read what the runs of these windows came to: user -> measure -> amount (see `fairque.core.service`)."""
    found: dict[str, dict[str, int]] = {}
    for window in windows:
        amounts = yield from table(root, f"served:{window}")
        for field, amount in amounts.items():
            user, _, measure = field.decode().rpartition("|")
            totals = found.setdefault(decode_id(user), {})
            totals[measure] = totals.get(measure, 0) + int(amount)
    return found


def table(root: str, name: str) -> Conversation[dict[bytes, bytes]]:
    """Read a whole hash or sorted set page by page: no call reads more than about a page."""
    cursor, found = b"0", dict[bytes, bytes]()
    while True:
        cursor, flat = yield Call("page", root, (name, cursor, PAGE), list)
        found.update(zip(flat[::2], flat[1::2], strict=True))
        if cursor == b"0":
            return found


_COUNT: Final = re.compile(rb"(\w):(\d+)")


def _sizes(counts: bytes | None, busy: bytes | None) -> Sizes:
    """Read a field of `counts` (its shape: lib/counts.lua) and one of `busy`."""
    started = int(busy or 0)
    if counts is None or counts.isdigit():
        return Sizes(queued=int(counts or 0), started=started)
    amounts = {kind: int(amount) for kind, amount in _COUNT.findall(counts)}
    scheduled, failed, deferred, _, _ = (amounts.pop(kind, 0) for kind in (b"s", b"x", b"d", b"g", b"p"))
    return Sizes(sum(amounts.values()), amounts.get(b"6", 0), started, deferred, scheduled, failed)
