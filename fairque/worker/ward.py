"""A worker that a supervisor has started: the child's side of `fairque.worker.supervisor`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from types import FrameType

from msgspec.structs import replace

from fairque.core.settings import Settings, WorkerSettings
from fairque.worker.service import Service

SERVES = b"!"
"""What a ward says once, over its lifeline: it serves."""


def nth(worker: WorkerSettings, place: int) -> WorkerSettings:
    """Return the settings of a supervisor's child: those of the worker, with an id of its own (`worker-001.3`).

    Raises:
        ConfigError: that would be no id.
    """
    return replace(worker, id=f"{worker.id}.{place}")


class Ward(Service):
    """The child at one place of a supervisor. The end of its lifeline (a socket's descriptor) says "at once": it gives
    back what it holds when its supervisor is in haste, or gone. A signal, however often it comes, says "when you are
    ready": terminals and service managers send it to the whole group, and the supervisor passes it on.
    """

    def __init__(self, config: Settings, id: str | None, place: int, lifeline: int) -> None:
        super().__init__(replace(config, workers=(nth(config.worker_named(id), place),)))
        self._lifeline = socket.socket(fileno=lifeline)
        self._lifeline.set_inheritable(False)

    def start(self, event_loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Start as any worker, and tell the supervisor."""
        super().start(event_loop)
        threading.Thread(target=self._hold_on, name=f"{self.id}-lifeline", daemon=True).start()
        with contextlib.suppress(OSError):  # it is gone: `_hold_on` finds out
            self._lifeline.send(SERVES)

    def _hold_on(self) -> None:
        with contextlib.suppress(OSError):
            self._lifeline.recv(1)
        self.stop(0)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._signals:
            super()._on_signal(number, frame)
