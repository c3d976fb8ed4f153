"""Calls about tasks that belong together."""

from __future__ import annotations

from collections.abc import Sequence

from fairque.store import tasks
from fairque.store.call import Conversation
from fairque.store.records import Record


def read_many(root: str, user_id: str, task_ids: Sequence[str]) -> Conversation[list[Record | None]]:
    """Read several tasks of a user; None stands for one that is not there."""
    found = []
    for task_id in task_ids:
        found.append((yield tasks.get(root, task_id, user_id)))
    return found
