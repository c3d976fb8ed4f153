"""The worker's presence, on a thread and a connection of its own: it renews leases and says that the worker lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from fairque.core.outcome import Progress
from fairque.core.service import Tally
from fairque.core.settings import WorkerSettings
from fairque.errors import FairqueError, RedisUnavailable
from fairque.queue.registry import task_names
from fairque.queue.verbs import Verbs
from fairque.store import claims, progress
from fairque.store.link import Link
from fairque.worker.holding import Holding, Verdict
from fairque.worker.runners import Runners

log = logging.getLogger("fairque.worker")

BEAT: Final = 1.0
"""Seconds between two heartbeats of a worker that has tasks, or news."""
IDLE_BEAT: Final = 10.0
"""Seconds between two heartbeats of one that has neither: of 200 such workers they cost Redis 0.25 % of a core."""
_NAMES: Final = 200
"""Task names that a worker says it knows, beside their number."""
_SHOWN: Final = 20
"""Users of a list that a worker shows of itself, beside their number."""


class Keeper:
    """One worker's keeper. `held`, `tally` and `runners` are the worker's own, and `serving` is its loop's link."""

    def __init__(
        self,
        link: Link,
        verbs: Verbs,
        worker: WorkerSettings,
        held: dict[bytes, Holding],
        tally: Tally,
        runners: Runners,
        serving: Link,
    ) -> None:
        self._link = link
        self._serving = serving
        self._verbs = verbs
        self._root = verbs.root
        self._worker = worker
        self._held = held
        self._tally = tally
        self._runners = runners
        self._lists = claims.lists_of(worker.assigned_users, worker.steal_targets)
        self._stopping = threading.Event()
        self._renewed = time.monotonic()
        self._unsent: dict[tuple[str, str], int] = {}
        self._name, self._described = "", b""
        self._beaten = self._quiet_from = 0.0
        self._closings = 0
        self._said: dict[bytes, Progress] = {}
        self._started_at = time.time()
        self._thread = threading.Thread(target=self._loop, name=f"{worker.id}-keeper", daemon=True)

    def start(self) -> None:
        """Make the worker known, then keep it so until `stop`.

        Raises:
            RedisUnavailable: Redis cannot be reached.
        """
        self.register(("assigned_users", "steal_targets"))
        self._beat()
        self._thread.start()

    def register(self, lists: Iterable[str]) -> None:
        """Make lists of users known."""
        for name in lists:
            for call in claims.register(self._root, getattr(self._worker, name)):
                self._link.run(call)

    def stop(self) -> None:
        """Say what was not said yet, then goodbye."""
        self._stopping.set()
        self._thread.join()
        try:
            self._beat()
            self._link.run(claims.leave(self._root, self._worker.id, self._lists))
        except FairqueError as error:
            log.warning("worker %s could not say goodbye: %s", self._worker.id, error)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def run_once(self) -> None:
        """The renewal of all leases when a third of their time is over, and a beat, unless there is nothing to say."""
        if time.monotonic() - self._renewed >= self._worker.lease_seconds / 3:
            self._renew()
        if self._must_beat():
            self._beat()

    def _must_beat(self) -> bool:
        now = time.monotonic()
        if self._held or now < self._quiet_from or now - self._beaten >= IDLE_BEAT:
            return True
        if self._serving.closings != self._closings:  # Redis may have been restarted, and be empty
            return True
        self._count()
        return bool(self._unsent) or self._described != msgspec.json.encode(self._describe())

    def _count(self) -> None:
        for key, amount in self._tally.take().items():
            self._unsent[key] = self._unsent.get(key, 0) + amount

    def _loop(self) -> None:
        deaf = False
        period = min(BEAT, self._worker.lease_seconds / 3)
        while not self._stopping.wait(period):
            try:
                self.run_once()
            except RedisUnavailable as error:
                if not deaf:
                    log.warning("worker %s: heartbeat failed, will go on trying: %s", self._worker.id, error)
                deaf = True
            except Exception:
                log.exception("worker %s: heartbeat failed, will go on trying", self._worker.id)
            else:
                deaf = False

    def _renew(self) -> None:
        holdings = list(self._held.values())
        asked = time.monotonic()
        for start in range(0, len(holdings), 1000):
            chunk = holdings[start : start + 1000]
            leases = [(holding.grant.member, holding.grant.token) for holding in chunk]
            kept = self._link.run(claims.renew(self._root, leases, self._worker.lease_seconds))
            for holding, still in zip(chunk, kept, strict=True):
                if still:
                    holding.until = asked + self._worker.lease_seconds
                elif not (holding.settling or holding.unwanted):  # else it was settled while we asked
                    holding.unwant()
                    lost = (self._worker.id, holding.grant.task_id)
                    log.warning("worker %s lost the lease of task %s", *lost, extra=holding.about)
        self._renewed = asked

    def _cancel(self, members: Collection[bytes]) -> None:
        """End the runs that somebody has asked to cancel. Told again at each beat, this begins nothing anew."""
        for holding in list(self._held.values()) if members else ():
            if holding.grant.member in members:
                holding.condemn(Verdict.CANCELED)
                holding.unwant()
                self._runners.interrupt(holding)

    def _report(self) -> None:
        """Send how far runs have come, where that has changed since the last time."""
        held = [(token, one.grant.member, one.progress) for token, one in list(self._held.items()) if one.progress]
        said = {token: now for token, _, now in held}
        news = [progress.Report(member, token, now) for token, member, now in held if self._said.get(token) != now]
        if news:
            self._link.run(progress.report(self._root, news))
        self._said = said

    def _beat(self) -> None:
        self._count()
        name, described, now = uuid.uuid4().hex, msgspec.json.encode(self._describe()), time.monotonic()
        closings = self._serving.closings
        beaten = self._link.run(
            claims.beat(
                self._root,
                self._worker.id,
                name,
                described,
                lists=self._lists,
                served=self._unsent,
                holds=bool(self._held),
            )
        )
        if beaten.before not in ("", self._name, name):
            self._quiet_from = now + 2 * IDLE_BEAT  # another speaks under this id: while neither is quiet, it shows
        self._name, self._unsent = name, {}
        self._link.converse(self._verbs.remain(beaten.schema, seeded=beaten.seeded))
        lost = [
            name
            for name, digest in zip(("assigned_users", "steal_targets"), self._lists, strict=True)
            if digest in beaten.missing
        ]
        self.register(lost)
        self._cancel(beaten.stops)
        self._report()
        self._described, self._beaten, self._closings = described, now, closings

    def _describe(self) -> dict[str, Any]:
        names = task_names()
        running = sum(holding.started is not None for holding in list(self._held.values()))
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "running": running,
            "abandoned": self._runners.abandoned(),
            "slots": len(self._runners.slots),
            "assigned_users": self._worker.assigned_users[:_SHOWN],
            "assigned_total": len(self._worker.assigned_users),
            "steal_targets": self._worker.steal_targets[:_SHOWN],
            "steal_total": len(self._worker.steal_targets),
            "lists": [name for name in self._lists if name],
            "tasks": names[:_NAMES],
            "tasks_total": len(names),
            "started_at": self._started_at,
        }
