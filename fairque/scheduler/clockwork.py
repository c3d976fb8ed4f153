"""What runs while a scheduler is started: a thread that makes its rounds, on a connection of its own."""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import threading
import time
from typing import Final

from fairque.errors import FairqueError, QueueFull, RedisUnavailable
from fairque.scheduler.plan import SchedulePlan
from fairque.scheduler.rounds import Round, round_of
from fairque.store import schedules
from fairque.store.driver import Driver

log = logging.getLogger("fairque.scheduler")

PERIOD: Final = schedules.LEASE / 3
"""Seconds after which the lock is renewed, and what was added meanwhile is seen."""


class Clockwork:
    """Makes rounds from its start to its end. What the plan has to prepare is prepared at the start, and again whenever
    the connection was lost, if only for a moment: Redis may have been restarted empty.
    """

    def __init__(self, driver: Driver, plan: SchedulePlan) -> None:
        self._link = driver.link()
        self._plan = plan
        self._token = secrets.token_hex(8)
        self._member = schedules.member_of(plan.id, socket.gethostname(), os.getpid())
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._leads = False
        self._trouble = ""
        self._prepared = -1

    def start(self) -> None:
        """Prepare, and start making rounds.

        Raises:
            RedisUnavailable: Redis cannot be reached.
            FairqueError: whatever stands in the way of preparing.
        """
        try:
            self._prepare()
        except BaseException:
            self._link.close()
            raise
        self._thread = threading.Thread(target=self._loop, name=f"{self._plan.id}-rounds", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, leave the lock to whoever comes next, and close the connection."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self._link.run(schedules.tick(self._plan.root, self._token, self._member, lease=0))
        except FairqueError as error:
            log.info("scheduler %s could not say goodbye: %s", self._plan.id, error)
        self._link.close()

    def _prepare(self) -> None:
        """Prepare. If the connection is lost meanwhile, that does not count."""
        closings = self._link.closings
        self._link.converse(self._plan.prepare())
        self._prepared = closings

    def _loop(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                if self._prepared != self._link.closings:
                    self._prepare()
                begun = time.monotonic()
                made = self._link.converse(round_of(self._plan.root, self._token, self._member))
            except FairqueError as error:
                self._note(error)
                wait = PERIOD * random.uniform(0.5, 1.5)
            except Exception:
                log.exception("scheduler %s: a round failed, will go on trying", self._plan.id)
                wait = PERIOD
            else:
                self._trouble = ""
                wait = max(0.0, self._wait(made) - (time.monotonic() - begun))

    def _wait(self, made: Round) -> float:
        """Seconds until the next round. A standby comes when the lock lapses; they do not all come at once."""
        if made.leads != self._leads:
            self._leads = made.leads
            log.info("scheduler %s %s", self._plan.id, "leads" if made.leads else "stands by")
        if made.leads:
            return PERIOD if made.wait is None else min(made.wait, PERIOD)
        return (made.wait or 0.0) + random.uniform(0.001, 0.05)

    def _note(self, error: FairqueError) -> None:
        """Say what is in the way, once."""
        kind = type(error).__name__
        if kind != self._trouble:
            what = "is out of reach" if isinstance(error, RedisUnavailable) else "takes no tasks"
            said = f"Redis {what}" if isinstance(error, RedisUnavailable | QueueFull) else "a round failed"
            log.warning("scheduler %s: %s, will go on trying: %s", self._plan.id, said, error)
        self._trouble = kind
