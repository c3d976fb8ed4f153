"""The seven states of a task, and the table of moves between them: the drawing in the docs is compared with it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class TaskState(StrEnum):
    """Where a task is; its value is its name in lower case."""

    QUEUED = "queued"
    STARTED = "started"
    DEFERRED = "deferred"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELED = "canceled"
    SCHEDULED = "scheduled"

    @property
    def ended(self) -> bool:
        """Whether the task will not run again by itself."""
        return self in _ENDED


_ENDED: Final = frozenset({TaskState.FINISHED, TaskState.FAILED, TaskState.CANCELED})

LETTERS: Final = {
    "Q": TaskState.QUEUED,
    "D": TaskState.DEFERRED,
    "W": TaskState.SCHEDULED,
    "F": TaskState.FINISHED,
    "X": TaskState.FAILED,
    "C": TaskState.CANCELED,
}
"""The first letter of a record. There is none for a started task: it is a queued one that has a lease."""


class Move(NamedTuple):
    """One way from a state to another; `None` stands for a task that does not exist."""

    before: TaskState | None
    event: str
    after: TaskState | None


MOVES: Final = (
    Move(None, "push", TaskState.QUEUED),
    Move(None, "push with a delay", TaskState.SCHEDULED),
    Move(None, "push behind parents", TaskState.DEFERRED),
    Move(TaskState.DEFERRED, "parents ended", TaskState.QUEUED),
    Move(TaskState.DEFERRED, "parents ended, with a delay", TaskState.SCHEDULED),
    Move(TaskState.SCHEDULED, "due", TaskState.QUEUED),
    Move(TaskState.QUEUED, "claim", TaskState.STARTED),
    Move(TaskState.STARTED, "done", TaskState.FINISHED),
    Move(TaskState.STARTED, "retry", TaskState.SCHEDULED),
    Move(TaskState.STARTED, "postpone", TaskState.SCHEDULED),
    Move(TaskState.STARTED, "bury", TaskState.FAILED),
    Move(TaskState.STARTED, "release", TaskState.QUEUED),
    Move(TaskState.STARTED, "lost", TaskState.QUEUED),
    Move(TaskState.STARTED, "lost a third time", TaskState.FAILED),
    Move(TaskState.QUEUED, "cancel or expiry", TaskState.CANCELED),
    Move(TaskState.SCHEDULED, "cancel or expiry", TaskState.CANCELED),
    Move(TaskState.DEFERRED, "cancel, expiry or a parent's end", TaskState.CANCELED),
    Move(TaskState.STARTED, "cancel", TaskState.CANCELED),
    Move(TaskState.FAILED, "requeue", TaskState.QUEUED),
    Move(TaskState.CANCELED, "requeue", TaskState.QUEUED),
    Move(TaskState.FAILED, "requeue behind parents", TaskState.DEFERRED),
    Move(TaskState.CANCELED, "requeue behind parents", TaskState.DEFERRED),
    Move(TaskState.QUEUED, "corrupt", TaskState.FAILED),
    Move(TaskState.QUEUED, "delete", None),
    Move(TaskState.SCHEDULED, "delete", None),
    Move(TaskState.DEFERRED, "delete, or a hook not needed", None),
    Move(TaskState.FINISHED, "delete or retention", None),
    Move(TaskState.FAILED, "delete, purge or retention", None),
    Move(TaskState.CANCELED, "delete or retention", None),
)
"""All moves there are; each is one write of one script, and no other changes a task's state."""
