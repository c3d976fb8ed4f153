"""The simulator: replays a trace on a virtual clock against the real scripts. Nothing ever sleeps.

An event queue holds what is to come: arrivals, ends of runs, renewals of leases, and the instants at which a worker
will ask again. At each instant all of them happen, then every worker that has reason to does what its loop would
(`fairque.worker.loop`): sends its outcomes and claims up to its free slots. One that was granted less is asleep until
the scripts wake it or its pause ends. Whom they have woken is read after each call, so a forgotten wake-up costs
virtual time here as it would cost real time elsewhere. Calls take no time, a worker claims no further ahead than its
slots, and at one instant workers act in the order of the trace.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec

from fairque.core.codec import Ending
from fairque.core.ids import EVERYONE
from fairque.core.outcome import Done
from fairque.errors import FairqueError
from fairque.monitoring.simulation_idle import Free, Idle
from fairque.monitoring.simulation_queue import LEASE, SimulatedQueue
from fairque.monitoring.trace import Crew, Trace
from fairque.monitoring.trace_arrivals import Job, jobs_of
from fairque.store import claims, tasks
from fairque.store.records import Grant

_RENEW_MS: Final = int(LEASE * 1000 / 3)
_STALL_MS: Final = 3_600_000
"""Virtual ms after which a run is given up if nothing comes, runs or starts."""
_RESULT: Final = msgspec.Raw(b"null")
_DONE: Final = Done(b"null")


class Run(msgspec.Struct):
    """A run of a trace: every job with what became of it, and what it took. Instants are virtual ms."""

    jobs: list[Job]
    end: int = 0
    settles: int = 0
    polls: int = 0
    """Of these settles, the ones for which a pause had ended."""
    wakes: int = 0
    """Of these settles, the ones for which the scripts had woken the worker."""
    unheard: int = 0
    """Sleepers taken off their list without a hint: 0, or the scripts are wrong."""
    renewals: int = 0
    lost_ms: int = 0
    """Slots times ms that stood free while a task waited that could have run there."""


class _Worker:
    """One virtual worker."""

    def __init__(self, place: int, name: str, crew: Crew) -> None:
        self.place, self.name, self.slots = place, name, crew.slots
        self.lists = claims.lists_of(crew.assigned_users, crew.steal_targets)
        self.serves = frozenset((*crew.assigned_users, *crew.steal_targets))
        self.scopes = {EVERYONE} if EVERYONE in self.lists else {name for name in self.lists if name}
        self.held: dict[bytes, Grant] = {}
        self.ended: list[claims.Ended] = []
        self.asks_at: int | None = None
        """Asleep until then; None while it has all it wants."""
        self.listens = False
        """Whether a hint would wake it: it has had none since it fell asleep."""
        self.renews = False

    @property
    def free(self) -> int:
        return self.slots - len(self.held)


class Simulation:
    """One run of a trace on an open queue."""

    def __init__(self, trace: Trace, queue: SimulatedQueue) -> None:
        self._trace, self._queue = trace, queue
        self._run = Run(jobs_of(trace))
        names = [(name, crew) for crew in trace.workers for name in crew.ids]
        self._workers = [_Worker(place, name, crew) for place, (name, crew) in enumerate(names)]
        self._active: set[int] = set(range(len(self._workers)))
        self._idle = Idle(trace)
        self._now = 0
        self._numbers = itertools.count()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._arrivals = itertools.groupby(enumerate(self._run.jobs), key=lambda numbered: numbered[1].arrived)
        self._left = sum(self._may_run(job) for job in self._run.jobs)
        self._moved = 0
        rates = [rate for user in trace.user_ids if (rate := trace.settings_of(user).per_second)]
        self._patience = _STALL_MS + 2000 / min(rates, default=1.0)

    def steps(self) -> Iterator[float]:
        """Run, yielding after each instant how much is done, 0 to 1. Afterwards there is a `result`.

        Raises:
            FairqueError: the scripts did what they must never do: lost a lease, started a task twice, or forgot one.
        """
        self._schedule(0, lambda: None)
        self._await_arrivals()
        end = math.inf if self._trace.until is None else self._trace.until * 1000
        while self._events and self._left and self._events[0][0] < end:
            now = self._events[0][0]
            self._pass_by(now)
            while self._events and self._events[0][0] == now:
                heapq.heappop(self._events)[2]()
            self._act()
            self._check_progress()
            yield max(now / end, 1 - self._left / (len(self._run.jobs) or 1))
        if self._trace.until is not None:
            self._pass_by(int(end))

    @property
    def result(self) -> Run:
        """What the run came to."""
        self._run.end, self._run.lost_ms = self._now, self._idle.lost_ms
        return self._run

    def _may_run(self, job: Job) -> bool:
        settings = self._trace.settings_of(job.user_id)
        return not settings.paused and settings.max_concurrency != 0

    def _schedule(self, at: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), action))

    def _pass_by(self, until: int) -> None:
        free = [Free(worker.free, worker.serves) for worker in self._workers if worker.free]
        self._idle.pass_by(self._now, until, free)
        self._now = until

    def _check_progress(self) -> None:
        if any(worker.held for worker in self._workers) or self._arriving:
            self._moved = self._now
        elif self._now - self._moved > self._patience:
            raise FairqueError(
                f"{self._left:,} tasks wait and none has started for {self._now - self._moved:,} virtual ms"
            )

    # --- what happens ---------------------------------------------------------------------------------------------

    def _await_arrivals(self) -> None:
        at, numbered = next(self._arrivals, (0, iter(())))
        batch = list(numbered)
        self._arriving = bool(batch)
        if batch:
            self._schedule(at, partial(self._arrive, batch))

    def _arrive(self, batch: list[tuple[int, Job]]) -> None:
        for start in range(0, len(batch), tasks.CHUNK):
            chunk = batch[start : start + tasks.CHUNK]
            accepted = self._queue.push(chunk, self._now)
            for _, job in chunk:
                job.refused = not accepted
                if accepted:
                    self._idle.arrive(job.user_id)
                else:
                    self._left -= self._may_run(job)
        self._await_arrivals()

    def _end(self, worker: _Worker, grant: Grant, job: Job) -> None:
        job.ended = self._now
        self._left -= 1
        self._idle.end(job.user_id)
        del worker.held[grant.token]
        ending = Ending(job.task, grant.since_ms, grant.start_ms, worker.name, _RESULT)
        ran = job.length / 1000
        worker.ended.append(
            claims.end(grant.member, grant.token, _DONE, ran=ran, ending=ending, keep=60.0, keep_failed=60.0)
        )
        self._active.add(worker.place)

    def _ask(self, worker: _Worker) -> None:
        if worker.asks_at == self._now:
            self._run.polls += 1
            self._active.add(worker.place)

    def _renew(self, worker: _Worker) -> None:
        worker.renews = bool(worker.held)
        if worker.held:
            self._run.renewals += 1
            leases = [(grant.member, grant.token) for grant in worker.held.values()]
            if not all(self._queue.renew(leases, self._now)):
                raise FairqueError(
                    f"{worker.name} lost a lease that it had renewed in time, at {self._now:,} virtual ms"
                )
            self._schedule(self._now + _RENEW_MS, partial(self._renew, worker))

    # --- what workers do ------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """Let everybody act who has reason to, until nobody has."""
        self._listen()
        while self._active:
            place = min(self._active)
            self._active.remove(place)
            self._settle(self._workers[place])
            self._listen()

    def _listen(self) -> None:
        """Find out whom the scripts have woken."""
        sleepers = [worker for worker in self._workers if worker.listens]
        if not sleepers:
            return
        listed = self._queue.asleep(set().union(*(worker.scopes for worker in sleepers)))
        for worker in sleepers:
            if any(worker.name not in listed[scope] for scope in worker.scopes):
                worker.listens = False
                heard = self._queue.take_hint(worker.name)
                self._run.wakes += heard
                self._run.unheard += not heard
                if heard:
                    self._active.add(worker.place)

    def _settle(self, worker: _Worker) -> None:
        want = min(worker.free, claims.MAX_WANT)
        ended, worker.ended = worker.ended, []
        self._run.settles += 1
        settled = self._queue.settle(worker.name, worker.lists, want=want, ended=ended, at=self._now)
        if settled.stale:
            raise FairqueError(f"an outcome of {worker.name} was not accepted, at {self._now:,} virtual ms")
        for grant in settled.grants:
            self._begin(worker, grant)
        worker.asks_at, worker.listens = None, len(settled.grants) < want
        if worker.listens:
            worker.asks_at = self._now + max(1, math.ceil(settled.pause * 1000))
            self._schedule(worker.asks_at, partial(self._ask, worker))
        elif worker.free:
            self._active.add(worker.place)

    def _begin(self, worker: _Worker, grant: Grant) -> None:
        job = self._run.jobs[int(grant.task_id)]
        if job.started is not None:
            raise FairqueError(f"task {grant.task_id} of {job.user_id} was started twice")
        job.started = self._now
        self._idle.start(job.user_id, self._now)
        worker.held[grant.token] = grant
        self._schedule(self._now + job.length, partial(self._end, worker, grant, job))
        if not worker.renews:
            worker.renews = True
            self._schedule(self._now + _RENEW_MS, partial(self._renew, worker))
