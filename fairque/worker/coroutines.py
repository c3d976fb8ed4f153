"""Where coroutines run: on the program's own event loop, or on one of the worker's that has a thread to itself."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Coroutine
from typing import Any, Final

log = logging.getLogger("fairque.worker")

DEAF: Final = 1.0
"""Seconds for which a loop may leave a cancellation unheard before it counts as blocked."""
FAREWELL: Final = 1.0
"""Seconds that interrupted coroutines are given to clean up when the worker ends."""


class Coroutines:
    """One worker's coroutines. Its own loop is started when it is first needed, and given up when one of them blocks
    it: those that come later are better off on another.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._name = name
        self._given = loop
        self._lock = threading.Lock()
        self._own: _OwnLoop | None = None
        self._unheard: dict[Flight, float] = {}
        """Cancellations that the loop has not heard yet, and since when."""

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> Flight:
        """Let a coroutine run, in the calling thread's context."""
        return Flight(coroutine, self._given or self._loop(), self._unheard)

    def close(self) -> None:
        """End the worker's own loop; what is left on it is cancelled."""
        with self._lock:
            own, self._own = self._own, None
        if own is not None:
            own.close()

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._own is not None and self._is_blocked(self._own.loop):
                log.error("worker %s: a coroutine blocks the event loop; new ones get another loop", self._name)
                self._own.leave()
                self._own = None
            if self._own is None:
                self._own = _OwnLoop(f"{self._name}-loop-of-coroutines")
            return self._own.loop

    def _is_blocked(self, loop: asyncio.AbstractEventLoop) -> bool:
        since = time.monotonic() - DEAF
        return any(flight.loop is loop and asked < since for flight, asked in list(self._unheard.items()))


class Flight:
    """A coroutine that runs: one thread waits for it, any may cancel it."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, unheard: dict[Flight, float]
    ) -> None:
        self.loop = loop
        self._coroutine = coroutine
        self._unheard = unheard
        self._context = contextvars.copy_context()
        self._over = threading.Lock()
        self._over.acquire()
        self._task: asyncio.Task[None] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        try:
            loop.call_soon_threadsafe(self._begin)
        except RuntimeError:  # the program has closed its loop
            coroutine.close()
            raise

    def wait(self) -> Any:
        """Return what the coroutine returns, and raise what it raises."""
        self._over.acquire()
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> None:
        """Cancel it, unless its loop is closed: then nothing runs there any more."""
        self._unheard[self] = time.monotonic()
        try:
            self.loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:
            self._unheard.pop(self, None)

    def _begin(self) -> None:
        self._task = self.loop.create_task(self._fly(), context=self._context)
        self._task.add_done_callback(self._land)

    async def _fly(self) -> None:
        try:
            self._result = await self._coroutine
        except BaseException as error:  # whatever it is, SystemExit too: it must not end the loop
            self._error = error

    def _land(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before its first step
            self._coroutine.close()
            self._error = asyncio.CancelledError()
        self._over.release()

    def _cancel(self) -> None:
        self._unheard.pop(self, None)
        if self._task is not None:
            self._task.cancel()


class _OwnLoop:
    """An event loop on a daemon thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._leaving = self._closing = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Let it end as soon as what is on it has ended."""
        self._leaving = True
        self.loop.call_soon_threadsafe(self.loop.stop)

    def close(self) -> None:
        """Cancel what is on it, and end."""
        self._closing = True
        self.leave()
        self._thread.join(2 * FAREWELL)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._leaving:
            try:
                self.loop.run_forever()
            except BaseException:  # a task that a coroutine made has raised SystemExit or KeyboardInterrupt
                log.exception("the event loop of the coroutines goes on")
        left = asyncio.all_tasks(self.loop)
        for task in left if self._closing else ():
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left, timeout=FAREWELL if self._closing else None))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
