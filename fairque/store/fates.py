"""Calls about what becomes of tasks that are not wanted, or did not end well: cancel, the dead letters, erasing."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from fairque.core.ids import decode_id, encode_id
from fairque.errors import StoredDataError
from fairque.store.call import READING, Call
from fairque.store.flows import Joint, joint_text
from fairque.store.records import Record, read_record

PAGE: Final = 100
"""Failed tasks that a page has, or a call takes, at most."""
_WAKE_LIMIT: Final = 8
ANY: Final = "-"
"""Stands for whichever incarnation of an id there is."""


class Canceled(IntEnum):
    """What a cancel came to."""

    UNKNOWN = 0
    CANCELED = 1
    ASKED = 2
    """It runs, and was asked to stop."""
    ENDED = 3


class Requeued(IntEnum):
    """What came of queueing a task again."""

    NOT_FAILED = 0
    QUEUED = 1
    KEY_TAKEN = 2
    """Another task has its unique key now."""


class Place(NamedTuple):
    """Where in a user's dead letters a task stands."""

    task_id: str
    failed_ms: int


def cancel(
    root: str, user_id: str, task_id: str, keep: float, request: str, incarnation: str = ANY, now: str = ""
) -> Call[Canceled]:
    """Cancel a task; its record is kept for `keep` seconds. `request` names this call."""
    args = (now, encode_id(user_id), encode_id(task_id), incarnation, int(keep * 1000), request)
    return Call("cancel", root, args, Canceled)


def requeue(
    root: str,
    user_id: str,
    task_ids: Sequence[tuple[str, Joint | None]],
    request: str,
    incarnation: str = ANY,
    now: str = "",
) -> Call[list[Requeued]]:
    """Queue up to PAGE failed or canceled tasks again, each given with what it waits for. `request` names this call."""
    flat = [
        text for task_id, joint in task_ids for text in (encode_id(task_id), "" if joint is None else joint_text(joint))
    ]
    args: tuple[str | int, ...] = (now, _WAKE_LIMIT, encode_id(user_id), request, incarnation, *flat)
    return Call("requeue", root, args, lambda reply: [Requeued(answer) for answer in reply])


def purge(root: str, user_id: str, task_ids: Sequence[str], request: str, now: str = "") -> Call[int]:
    """Forget up to PAGE failed tasks; answers how many. `request` names this call."""
    return Call("purge", root, (now, encode_id(user_id), request, *map(encode_id, task_ids)), int)


def failed(root: str, user_id: str, after: Place | None, count: int) -> Call[list[tuple[Place, Record | None]]]:
    """Read a page of a user's failed tasks, the newest first; an empty one is the end. None is for a record that
    nobody can read.
    """
    user = encode_id(user_id)
    place: tuple[str, int] = ("", 0) if after is None else (encode_id(after.task_id), after.failed_ms)

    def read(reply: list[Any]) -> list[tuple[Place, Record | None]]:
        flat, found = iter(reply), list[tuple[Place, Record | None]]()
        for encoded, at, text in zip(flat, flat, flat, strict=True):
            place, record = Place(decode_id(encoded.decode()), int(float(at))), None
            with contextlib.suppress(StoredDataError), READING:
                record = read_record(user.encode(), place.task_id, text, None)
            found.append((place, record))
        return found

    return Call("failed", root, (user, *place, count), read)


def erase(root: str, user_id: str, request: str, now: str = "") -> Call[tuple[int, int]]:
    """Remove up to about a hundred of a user's tasks, and with the last of them what else it left; answers how many
    tasks are left and how many were removed. `request` names this call.
    """
    return Call("erase", root, (now, encode_id(user_id), request), lambda reply: (int(reply[0]), int(reply[1])))
