"""`Supervisor`: so many processes of one worker, each replaced when it dies, and its tasks returned at once."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import Final

from msgspec.structs import replace

from fairque.core.settings import RedisSettings, Settings
from fairque.errors import FairqueError
from fairque.queue.verbs import Verbs
from fairque.signals import HEARING, on_signals
from fairque.store.bereavement import bereave
from fairque.store.claims import lists_of
from fairque.store.driver import Driver
from fairque.worker.post import Post
from fairque.worker.ward import nth

log = logging.getLogger("fairque.worker")

MARGIN: Final = 5.0
"""Seconds beyond the time that children are given to shut down, after which they are killed."""
_PATIENCE: Final = 1.0
"""Seconds for which Redis may leave a call about a dead child unanswered: the next one is not kept waiting for long."""


class _News(Enum):
    TOLD = auto()
    """A signal has come."""
    VACANT = auto()
    """A post's last child has ended."""
    OVERDUE = auto()
    """Nothing has come in time."""


class Supervisor:
    """Runs `processes` children, each a whole worker with these settings and an id of its own: `worker-001.1`, ....

    `command` starts one; it is given two more arguments, the child's number and the descriptor of its lifeline (see
    `fairque.worker.ward`). `id` says which of the config's workers is meant; it is needed where there are several.

    Raises:
        ConfigError: there is no such worker, or an id would be too long or is taken.
    """

    def __init__(self, config: Settings, *, id: str | None = None, processes: int, command: Sequence[str]) -> None:
        self._worker = config.worker_named(id)
        children = [nth(self._worker, place) for place in range(1, processes + 1)]
        others = [worker for worker in config.workers if worker is not self._worker]
        self._settings = replace(config, workers=(*others, *children))  # which checks that no id is there twice
        self._verbs = Verbs(self._settings, None)
        self._lists = lists_of(self._worker.assigned_users, self._worker.steal_targets)
        self._driver = Driver(_hasty(config.redis))
        self._news: SimpleQueue[_News] = SimpleQueue()
        self._posts = [
            Post(child.id, [*command, str(place)], bereave=self._bereave, vacate=lambda: self._news.put(_News.VACANT))
            for place, child in enumerate(children, 1)
        ]

    @property
    def id(self) -> str:
        """The id of the worker that the children are copies of."""
        return self._worker.id

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT, let the children shut down as a worker does, and return 0; a second signal has
        them give back at once. Blocks, and belongs on the main thread.

        A child that dies is replaced, but not where a post's very first one ends before it serves: then all are ended,
        and its exit code is returned.

        Raises:
            RedisUnavailable: Redis cannot be reached.
            SchemaMismatch: the queue was written by a release with another data layout.
        """
        with on_signals(lambda *_: self._news.put(_News.TOLD)):
            self._meet()
            try:
                for post in self._posts:
                    post.start()
                self._attend()
            finally:
                self._relieve(at_once=True)
                self._driver.close()
        return next((post.failed for post in self._posts if post.failed), 0)

    def _meet(self) -> None:
        """Find out once whether there is any use in starting children. An embedded server is started here for all."""
        driver = Driver(self._settings.redis)
        try:
            driver.converse(self._verbs.meet())
        finally:
            driver.close()

    def _attend(self) -> None:
        """Pass on what the supervisor is told, until all posts are vacant."""
        manned, orders, deadline = len(self._posts), 0, float("inf")
        while manned:
            news = self._hear(deadline)
            if news is _News.OVERDUE:
                log.error("worker %s: %d children have not ended in time, and are killed", self.id, manned)
                deadline = float("inf")
                for post in self._posts:
                    post.kill()
            elif news is _News.TOLD or not orders:  # a post that is vacant before any order could not be manned
                orders += 1
                deadline = self._order(at_once=orders > 1)
            manned -= news is _News.VACANT

    def _hear(self, deadline: float) -> _News:
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(Empty):
                return self._news.get(timeout=min(left, HEARING))
        return _News.OVERDUE

    def _order(self, *, at_once: bool) -> float:
        """Have all children end; return by when they must have."""
        log.info("worker %s: its children %s", self.id, "give back at once what they hold" if at_once else "shut down")
        self._relieve(at_once=at_once)
        return time.monotonic() + MARGIN + (0 if at_once else self._worker.graceful_shutdown_timeout)

    def _relieve(self, *, at_once: bool) -> None:
        for post in self._posts:
            post.relieve(at_once=at_once)

    def _bereave(self, child_id: str) -> str:
        try:
            lapsed = self._driver.converse(bereave(self._verbs.root, child_id, self._lists))
        except FairqueError as error:
            return f"the leases of its tasks lapse by themselves: {error}"
        return f"the {lapsed} tasks that it held are free"


def _hasty(redis: RedisSettings) -> RedisSettings:
    return replace(
        redis,
        connect_timeout=min(redis.connect_timeout, _PATIENCE),
        socket_timeout=min(redis.socket_timeout, _PATIENCE),
    )
