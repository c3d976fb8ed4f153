"""A worker's life, said once for both colours: it is started, serves, is drained, told to stop, and ends."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from fairque.core.ids import EVERYONE
from fairque.core.quantity import check_timeout
from fairque.core.settings import Settings, WorkerSettings
from fairque.errors import FairqueError, TaskValidationError
from fairque.queue.verbs import Verbs
from fairque.scheduler.clockwork import Clockwork
from fairque.scheduler.plan import SchedulePlan
from fairque.signals import HEARING, on_signals
from fairque.store import readings
from fairque.store.driver import Driver
from fairque.worker import child
from fairque.worker.crew import Crew
from fairque.worker.handler import Middleware, TaskHandler

log = logging.getLogger("fairque.worker")


class Service:
    """What `Worker` and `AsyncWorker` are made of. Everything here blocks; `stop` may be called by any thread."""

    def __init__(
        self,
        config: Settings,
        handler: TaskHandler | None = None,
        id: str | None = None,
        queue: str | None = None,
        middleware: Iterable[Middleware] = (),
    ) -> None:
        self.settings: WorkerSettings = config.worker_named(id)
        self._verbs = Verbs(config, queue)
        self._driver = Driver(config.redis)
        self._handler = handler
        self._middleware = _checked(middleware)
        self._crew: Crew | None = None
        self._schedules = SchedulePlan(config, self._verbs, self.id) if config.scheduler.embedded else None
        self._clockwork: Clockwork | None = None
        self._stopping = threading.Lock()
        self._signals = 0

    @property
    def id(self) -> str:
        """The worker's id."""
        return self.settings.id

    def start(self, event_loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Start serving, on threads of its own; coroutines run on `event_loop`, or without one on a loop of the
        worker's.

        Raises:
            RedisUnavailable: Redis cannot be reached.
            SchemaMismatch: the queue was written by a release with another data layout.
        """
        if self._crew is not None:
            raise FairqueError(f"worker {self.id} has been started already")
        if child.imports_main:
            raise FairqueError(
                f"worker {self.id}: a child process imports the program anew, to find its tasks: "
                'what starts the worker must stand under `if __name__ == "__main__":`'
            )
        self._driver.converse(self._verbs.meet())
        crew = Crew(self._verbs, self.settings, self._handler, self._middleware, self._driver, event_loop)
        clockwork = None if self._schedules is None else Clockwork(self._driver, self._schedules)
        try:
            if clockwork is not None:
                clockwork.start()
            crew.start()
        except BaseException:
            crew.close()
            if clockwork is not None:
                clockwork.stop()
            raise
        self._crew, self._clockwork = crew, clockwork
        log.info("worker %s serves %s", self.id, ", ".join(self.settings.assigned_users[:5]) or "steal targets only")

    def stop(self, timeout: float | None = None) -> None:
        """Claim no more, let running tasks finish for `timeout` seconds (None: `graceful_shutdown_timeout`), give the
        rest back in its place, and end. Does nothing if the worker does not run.
        """
        crew = self._crew
        if crew is not None:
            crew.loop.stop(self.settings.graceful_shutdown_timeout if timeout is None else check_timeout(timeout))
        with self._stopping:
            if self._clockwork is not None:
                self._clockwork.stop()
                self._clockwork = None
            if self._crew is not None:
                self._crew.close()
                self._crew = None
                self._driver.close()

    def serve(self, event_loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Start, serve until told to stop, and end.

        Raises:
            FairqueError: no slot was left: all threads are stuck in tasks that do not end.
        """
        self.start(event_loop)
        if self._signals:  # it came before there was anything to stop
            self._heed_signals()
        crew = self._crew  # None where another thread has stopped the worker already
        while crew is not None and not crew.ended.wait(HEARING):
            continue
        self.stop(0)
        if crew is not None and crew.loop.failed:
            raise FairqueError(f"worker {self.id} has ended: all its threads are stuck in tasks")

    def run(self) -> None:
        """As `serve`, and heed signals meanwhile."""
        with self.heeding_signals():
            self.serve()

    def drain(self, timeout: float, event_loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Serve until nothing that this worker can serve is queued, started or due. Starts the worker if need be.

        Raises:
            TimeoutError: something was still queued or running after `timeout` seconds.
        """
        if self._crew is None:
            self.start(event_loop)
        crew = self._running()
        deadline = time.monotonic() + check_timeout(timeout)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not crew.loop.idle.wait(left):
                raise TimeoutError(f"worker {self.id}: not drained after {timeout:g} s")
            if not self._served_elsewhere():
                return
            crew.ended.wait(min(0.05, left))

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT during the block, where this is the main thread."""
        self._signals = 0
        with on_signals(self._on_signal):
            yield

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._crew is not None

    def _running(self) -> Crew:
        if self._crew is None:
            raise FairqueError(f"worker {self.id} has not been started")
        return self._crew

    def _served_elsewhere(self) -> bool:
        """Whether other workers run tasks of users that this one may serve, or something became ready just now, or may
        as soon as it is told that what it waits for has ended.
        """
        users = {*self.settings.assigned_users, *self.settings.steal_targets}
        served = [None] if EVERYONE in users else sorted(users)
        left: list[int] = []
        self._driver.run_all((readings.unfinished(self._verbs.root, user) for user in served), left)
        return any(left)

    def ask_to_stop(self) -> None:
        """Stop as at a signal: the first lets what runs finish, the next gives it back. `serve` heeds it also where it
        comes before there is anything to stop.
        """
        self._signals += 1
        self._heed_signals()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape signal asks for
        self.ask_to_stop()

    def _heed_signals(self) -> None:
        if self._crew is not None:
            self._crew.loop.stop(self.settings.graceful_shutdown_timeout if self._signals == 1 else 0)


def _checked(middleware: Iterable[object]) -> tuple[Middleware, ...]:
    layers = []
    for layer in middleware:
        if not isinstance(layer, Middleware):
            raise TaskValidationError(f"middleware: expected objects of Middleware, got {layer!r:.60}")
        layers.append(layer)
    return tuple(layers)
