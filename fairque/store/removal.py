"""Calls that take a whole queue away."""

from __future__ import annotations

from typing import Any, Final

from fairque.store.call import Call, Conversation

_PAGE: Final = 1000


def drop(root: str) -> Conversation[int]:
    """Remove every key of a queue and answer how many there were. Nobody may be using it: its workers have ended.

    It walks over all keys of the database, a page a call.
    """
    cursor, removed = b"0", 0
    while True:
        cursor, count = yield _page(root, cursor)
        removed += count
        if cursor == b"0":
            return removed


def _page(root: str, cursor: bytes) -> Call[tuple[bytes, int]]:
    def read(reply: Any) -> tuple[bytes, int]:
        return reply[0], int(reply[1])

    return Call("drop", root, (cursor, _PAGE), read)
