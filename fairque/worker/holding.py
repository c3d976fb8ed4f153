"""What a worker holds: each task it was granted and has not settled, with the local end of its lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from fairque.core.log_fields import about
from fairque.core.models import Task
from fairque.core.outcome import Progress
from fairque.queue.parents import Taken
from fairque.store.records import Grant

_NOTHING: Final[Taken] = {}


class Verdict(IntEnum):
    """Why a run is to end before it has returned. Of several the highest stands."""

    TIMED_OUT = 1
    GIVEN_BACK = 2
    """The worker stops: another run of the task will follow, and this one's end is nobody's business."""
    CANCELED = 3


class Holding:
    """One granted task in this worker's hands. Fields are written by one thread each and read by any."""

    __slots__ = (
        "grant",
        "on_unwanted",
        "progress",
        "settling",
        "started",
        "taken",
        "task",
        "until",
        "unwanted",
        "verdict",
    )

    def __init__(self, grant: Grant, until: float) -> None:
        self.grant = grant
        self.until = until
        """End of the lease by the local monotonic clock: counted from before the call that granted or renewed it."""
        self.started: float | None = None
        self.task: Task[Any] | None = None
        self.taken: Taken = _NOTHING
        """What it takes from its parents, for a run in another process; this one's runs have it among their arguments.
        """
        self.unwanted = False
        self.settling = False
        """Whether its end has been sent, or is about to be: a lease that is gone then was not lost."""
        self.on_unwanted: Callable[[], None] | None = None
        """Tells a run in another process; this one's runs look at `unwanted`."""
        self.verdict: Verdict | None = None
        self.progress: Progress | None = None

    @property
    def about(self) -> dict[str, object]:
        """What a log record about this task carries."""
        grant = self.grant
        bare: Task[Any] = Task(task_id=grant.task_id, user_id=grant.user_id, attempt=grant.attempt)
        return about(self.task or bare)

    def start(self) -> bool:
        """Note that the run begins; False where the lease may have lapsed: then it must not begin."""
        now = time.monotonic()
        if now >= self.until or self.unwanted:
            return False
        self.started = now
        return True

    def unwant(self) -> None:
        """Let the run know that it is no longer wanted."""
        self.unwanted = True
        tell = self.on_unwanted
        if tell is not None:
            tell()

    def condemn(self, verdict: Verdict) -> None:
        """Note why the run is about to be interrupted."""
        self.verdict = verdict if self.verdict is None else max(verdict, self.verdict)
