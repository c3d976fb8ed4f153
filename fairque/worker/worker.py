"""`Worker` and `AsyncWorker`: what runs tasks, for programs of threads and for those that have an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from fairque.core.settings import Settings, WorkerSettings
from fairque.signals import HEARING
from fairque.worker.handler import Middleware, TaskHandler
from fairque.worker.service import Service


class Worker:
    """Runs the tasks of the users it is assigned, then those of its steal targets.

    `id` says which of the config's workers it is; it is needed where there are several. `queue` names a queue other
    than the config's. `middleware` are the layers around each run, the outermost first; `handler` is the innermost. A
    worker that has stopped can be started again.
    """

    def __init__(
        self,
        config: Settings,
        handler: TaskHandler | None = None,
        *,
        middleware: Iterable[Middleware] = (),
        id: str | None = None,
        queue: str | None = None,
    ) -> None:
        self._service = Service(config, handler, id, queue, middleware)

    @property
    def settings(self) -> WorkerSettings:
        """What was configured for it."""
        return self._service.settings

    @property
    def id(self) -> str:
        """The worker's id."""
        return self._service.id

    def start(self) -> None:
        """Start serving, on threads of its own.

        Raises:
            RedisUnavailable: Redis cannot be reached.
            SchemaMismatch: the queue was written by a release with another data layout.
        """
        self._service.start()

    def stop(self, timeout: float | None = None) -> None:
        """Claim no more, let running tasks finish for `timeout` seconds (None: `graceful_shutdown_timeout`), give the
        rest back in its place, and end. Does nothing if the worker does not run.
        """
        self._service.stop(timeout)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop as `stop` does; a second signal gives back at once. Blocks.

        Signals are handled where this is called on the main thread; elsewhere `stop` on another thread ends it.

        Raises:
            FairqueError: no slot was left: all threads are stuck in tasks that do not end.
        """
        self._service.run()

    def drain(self, timeout: float) -> None:
        """Serve until nothing that this worker can serve is queued, started or due. Starts the worker if need be.

        A retry or a delayed task whose time has not come is not waited for, nor is one that waits for a task which
        failed, or which nobody here serves.

        Raises:
            TimeoutError: something was still queued or running after `timeout` seconds.
        """
        self._service.drain(timeout)

    def __enter__(self) -> Self:
        """Start the worker."""
        if not self._service.is_running:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the worker."""
        self.stop()


class AsyncWorker:
    """As `Worker`, for a program that has an event loop. `async def` tasks run on the loop on which the worker was
    started, beside the program's own coroutines; plain functions run on threads and `executor="process"` in child
    processes, so the worker itself never blocks the loop.
    """

    def __init__(
        self,
        config: Settings,
        handler: TaskHandler | None = None,
        *,
        middleware: Iterable[Middleware] = (),
        id: str | None = None,
        queue: str | None = None,
    ) -> None:
        self._service = Service(config, handler, id, queue, middleware)

    @property
    def settings(self) -> WorkerSettings:
        """What was configured for it."""
        return self._service.settings

    @property
    def id(self) -> str:
        """The worker's id."""
        return self._service.id

    async def start(self) -> None:
        """As `Worker.start`."""
        await _on_thread(self._service.start, asyncio.get_running_loop())

    async def stop(self, timeout: float | None = None) -> None:
        """As `Worker.stop`."""
        await _on_thread(self._service.stop, timeout)

    async def run(self) -> None:
        """As `Worker.run`. A cancellation stops the worker as a first signal does."""
        with self._service.heeding_signals():
            serving = asyncio.ensure_future(_on_thread(self._service.serve, asyncio.get_running_loop()))
            try:
                while not serving.done():
                    await asyncio.wait({serving}, timeout=HEARING)
            except asyncio.CancelledError:
                self._service.ask_to_stop()
                await serving
                raise
            await serving

    async def drain(self, timeout: float) -> None:
        """As `Worker.drain`."""
        await _on_thread(self._service.drain, timeout, asyncio.get_running_loop())

    async def __aenter__(self) -> Self:
        """Start the worker."""
        if not self._service.is_running:
            await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the worker."""
        await self.stop()


async def _on_thread(work: Callable[..., None], *args: Any) -> None:
    """Call what blocks, on a thread of its own: those of the loop may all be taken by what this waits for."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if over.cancelled():
            return
        if error is None:
            over.set_result(None)
        else:
            over.set_exception(error)

    def call() -> None:
        error = None
        try:
            work(*args)
        except BaseException as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the program has closed its loop meanwhile
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=call, name="fairque-async-worker", daemon=True).start()
    await over
