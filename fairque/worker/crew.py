"""What runs while a worker serves: its loop, its runners and its keeper, put together and taken apart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from fairque.core.settings import WorkerSettings
from fairque.queue.verbs import Verbs
from fairque.store import tasks
from fairque.store.bell import Bell
from fairque.store.driver import Driver
from fairque.worker.coroutines import Coroutines
from fairque.worker.execution import Execution
from fairque.worker.handler import Middleware, TaskHandler
from fairque.worker.holding import Holding
from fairque.worker.keeper import Keeper
from fairque.worker.loop import Loop


class Crew:
    """One service of a worker, from its start to its end."""

    def __init__(
        self,
        verbs: Verbs,
        settings: WorkerSettings,
        handler: TaskHandler | None,
        middleware: Sequence[Middleware],
        driver: Driver,
        event_loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._bell = Bell(driver.link(), tasks.wake_key(verbs.root, settings.id))
        self._link = driver.link()
        self._coroutines = Coroutines(settings.id, event_loop)
        tether = _Tether(verbs, settings, driver)
        execution = Execution(verbs.settings.queue, settings, handler, middleware, tether, self._coroutines)
        self.loop = Loop(verbs, settings, execution, self._link, self._bell)
        shared = (self.loop.held, self.loop.tally, self.loop.runners, self._link)
        self.keeper = Keeper(driver.link(), verbs, settings, *shared)
        self._thread = threading.Thread(target=self._serve, name=f"{settings.id}-loop", daemon=True)
        self.ended = threading.Event()

    def start(self) -> None:
        """Make the worker known and begin to serve."""
        self.keeper.start()
        self._thread.start()

    def close(self) -> None:
        """Wait for the loop's end, which `loop.stop` has asked for, and let go of everything."""
        if self._thread.ident is not None:
            self._thread.join()
            self.keeper.stop()
            self.loop.runners.close()
        self._coroutines.close()
        self._bell.close()
        self._link.close()
        self.keeper.close()

    def _serve(self) -> None:
        try:
            self.loop.run()
        finally:
            self.ended.set()


class _Tether:
    """Ties the runs of this process to Redis. How far they have come is read off them by the keeper."""

    def __init__(self, verbs: Verbs, settings: WorkerSettings, driver: Driver) -> None:
        self.queue = verbs.settings.queue
        self.lease = settings.lease_seconds
        self.run = driver.run

    def report(self, holding: Holding) -> None:
        """The keeper looks by itself."""
