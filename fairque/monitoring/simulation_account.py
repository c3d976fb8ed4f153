"""What a run came to, instant by instant: who had received what, who was entitled to what, how much waited."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from fairque.core.limits import UserSettings
from fairque.monitoring.simulation_fluid import Fluid, Work, bounds_of
from fairque.monitoring.trace import Trace
from fairque.monitoring.trace_arrivals import Job

SAMPLES: Final = 600
"""Accounts kept of a run: as many as a picture can show."""


class Account(msgspec.Struct, frozen=True):
    """How things stand right after an instant (virtual ms), or, with `before`, right before what happened then.

    Amounts are sums since the trace began, in starts, declared cost or run seconds, as the trace's cost has it.
    """

    at: int
    received: Mapping[str, float]
    entitled: Mapping[str, float]
    waiting: Mapping[str, int]

    def contested(self, users: Sequence[str]) -> bool:
        """Whether at least two of these users had tasks waiting."""
        return sum(self.waiting[user] > 0 for user in users) >= 2


class Window(msgspec.Struct, frozen=True):
    """The time in which users competed: from the first instant at which two of them had tasks waiting to the last.

    What they do between these two, alone or not, is in it: a quiet user's task waits for a moment only, and what it got
    then cannot be told from what it got next to the others' service in the moments between.
    """

    first: Account
    """How it stood right before the first such instant."""
    last: Account
    """How it stood when the last such instant was over: when only one was left with tasks waiting."""

    def of(self, user_id: str) -> tuple[float, float]:
        """Return what a user received in it and what it was entitled to."""
        return (
            self.last.received[user_id] - self.first.received[user_id],
            self.last.entitled[user_id] - self.first.entitled[user_id],
        )


class History(msgspec.Struct, frozen=True):
    """A run that is over: some hundred accounts, evenly spread, and the window in which users competed."""

    samples: tuple[Account, ...]
    window: Window
    """The whole run where they never did."""
    competed: bool
    behind: Mapping[str, float]
    """By how much each user was behind its entitlement when it was furthest behind."""


def history_of(trace: Trace, jobs: Sequence[Job], end: int) -> History:
    """Return the history of a run that ended at a virtual instant (ms)."""
    rivals = [user for user in trace.user_ids if _may_run(trace.settings_of(user))]
    samples: list[Account] = []
    before = _nothing(trace)
    first = last = None
    contested = False
    behind = dict.fromkeys(trace.user_ids, 0.0)
    for account in accounts(trace, jobs, end):
        was_contested, contested = contested, account.contested(rivals)
        if contested and first is None:
            first = before
        if contested or was_contested:
            last = account
        if account.at >= len(samples) * end / SAMPLES or account.at == end:
            samples.append(account)
        for user, most in behind.items():
            behind[user] = max(most, account.entitled[user] - account.received[user])
        before = account
    window = Window(first or _nothing(trace), last or before)
    return History(tuple(samples), window, first is not None, behind)


def accounts(trace: Trace, jobs: Sequence[Job], end: int) -> Iterator[Account]:
    """Replay a run: yield an account for each instant at which anything happened, and one for its end."""
    ledger = _Ledger(trace, jobs)
    arrivals = [(job.arrived, ledger.arrive, job) for job in jobs]
    starts = sorted(((job.started, ledger.start, job) for job in jobs if job.started is not None), key=_at)
    ends = sorted(((job.ended, ledger.end, job) for job in jobs if job.ended is not None), key=_at)
    at = 0
    for now, note, job in heapq.merge(arrivals, starts, ends, key=_at):
        if now > at:
            yield ledger.close(at)
            ledger.advance(now - at)
            at = now
        note(job)
    yield ledger.close(at)
    if end > at:
        ledger.advance(end - at)
        yield ledger.close(end)


def _at(event: tuple[int, Callable[[Job], None], Job]) -> int:
    return event[0]


def _may_run(settings: UserSettings) -> bool:
    return not settings.paused and settings.max_concurrency != 0


def _nothing(trace: Trace) -> Account:
    zeros = dict.fromkeys(trace.user_ids, 0.0)
    return Account(0, zeros, zeros, dict.fromkeys(trace.user_ids, 0))


class _Ledger:
    """The sums as they grow."""

    def __init__(self, trace: Trace, jobs: Sequence[Job]) -> None:
        self._by_time, self._declared = trace.cost == "time", trace.cost == "declared"
        self._received = dict.fromkeys(trace.user_ids, 0.0)
        self._waiting = dict.fromkeys(trace.user_ids, 0)
        self._running = dict.fromkeys(trace.user_ids, 0)
        self._started = 0.0
        tasks: dict[str, list[Work]] = {user: [] for user in trace.user_ids}
        for job in jobs:
            if not job.refused:
                tasks[job.user_id].append(Work(self._cost(job), job.length / 1000))
        settings = {user: trace.settings_of(user) for user in trace.user_ids}
        bounds = {user: bounds_of(one, tasks[user], by_time=self._by_time) for user, one in settings.items()}
        self._fluid = Fluid(
            {user: one.weight for user, one in settings.items()}, {u: b for u, b in bounds.items() if b}
        )

    def _cost(self, job: Job) -> float:
        if self._by_time:
            return job.length / 1000
        return job.cost if self._declared else 1.0

    def arrive(self, job: Job) -> None:
        """Note that a task came."""
        if not job.refused:
            self._waiting[job.user_id] += 1
            self._fluid.arrive(job.user_id, self._cost(job))

    def start(self, job: Job) -> None:
        """Note that a task started: where starts are counted, that is the service."""
        self._waiting[job.user_id] -= 1
        self._running[job.user_id] += 1
        if not self._by_time:
            self._received[job.user_id] += self._cost(job)
            self._started += self._cost(job)

    def end(self, job: Job) -> None:
        """Note that a task ended."""
        self._running[job.user_id] -= 1

    def advance(self, ms: int) -> None:
        """Let time pass: where it is what counts, the tasks that run are served."""
        seconds, served = ms / 1000, 0.0
        for user, running in self._running.items() if self._by_time else ():
            self._received[user] += running * seconds
            served += running * seconds
        self._fluid.serve(served, seconds)

    def close(self, at: int) -> Account:
        """End an instant."""
        self._fluid.serve(self._started, 0.0)
        self._started = 0.0
        return Account(at, dict(self._received), dict(self._fluid.served), dict(self._waiting))
