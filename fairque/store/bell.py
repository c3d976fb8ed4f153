"""How a worker's loop sleeps: until another thread rings, or Redis has a hint for it, whichever comes first."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Final

from fairque.store.link import LATE, Link

BLOCK: Final = 2.0
"""Seconds for which Redis holds a request for a hint: a hint that got lost costs no more than this."""


class Bell:
    """One sleeper's bell. `ring` may be called by any thread, `wait` and `close` by the sleeper alone.

    The request for a hint is left standing while the sleeper is awake for other reasons: its answer is found at the
    next wait, so one thread can listen to Redis and to its own program at once.
    """

    def __init__(self, link: Link, key: str) -> None:
        self._link = link
        self._key = key
        self._inside, self._rope = socket.socketpair()
        for end in (self._inside, self._rope):
            end.settimeout(0)
        self._asked_at: float | None = None

    def ring(self) -> None:
        """End the sleeper's wait, or its next one."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._rope.send(b"!")

    def wait(self, timeout: float, *, listen: bool) -> bool:
        """Sleep for `timeout` seconds at most; with `listen` a hint from Redis ends it too. Return whether one did.

        Raises:
            RedisUnavailable: the connection to Redis is lost.
        """
        if listen and self._asked_at is None:
            self._link.ask_to_be_woken(self._key, BLOCK)
            self._asked_at = time.monotonic()
        rung, hinted = self._inside.fileno(), self._link.fileno() if listen else -1
        poll = select.poll()
        for place in (rung, hinted) if listen else (rung,):
            poll.register(place, select.POLLIN)
        ready = {place for place, _ in poll.poll(timeout * 1000)}
        if rung in ready:
            with contextlib.suppress(BlockingIOError):
                self._inside.recv(4096)
        if hinted in ready:
            self._asked_at = None
            return self._link.read_hint(LATE)
        if self._asked_at is not None and time.monotonic() - self._asked_at > BLOCK + LATE:
            self.forget()  # half open: Redis should have answered long ago
        return False

    def forget(self) -> None:
        """Drop the connection to Redis; the next wait opens a new one."""
        self._asked_at = None
        self._link.close()

    def close(self) -> None:
        """Close everything."""
        self.forget()
        self._inside.close()
        self._rope.close()
