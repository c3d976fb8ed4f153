"""What a worker holds: each task it was granted and has not settled, with the local end of its lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec

from fairque.core.log_fields import about
from fairque.core.models import Task
from fairque.core.outcome import Progress
from fairque.queue.parents import Taken
from fairque.store.records import Grant


class Verdict(IntEnum):
    """Why a run is to end before it has returned. Of several the highest stands."""

    TIMED_OUT = 1
    GIVEN_BACK = 2
    """The worker stops: another run of the task will follow, and this one's end is nobody's business."""
    CANCELED = 3


class Holding(msgspec.Struct, eq=False):
    """One granted task in this worker's hands. Fields are written by one thread each and read by any."""

    grant: Grant
    until: float
    """End of the lease by the local monotonic clock: counted from before the call that granted or renewed it."""
    started: float | None = None
    task: Task[Any] | None = None
    taken: Taken = {}
    """What it takes from its parents, for a run in another process; this one's runs have it among their arguments."""
    unwanted: bool = False
    settling: bool = False
    """Whether its end has been sent, or is about to be: a lease that is gone then was not lost."""
    on_unwanted: Callable[[], None] | None = None
    """Tells a run in another process; this one's runs look at `unwanted`."""
    verdict: Verdict | None = None
    progress: Progress | None = None

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
