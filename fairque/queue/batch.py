"""Many tasks on their way in, chunk by chunk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from msgspec.structs import replace

from fairque.core.models import Task
from fairque.errors import PartialPush
from fairque.queue.intake import Receipt, receipt_of
from fairque.store import tasks
from fairque.store.call import Call

R = TypeVar("R")


class Batch(Generic[R]):
    """Many tasks on their way in, a Call a chunk."""

    def __init__(self, root: str, listed: Sequence[Task[R]], entries: Sequence[tasks.Entry]) -> None:
        self._root, self._tasks, self._entries = root, listed, entries

    def calls(self) -> Iterator[Call[list[tasks.Accepted]]]:
        """Yield the Calls that push it."""
        for at in range(0, len(self._entries), tasks.CHUNK):
            yield tasks.push(self._root, self._entries[at : at + tasks.CHUNK])

    def receipts(self, answers: Iterable[list[tasks.Accepted]]) -> list[Receipt[R]]:
        """Return the receipts of the tasks that the given answers, from the first chunk on, are about."""
        accepted = itertools.chain.from_iterable(answers)
        return [receipt_of(*of) for of in zip(self._tasks, self._entries, accepted, strict=False)]

    def interrupted(self, handles: Sequence[object], lost: Exception) -> PartialPush:
        """Return the error for a batch of which only so many were accepted. What remains keeps its ids: if Redis did
        accept some of it and only the answer was lost, pushing it again makes no task twice.
        """
        done = len(handles)
        remaining = [
            replace(task, user_id=entry.user_id, task_id=entry.task_id, nonce=entry.nonce)
            for task, entry in zip(self._tasks[done:], self._entries[done:], strict=True)
        ]
        what = f"{done} of {len(self._tasks)} tasks were accepted; push `remaining` again"
        return PartialPush(f"{lost} ({what})", handles=tuple(handles), remaining=tuple(remaining))
