"""What is to be done when a worker is known to be dead: nobody needs to wait for its leases."""

from __future__ import annotations

from typing import Final

from fairque.store.call import Call, Conversation
from fairque.store.claims import Lists, leave

PAGE: Final = 500
"""Runs looked at in one call."""


def bereave(root: str, worker: str, lists: Lists, now: str = "") -> Conversation[int]:
    """Take a dead worker off all lists and let the leases of its runs lapse; return how many did.

    Whoever claims next counts these tasks as lost and gives them back in their places. It must be certain that the
    worker is dead; another one of its name may be started as soon as this has begun to answer or has failed.
    """
    last = yield Call("stats", root, (0, "token"), lambda reply: int(reply[3]))
    yield leave(root, worker, lists)
    cursor, lapsed = b"0", 0
    while True:
        page = yield Call("bereave", root, (now, worker, last, cursor, PAGE), list)
        cursor, lapsed = page[0], lapsed + int(page[1])
        if cursor == b"0":
            return lapsed
