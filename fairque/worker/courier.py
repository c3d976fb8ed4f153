"""The worker's courier: takes outcomes to Redis and brings the next tasks, however long that takes."""

from __future__ import annotations

import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fairque.core.settings import WorkerSettings
from fairque.errors import RedisUnavailable
from fairque.queue.verbs import Verbs
from fairque.store import claims
from fairque.store.bell import BLOCK, Bell
from fairque.store.link import Link

log = logging.getLogger("fairque.worker")

BACKOFF: Final = 2.0
"""Longest pause between two tries to reach Redis, in seconds; drawn evenly from below it."""
_FIRST_PAUSE: Final = 0.05


class Answer(NamedTuple):
    """What Redis has answered to a courier."""

    settled: claims.Settled
    until: float
    """End of the leases of what it has granted, by the local monotonic clock: counted from before it was asked."""


class Courier:
    """One loop's courier; for its thread alone."""

    def __init__(self, verbs: Verbs, worker: WorkerSettings, link: Link, bell: Bell) -> None:
        self._root = verbs.root
        self._kept_bytes = verbs.settings.queue.kept_bytes_per_user
        self._worker = worker
        self._link = link
        self._bell = bell
        self._lists = claims.lists_of(worker.assigned_users, worker.steal_targets)
        self._name, self._requests = uuid.uuid4().hex, itertools.count()

    def carry(
        self,
        ended: Sequence[claims.Ended],
        want: int,
        *,
        meanwhile: Callable[[], object],
        in_vain: Callable[[], bool],
    ) -> Answer | None:
        """Tell Redis outcomes and ask it for up to `want` tasks, until it has answered, or nobody waits (`in_vain`) any
        more. `meanwhile` is as `Link.run` has it.

        The call keeps its request id, so what is finished is delivered once, and a claim whose answer was lost is
        answered again.
        """
        call = claims.settle(
            self._root,
            self._worker.id,
            f"{self._name}-{next(self._requests)}",
            lists=self._lists,
            want=want,
            lease=self._worker.lease_seconds,
            block=BLOCK,
            ended=ended,
            kept_bytes=self._kept_bytes,
        )
        asked, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                return Answer(self._link.run(call, meanwhile), asked + self._worker.lease_seconds)
            except RedisUnavailable as error:
                if in_vain():
                    log.error("worker %s stops without having reached Redis: %s", self._worker.id, error)
                    return None
                if pause == _FIRST_PAUSE:
                    log.warning("worker %s: Redis is away, will go on trying: %s", self._worker.id, error)
                self._bell.wait(random.uniform(0, pause), listen=False)
                pause = min(BACKOFF, pause * 2)
