"""The Call that takes a whole queue away, a page at a time."""

from __future__ import annotations

from typing import Any, Final

from fairque.store.call import Call

BEGIN: Final = b"0"
"""The cursor to begin with; when it comes back, the queue is gone."""
_PAGE: Final = 1000


def drop(root: str, cursor: bytes) -> Call[bytes]:
    """Look at about a thousand keys of the database, remove those of this queue, and answer the next cursor.

    Nobody may be using the queue: its workers have ended.
    """

    def read(reply: Any) -> bytes:
        return bytes(reply[0])

    return Call("drop", root, (cursor, _PAGE), read)
