"""The Call that asks why a task has not started, and its answer."""

from __future__ import annotations

from typing import Any, NamedTuple

from fairque.core.ids import encode_id, user_print_of
from fairque.core.limits import Caps, UserSettings
from fairque.store.call import Call
from fairque.store.limits import read_settings
from fairque.store.records import Record, read_record


class Bar(NamedTuple):
    """What bars a subject from one more start, if anything. bar: p paused, c max_concurrency, r rate, or ''."""

    bar: str
    settings: Caps
    running: int
    opens_ms: int | None


class Explained(NamedTuple):
    """Where a task stands. `ahead`: tasks of its user that start before it, `turns`: users whose turn comes before its
    user's, each None where that has no meaning; `ready`: users in the ring; `lists`: digests of the lists that name its
    user.
    """

    record: Record
    ahead: int | None
    turns: int | None
    ready: int
    lists: frozenset[str]
    user: Bar
    name: Bar
    queue: Bar
    due_ms: int | None
    now_ms: int


def explain(root: str, task_id: str, user_id: str | None, now: str = "") -> Call[Explained | None]:
    """Ask why a task has not started; None where it is not known."""
    named, print_ = ("", user_print_of(task_id) or "") if user_id is None else (encode_id(user_id), "")

    def read(reply: list[Any]) -> Explained | None:
        if not reply:
            return None
        owner, text, run, ahead, turns, ready, lists, due, now_ms, *bars = reply
        kinds = (UserSettings, Caps, Caps)
        user, name, queue = (
            Bar(bar.decode(), read_settings(kind, settings), running, int(opens) if opens else None)
            for kind, bar, settings, running, opens in zip(
                kinds, bars[0::4], bars[1::4], bars[2::4], bars[3::4], strict=True
            )
        )
        return Explained(
            read_record(owner, task_id, text, run),
            None if ahead < 0 else ahead,
            None if turns < 0 else turns,
            ready,
            frozenset(lists.decode().split(",")) - {""},
            user,
            name,
            queue,
            int(due) if due else None,
            now_ms,
        )

    return Call("explain", root, (now, named, print_, encode_id(task_id)), read)
