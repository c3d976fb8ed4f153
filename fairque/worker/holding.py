"""What a worker holds: each task it was granted and has not settled, with the local end of its lease."""

from __future__ import annotations

import time

from fairque.store.records import Grant


class Holding:
    """One granted task in this worker's hands. Fields are written by one thread each and read by any."""

    __slots__ = ("grant", "started", "until", "unwanted")

    def __init__(self, grant: Grant, until: float) -> None:
        self.grant = grant
        self.until = until
        """End of the lease by the local monotonic clock: counted from before the call that granted or renewed it."""
        self.started: float | None = None
        self.unwanted = False

    def start(self) -> bool:
        """Note that the run begins; False where the lease may have lapsed: then it must not begin."""
        now = time.monotonic()
        if now >= self.until or self.unwanted:
            return False
        self.started = now
        return True
