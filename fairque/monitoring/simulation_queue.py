"""The simulator's queue: the real scripts on a real server, under keys of its own that are gone at the end. Time is the
number that each call is given; nothing here waits.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterable, Sequence
from typing import Final, Self

from fairque.core.codec import Body, Terms, encode_body
from fairque.core.limits import UserSettings
from fairque.core.settings import RedisSettings
from fairque.errors import BacklogFull, RedisUnavailable
from fairque.monitoring.trace import Trace
from fairque.monitoring.trace_arrivals import Job
from fairque.store import claims, limits, readings, removal, tasks
from fairque.store.bell import BLOCK
from fairque.store.driver import Driver

EPOCH: Final = 1_000_000_000_000
"""The virtual instant 0, in ms as scripts have it: some day in 2001."""
LEASE: Final = claims.LEASE_SECONDS


class SimulatedQueue:
    """One queue, for the length of a `with` block. Instants are virtual milliseconds."""

    def __init__(self, trace: Trace, url: str = "embedded://") -> None:
        self._trace = trace
        self._driver = Driver(RedisSettings(url=url))
        self._ear = self._driver.link()
        self.root = tasks.root_of(f"fq-simulate-{os.getpid()}-{secrets.token_hex(3)}", "simulated")
        self._requests = itertools.count(1)
        self._bodies: dict[tuple[str, float], bytes] = {}

    def __enter__(self) -> Self:
        """Open the queue with the trace's settings, and make the workers' lists known."""
        trace = self._trace
        aging_ms = min(trace.aging_seconds * 1000, tasks.STRICT)
        try:
            self._driver.run(tasks.open_queue(self.root, int(aging_ms), trace.cost))
            for user_id in trace.user_ids:  # what the trace says of `*` is given to each user that it stands for
                given = limits.given(trace.settings_of(user_id))
                if given:
                    subject = limits.of_user(user_id)
                    self._driver.run(limits.change(self.root, subject, UserSettings, "set", given, now=str(EPOCH)))
            lists = [users for crew in trace.workers for users in (crew.assigned_users, crew.steal_targets)]
            for users in dict.fromkeys(lists):  # in order, so that equal traces make equal runs
                for call in claims.register(self.root, users, str(EPOCH)):
                    self._driver.run(call)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        """Remove every key."""
        self._remove()

    def push(self, numbered: Sequence[tuple[int, Job]], at: int) -> bool:
        """Push up to a chunk of jobs, each with its number; False where the queue refuses them for a max_backlog."""
        entries = [
            tasks.Entry(job.user_id, str(number), job.priority, "", "", self._body(job)) for number, job in numbered
        ]
        try:
            self._driver.run(tasks.push(self.root, entries, now=str(EPOCH + at)))
        except BacklogFull:
            return False
        return True

    def settle(
        self, worker: str, lists: claims.Lists, *, want: int, ended: Sequence[claims.Ended], at: int
    ) -> claims.Settled:
        """Send outcomes and claim, as a worker's loop does."""
        return self._driver.run(
            claims.settle(
                self.root,
                worker,
                str(next(self._requests)),
                lists=lists,
                want=want,
                lease=LEASE,
                block=BLOCK,
                ended=ended,
                now=str(EPOCH + at),
            )
        )

    def renew(self, leases: Sequence[tuple[bytes, bytes]], at: int) -> list[bool]:
        """Renew leases."""
        return self._driver.run(claims.renew(self.root, leases, LEASE, now=str(EPOCH + at)))

    def asleep(self, scopes: Iterable[str]) -> dict[str, set[str]]:
        """Return the workers that the scripts have listed as asleep, by the list that they serve."""
        tables = {scope: self._driver.converse(readings.table(self.root, f"sleep:{scope}")) for scope in scopes}
        return {scope: {name.decode() for name in table} for scope, table in tables.items()}

    def take_hint(self, worker: str) -> bool:
        """Return whether there was a hint for this worker, and take it."""
        self._ear.ask_to_be_woken(tasks.wake_key(self.root, worker), 0.001)
        return self._ear.read_hint(RedisSettings().socket_timeout)

    def _body(self, job: Job) -> bytes:
        body = self._bodies.get((job.task, job.cost))
        if body is None:
            body = encode_body(Body(job.task, [], {}, Terms(), job.cost))
            self._bodies[job.task, job.cost] = body
        return body

    def _remove(self) -> None:
        cursor = None
        try:
            while cursor != removal.BEGIN:
                cursor = self._driver.run(removal.drop(self.root, cursor or removal.BEGIN))
        except RedisUnavailable:
            pass  # that is why the block ends, or the error is told already
        finally:
            self._ear.close()
            self._driver.close()
