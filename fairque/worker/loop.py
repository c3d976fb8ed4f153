"""The worker's loop: outcomes go back and the next tasks come in one call, for as long as the worker lives."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
import uuid
from typing import Final

from fairque.core.service import Tally
from fairque.core.settings import WorkerSettings
from fairque.errors import RedisUnavailable
from fairque.queue.verbs import Verbs
from fairque.store import claims
from fairque.store.bell import BLOCK, Bell
from fairque.store.link import Link
from fairque.worker.execution import Execution
from fairque.worker.holding import Holding, Verdict
from fairque.worker.pace import Pace
from fairque.worker.runners import Finished, Runners

log = logging.getLogger("fairque.worker")

LINGER: Final = 0.002
"""Seconds for which a finished run waits for company before it is settled, while all threads have work."""
OVERDUE: Final = 5
"""Horizons (0.1 s at least) after which tasks that no thread has taken are given back."""
_BACKOFF: Final = 2.0
"""Longest pause between two tries to reach Redis, in seconds; drawn evenly from below it."""


class Loop:
    """Claims and settles. Runs on one thread; `stop` and `idle` are for others."""

    def __init__(self, verbs: Verbs, worker: WorkerSettings, execution: Execution, link: Link, bell: Bell) -> None:
        self._root = verbs.root
        self._kept_bytes = verbs.settings.queue.kept_bytes_per_user
        self._worker = worker
        self._execution = execution
        self._link = link
        self._bell = bell
        self._lists = claims.lists_of(worker.assigned_users, worker.steal_targets)
        self._pace = Pace(worker.max_concurrent_tasks, worker.prefetch_horizon, 2 * claims.MAX_WANT)
        self.runners = Runners(worker, execution, bell.ring)
        self._name, self._requests = uuid.uuid4().hex, itertools.count()
        self._finished: list[Finished] = []
        self._given_back: list[Holding] = []
        self._hungry_until: float | None = None
        self._moved = time.monotonic()
        self._deadline: float | None = None
        self.held: dict[bytes, Holding] = {}
        """Everything granted and not settled, by token: what is here has a lease that the keeper renews (I4)."""
        self.tally = Tally()
        self.idle = threading.Event()
        """Set while nothing is held and the last call was granted nothing."""
        self.failed = False
        """Whether it stops because no slot was left."""

    def run(self) -> None:
        """Serve until `stop` was called and all that was held has been settled or given back."""
        self.runners.start()
        try:
            while self._deadline is None or (self.held and time.monotonic() < self._deadline):
                try:
                    self.run_once()
                except Exception:  # whatever it is: a worker that has gone deaf is worse than one that says so
                    log.exception("worker %s: a round failed, will go on", self._worker.id)
                    self._bell.wait(random.uniform(0, _BACKOFF), listen=False)
            self._surrender()
        finally:
            self.runners.stop()

    def stop(self, timeout: float) -> None:
        """Claim no more; let what runs end within `timeout` seconds, and give the rest back."""
        self._deadline = time.monotonic() + timeout
        for holding in list(self.held.values()):
            holding.unwant()
        self._bell.ring()

    def run_once(self) -> None:
        """One round: rest while there is nothing to tell or to ask, then settle and claim."""
        if self._room() == 0 or self._hungry_until is not None:
            self._rest()
        self._finished += self.runners.collect()
        self._reconsider()
        want = self._room()
        if self._finished or self._given_back or (want and self._hungry_until is None) or self._must_rise():
            self._settle(want)

    def _must_rise(self) -> bool:
        """Whether the worker is stopping and still listed as asleep: a hint meant for others could go to it."""
        return self._deadline is not None and self._hungry_until is not None

    def _room(self) -> int:
        """Return how many more tasks may be claimed now."""
        if self._deadline is not None:
            return 0
        held = len(self.held) - len(self._finished) - len(self._given_back)
        return max(0, min(claims.MAX_WANT, self._pace.room() - held))

    def _rest(self) -> None:
        """Sleep until enough is finished, or, when hungry, until there may be something to claim."""
        runners, now = self.runners, time.monotonic()
        hungry = self._hungry_until is not None
        if runners.has_finished():
            seconds, hungry = LINGER, False
        elif runners.waiting():
            seconds = self._patience()
        else:
            seconds = max(0.0, self._hungry_until - now) if self._hungry_until is not None else BLOCK
        if self._deadline is not None:
            seconds = min(seconds, max(0.0, self._deadline - now))
        runners.expect(sleeping=True)
        if not runners.worth_a_call() and self._was_hinted(seconds, hungry=hungry):
            self._hungry_until = None
        runners.expect(sleeping=False)
        if self._hungry_until is not None and time.monotonic() >= self._hungry_until:
            self._hungry_until = None

    def _was_hinted(self, seconds: float, *, hungry: bool) -> bool:
        try:
            return self._bell.wait(seconds, listen=hungry)
        except RedisUnavailable:
            return True  # a hint may be lost with the connection; and the next call knows how to wait for Redis

    def _patience(self) -> float:
        return max(0.1, OVERDUE * self._worker.prefetch_horizon)

    def _reconsider(self) -> None:
        """Take back tasks that no thread has taken: all when stopping, else those that there is no longer room for,
        since runs take longer than was expected.
        """
        now = time.monotonic()
        self._pace.slots = len(self.runners.slots)
        if not self._pace.slots and self._deadline is None:
            self.failed = True
            log.error("worker %s stops: all its threads are stuck in tasks that do not end", self._worker.id)
            self.stop(0)
        if self._finished:
            self._moved = now
        if self._deadline is not None:
            self._given_back += self.runners.take_back(0)
            return
        waiting = self.runners.waiting()
        if waiting and now - self._moved > self._patience():
            self._pace.stall()
        excess = len(self.held) - len(self._finished) - self._pace.room()
        if waiting and excess > 0:
            self._given_back += self.runners.take_back(max(0, waiting - excess))

    def _settle(self, want: int) -> None:
        """Send outcomes and take the next tasks."""
        ended = [one.ended for one in self._finished]
        ended += [self._execution.given_back(holding) for holding in self._given_back]
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
        for holding in (*(one.holding for one in self._finished), *self._given_back):
            holding.settling = True
        asked = time.monotonic()
        settled = self._persist(call)
        if settled is None:
            return
        for _ in settled.stale:
            log.warning("worker %s: an outcome came after its lease had lapsed and was not accepted", self._worker.id)
        self._put_down(ended)
        for grant in settled.grants:
            holding = Holding(grant, asked + self._worker.lease_seconds)
            self.held[grant.token] = holding
            self.runners.hand_out(holding)
        now = time.monotonic()
        self._moved = now if settled.grants else self._moved
        self._hungry_until = now + settled.pause if len(settled.grants) < want else None
        if self.held:
            self.idle.clear()
        elif want:
            self.idle.set()

    def _put_down(self, ended: list[claims.Ended]) -> None:
        """Forget what is settled, and count it."""
        for end in ended:
            self.held.pop(end.token, None)
        ran = [one for one in self._finished if one.holding.started is not None]
        for one in ran:
            grant = one.holding.grant
            self.tally.count(grant.user_id, grant.start_ms - grant.since_ms, one.seconds * 1000, grant.cost)
        if ran:
            self._pace.note(len(ran), sum(one.seconds for one in ran))
        self._finished, self._given_back = [], []

    def _persist(self, call: claims.SettleCall) -> claims.Settled | None:
        """Carry the call until it is answered. It keeps its request id, so what is finished is delivered once, and a
        claim whose answer was lost is answered again. None where the worker was stopped first.
        """
        pause = 0.05
        while True:
            try:
                return self._link.run(call)
            except RedisUnavailable as error:
                if self._deadline is not None and time.monotonic() >= self._deadline:
                    log.error("worker %s stops without having reached Redis: %s", self._worker.id, error)
                    return None
                if pause == 0.05:
                    log.warning("worker %s: Redis is away, will go on trying: %s", self._worker.id, error)
                self._bell.wait(random.uniform(0, pause), listen=False)
                pause = min(_BACKOFF, pause * 2)

    def _surrender(self) -> None:
        """Give back what is still held when the time is up; no retry is spent. What can be interrupted is, first."""
        self._finished += self.runners.collect()
        over = {one.holding.grant.token for one in self._finished}
        self._given_back = [held for token, held in self.held.items() if token not in over]
        for holding in self._given_back:
            holding.condemn(Verdict.GIVEN_BACK)
            holding.unwant()
            self.runners.interrupt(holding)
        if self._finished or self._given_back:
            self._settle(0)
