"""Calls that look whether what a queue has counted adds up, each at one instant."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from fairque.store.call import Call

MOST_SUBJECTS: Final = 4_000
"""Users and task names whose counts are added up in one call: as many as take it 5 ms."""
MOST_RUNS: Final = 1_500
"""Runs that are counted by user and name in one call: as many as take it 5 ms."""


class Sums(NamedTuple):
    """All that waits, added up at one instant."""

    totals: tuple[int, ...]
    """The queue's own: queued (ready or set aside), scheduled, failed, deferred, and those that others wait for."""
    of_users: tuple[int, ...] | None
    """The same over all users; None where there were too many for one call."""
    of_names: int
    names: dict[str, int]
    """How many tasks of each name wait, in whatever way; `of_names` is their sum."""


class Slot(NamedTuple):
    """A subject (a user, or `|name`) that has another number of runs than was counted."""

    subject: str
    counted: int
    running: int


def add_up(root: str) -> Call[Sums]:
    """Add up what is counted of users and names."""

    def read(reply: list[Any]) -> Sums:
        totals, rest = tuple(reply[:5]), reply[5:]
        if not rest:
            return Sums(totals, None, 0, {})
        names = zip(rest[6::2], rest[7::2], strict=True)
        known = {name.decode(errors="replace").removeprefix("|"): amount for name, amount in names}
        return Sums(totals, tuple(rest[:5]), rest[5], known)

    return Call("check_sums", root, (MOST_SUBJECTS,), read)


def count_runs(root: str) -> Call[tuple[Slot, ...] | None]:
    """Count runs by user and name; answers what was counted otherwise, None where there are too many for one call."""

    def read(reply: list[Any]) -> tuple[Slot, ...] | None:
        looked, *flat = reply
        off = zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
        return tuple(Slot(subject.decode(errors="replace"), *both) for subject, *both in off) if looked else None

    return Call("check_slots", root, (MOST_RUNS, 2 * MOST_RUNS), read)
