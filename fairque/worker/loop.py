"""The worker's loop: outcomes go back and the next tasks come in one call, for as long as the worker lives."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Final, NamedTuple

from fairque.core.service import Tally
from fairque.core.settings import WorkerSettings
from fairque.errors import RedisUnavailable, StoredDataError
from fairque.queue.verbs import Verbs
from fairque.store import claims
from fairque.store.bell import BLOCK, Bell
from fairque.store.link import Link
from fairque.worker.courier import BACKOFF, Answer, Courier
from fairque.worker.execution import Execution
from fairque.worker.holding import Holding, Verdict
from fairque.worker.pace import Pace
from fairque.worker.runners import Finished, Runners

log = logging.getLogger("fairque.worker")

LINGER: Final = 0.002
"""Seconds for which a finished run waits for company before it is settled, while all threads have work."""
OVERDUE: Final = 5
"""Horizons (0.1 s at least) after which tasks that no thread has taken are given back."""
PROMPT: Final = claims.MAX_WANT // 2
"""Runs that have finished during a call and go back at once, before what it has granted is looked at: Redis works on
them meanwhile (48 -> 40 us a task in a drain).
"""


class _Round(NamedTuple):
    """What Redis was told and asked, and its answer, which is not taken in yet."""

    finished: list[Finished]
    ended: list[claims.Ended]
    want: int
    answer: Answer

    @property
    def gain(self) -> int:
        """By how many more tasks are held when it is taken in."""
        return self.answer.settled.count - len(self.ended)


class Loop:
    """Claims and settles. Runs on one thread; `stop` and `idle` are for others."""

    def __init__(self, verbs: Verbs, worker: WorkerSettings, execution: Execution, link: Link, bell: Bell) -> None:
        self._worker = worker
        self._execution = execution
        self._bell = bell
        self._courier = Courier(verbs, worker, link, bell)
        self._pace = Pace(worker.max_concurrent_tasks, worker.prefetch_horizon, 2 * claims.MAX_WANT)
        self.runners = Runners(worker, execution, bell.ring)
        self._finished: list[Finished] = []
        self._given_back: list[Holding] = []
        self._round: _Round | None = None
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
            while self._deadline is None or (self.held and not self._is_over()):
                try:
                    self.run_once()
                except Exception:  # whatever it is: a worker that has gone deaf is worse than one that says so
                    log.exception("worker %s: a round failed, will go on", self._worker.id)
                    self._bell.wait(random.uniform(0, BACKOFF), listen=False)
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
        if self._round is None and (self._room() == 0 or self._hungry_until is not None):
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
        if self._round is not None:
            held += self._round.gain
        return max(0, min(claims.MAX_WANT, self._pace.room() - held))

    def _rest(self) -> None:
        """Sleep until enough is finished, or, when hungry, until there may be something to claim."""
        runners, now = self.runners, time.monotonic()
        hungry = self._hungry_until is not None
        if runners.finished():
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
        for holding in (*(one.holding for one in self._finished), *self._given_back):
            holding.settling = True
        answer = self._courier.carry(ended, want, meanwhile=self._take_in, in_vain=self._is_over)
        if answer is None:
            return
        self._round = _Round(self._finished, ended, want, answer)
        self._finished, self._given_back = [], []
        if answer.settled.count < want or self._deadline is not None or self.runners.finished() < PROMPT:
            self._take_in()

    def _take_in(self) -> None:
        """Do what the last answer says, unless that is done: it may be while Redis works on the next call."""
        last, self._round = self._round, None
        if last is None:
            return
        settled = last.answer.settled
        for _ in settled.stale:
            log.warning("worker %s: an outcome came after its lease had lapsed and was not accepted", self._worker.id)
        self._put_down(last)
        try:
            grants = settled.grants
        except StoredDataError:  # their leases lapse, and they are reaped
            log.exception("worker %s cannot read what it was granted", self._worker.id)
            grants = []
        for grant in grants:
            self.held[grant.token] = holding = Holding(grant, last.answer.until)
            self.runners.hand_out(holding)
        now = time.monotonic()
        self._moved = now if grants else self._moved
        self._hungry_until = now + settled.pause if settled.count < last.want else None
        if self.held:
            self.idle.clear()
        elif last.want:
            self.idle.set()

    def _put_down(self, last: _Round) -> None:
        """Forget what is settled, and count it."""
        for end in last.ended:
            self.held.pop(end.token, None)
        ran = [one for one in last.finished if one.holding.started is not None]
        for one in ran:
            grant = one.holding.grant
            self.tally.count(grant.user_id, grant.start_ms - grant.since_ms, one.seconds * 1000, grant.cost)
        if ran:
            self._pace.note(len(ran), sum(one.seconds for one in ran))

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _surrender(self) -> None:
        """Give back what is still held when the time is up; no retry is spent. What can be interrupted is, first."""
        self._take_in()
        self._finished += self.runners.collect()
        over = {one.holding.grant.token for one in self._finished}
        self._given_back = [held for token, held in self.held.items() if token not in over]
        for holding in self._given_back:
            holding.condemn(Verdict.GIVEN_BACK)
            holding.unwant()
            self.runners.interrupt(holding)
        if self._finished or self._given_back:
            self._settle(0)
