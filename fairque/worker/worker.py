"""`Worker`: a loop that claims, threads that run, a keeper that keeps the leases; started, drained and stopped."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

from fairque.core.ids import EVERYONE
from fairque.core.quantity import check_timeout
from fairque.core.settings import Settings, WorkerSettings
from fairque.errors import FairqueError
from fairque.queue.verbs import Verbs
from fairque.store import readings, tasks
from fairque.store.bell import Bell
from fairque.store.driver import Driver
from fairque.worker.execution import Execution
from fairque.worker.handler import TaskHandler
from fairque.worker.keeper import Keeper
from fairque.worker.loop import Loop

log = logging.getLogger("fairque.worker")

HEARING: Final = 1.0
"""Longest wait of the thread that handles signals, in seconds: one that comes between Python's last look for signals
and the wait does not end it (one in four, sent while a worker with busy threads had just started).
"""


class Worker:
    """Runs the tasks of the users it is assigned, then those of its steal targets.

    `id` says which of the config's workers it is; it is needed where there are several. `queue` names a queue other
    than the config's. A worker that has stopped can be started again.
    """

    def __init__(
        self,
        config: Settings,
        handler: TaskHandler | None = None,
        *,
        id: str | None = None,
        queue: str | None = None,
    ) -> None:
        self.settings: WorkerSettings = config.worker_named(id)
        self._verbs = Verbs(config, queue)
        self._driver = Driver(config.redis)
        self._execution = Execution(self._verbs.settings.queue, self.settings, handler)
        self._crew: _Crew | None = None
        self._stopping = threading.Lock()
        self._signals = 0

    @property
    def id(self) -> str:
        """The worker's id."""
        return self.settings.id

    def start(self) -> None:
        """Start serving, on threads of its own.

        Raises:
            RedisUnavailable: Redis cannot be reached.
            SchemaMismatch: the queue was written by a release with another data layout.
        """
        if self._crew is not None:
            raise FairqueError(f"worker {self.id} has been started already")
        self._driver.converse(self._verbs.meet())
        crew = _Crew(self._verbs, self.settings, self._execution, self._driver)
        try:
            crew.start()
        except BaseException:
            crew.close()
            raise
        self._crew = crew
        log.info("worker %s serves %s", self.id, ", ".join(self.settings.assigned_users[:5]) or "steal targets only")

    def stop(self, timeout: float | None = None) -> None:
        """Claim no more, let running tasks finish for `timeout` seconds (None: `graceful_shutdown_timeout`), give the
        rest back in its place, and end. Does nothing if the worker does not run.
        """
        crew = self._crew
        if crew is not None:
            crew.loop.stop(self.settings.graceful_shutdown_timeout if timeout is None else check_timeout(timeout))
        with self._stopping:
            if self._crew is not None:
                self._crew.close()
                self._crew = None
                self._driver.close()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop as `stop` does; a second signal gives back at once. Blocks.

        Signals are handled where this is called on the main thread; elsewhere `stop` on another thread ends it.
        """
        self._signals = 0
        with on_signals(self._on_signal):
            self.start()
            if self._signals:  # it came before there was anything to stop
                self._heed_signals()
            crew = self._crew  # None where another thread has stopped the worker already
            while crew is not None and not crew.ended.wait(HEARING):
                continue
        self.stop(0)

    def drain(self, timeout: float) -> None:
        """Serve until nothing that this worker can serve is queued, started or due. Starts the worker if need be.

        A retry or a delayed task whose time has not come is not waited for.

        Raises:
            TimeoutError: something was still queued or running after `timeout` seconds.
        """
        if self._crew is None:
            self.start()
        crew = self._running()
        deadline = time.monotonic() + check_timeout(timeout)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not crew.loop.idle.wait(left):
                raise TimeoutError(f"worker {self.id}: not drained after {timeout:g} s")
            if not self._served_elsewhere():
                return
            crew.ended.wait(min(0.05, left))

    def __enter__(self) -> Self:
        """Start the worker."""
        if self._crew is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the worker."""
        self.stop()

    def _running(self) -> _Crew:
        if self._crew is None:
            raise FairqueError(f"worker {self.id} has not been started")
        return self._crew

    def _served_elsewhere(self) -> bool:
        """Whether other workers run tasks of users that this one may serve, or something became ready just now."""
        users = {*self.settings.assigned_users, *self.settings.steal_targets}
        if EVERYONE in users:
            totals = self._driver.run(readings.stats(self._verbs.root, self._verbs.name))
            return totals["queued"] + totals["started"] > 0
        sizes: list[readings.Sizes] = []
        self._driver.run_all((readings.sizes(self._verbs.root, user) for user in sorted(users)), sizes)
        return any(size.queued + size.started for size in sizes)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape signal asks for
        self._signals += 1
        self._heed_signals()

    def _heed_signals(self) -> None:
        if self._crew is not None:
            self._crew.loop.stop(self.settings.graceful_shutdown_timeout if self._signals == 1 else 0)


class _Crew:
    """What runs while a worker serves: its loop, its runner threads and its keeper."""

    def __init__(self, verbs: Verbs, settings: WorkerSettings, execution: Execution, driver: Driver) -> None:
        root = verbs.root
        self._bell = Bell(driver.link(), tasks.wake_key(root, settings.id))
        self._link = driver.link()
        self.loop = Loop(root, settings, execution, self._link, self._bell)
        self._keeper = Keeper(driver.link(), verbs, settings, self.loop.held, self.loop.tally)
        self._thread = threading.Thread(target=self._serve, name=f"{settings.id}-loop", daemon=True)
        self.ended = threading.Event()

    def start(self) -> None:
        self._keeper.start()
        self._thread.start()

    def close(self) -> None:
        """Wait for the loop's end, which `loop.stop` has asked for, and let go of everything."""
        if self._thread.ident is not None:
            self._thread.join()
            self._keeper.stop()
        self._bell.close()
        self._link.close()
        self._keeper.close()

    def _serve(self) -> None:
        try:
            self.loop.run()
        finally:
            self.ended.set()


@contextmanager
def on_signals(handle: Any) -> Iterator[None]:
    """Handle SIGTERM and SIGINT for the time of the block, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
