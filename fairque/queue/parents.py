"""What a task gets of its parents: their results as arguments, or one of them by its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairque.core.codec import decode_ending
from fairque.core.models import Task
from fairque.errors import ParentResultMissing
from fairque.store import flows, xcom
from fairque.store.call import Conversation
from fairque.store.records import Grant, Record

Taken = dict[str, bytes | list[bytes]]
"""What parameters get, as JSON: the result of one parent, or the results of several in order."""


def take(root: str, task: Task[Any]) -> Conversation[Taken]:
    """Read what a task's parameters get. A parent that failed or was canceled, and whose child runs all the same,
    gives null in its place.

    Raises:
        ParentResultMissing: a result is not there.
    """
    places = sorted({place for take in task.takes.values() for place in take.parents})
    ids = [task.parents[place] for place in places]
    records = yield from flows.read_many(root, task.user_id or "", ids)
    results = dict(zip(places, map(_result, ids, records), strict=True))
    return {
        name: [results[place] for place in take.parents] if take.many else results[take.parents[0]]
        for name, take in task.takes.items()
    }


def pull(root: str, grant: Grant, parents: Sequence[str], key: str) -> Conversation[bytes | None]:
    """Find what a run asks for by a key, as JSON: what was left in its run, then the result of a parent that has this
    key or id, then what was left for its user.
    """
    found: xcom.Value | None = yield xcom.pull(root, grant, key)
    if parents and (found is None or found.of_user):
        ids = [key] if key in parents else parents
        for record in (yield from flows.read_many(root, grant.user_id, ids)):
            if record is not None and record.letter == "F":
                ending = decode_ending(record.body)
                if key in (ending.key, record.task_id):
                    return bytes(ending.result)
    return None if found is None else found.json


def _result(task_id: str, record: Record | None) -> bytes:
    match record.letter if record is not None else None:
        case "F" if record is not None:
            return bytes(decode_ending(record.body).result)
        case "X" | "C":
            return b"null"
    raise ParentResultMissing(
        f"the result of the parent {task_id!r} is not there (any more): it has expired, was deleted, or the task was "
        "queued again; give the parent a longer result_ttl (the queue: kept_bytes_per_user), and run it again"
    )
