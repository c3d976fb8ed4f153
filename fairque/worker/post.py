"""One place of a supervisor's: the child that stands there, and the next when it has died."""

from __future__ import annotations

import contextlib
import logging
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from fairque.core.retry import Backoff
from fairque.worker.ward import SERVES

log = logging.getLogger("fairque.worker")

STEADY: Final = 10.0
"""Seconds: a child that lived so long is replaced at once, one that died sooner after a pause."""
_PAUSE: Final = Backoff(base=0.5, cap=10.0)
"""How long at most, by how many in a row have died young; half of that at least."""


class Child:
    """A process that runs `command` with one more argument, the descriptor of its end of the lifeline: a socket that
    nobody else holds, so that each notices the other's death.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._lifeline, theirs = socket.socketpair()
        with theirs:
            lifeline = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603  # our own command, no shell
                [*command, str(lifeline)], stdin=subprocess.DEVNULL, pass_fds=(lifeline,)
            )
        self._born = time.monotonic()
        self.pid = self._process.pid

    def wait(self) -> int:
        """Return the exit code once it has ended; negative: the signal that killed it."""
        return self._process.wait()

    def has_served(self) -> bool:
        """Whether it ever came to serve; to be asked when it has ended."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            return self._lifeline.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == SERVES
        return False

    def age(self) -> float:
        """Return for how many seconds it has been there."""
        return time.monotonic() - self._born

    def terminate(self) -> None:
        """Have it end when it is ready."""
        self._process.terminate()

    def cut_off(self) -> None:
        """Have it give back at once what it holds, and end."""
        with contextlib.suppress(OSError):  # it has been cut off before, or is dead
            self._lifeline.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Have it end wherever it is."""
        self._process.kill()

    def close(self) -> None:
        """Let go of it when it has ended."""
        self._lifeline.close()


class Post:
    """Keeps a child running, on a thread of its own, until it is relieved.

    `command` starts one; `bereave` returns the tasks of a dead one to the queue and says what came of it; `vacate` is
    called when the last one has ended.
    """

    def __init__(
        self, child_id: str, command: Sequence[str], *, bereave: Callable[[str], str], vacate: Callable[[], None]
    ) -> None:
        self._id = child_id
        self._log = logging.LoggerAdapter(log, {"worker": child_id})
        self._command = command
        self._bereave = bereave
        self._vacate = vacate
        self._changing = threading.Lock()
        self._relieved = threading.Event()
        self._child: Child | None = None
        self._thread = threading.Thread(target=self._keep, name=f"{child_id}-post", daemon=True)
        self.failed = 1
        """0, or the exit code with which the very first child ended before it served anybody: none is to follow."""

    def start(self) -> None:
        """Start the first child."""
        self._thread.start()

    def relieve(self, *, at_once: bool) -> None:
        """Have the child shut down, and start none after it."""
        with self._changing:
            self._relieved.set()
        if self._child is not None:
            (self._child.cut_off if at_once else self._child.terminate)()

    def kill(self) -> None:
        """Kill the child; one that was not relieved is replaced."""
        if self._child is not None:
            self._child.kill()

    def _keep(self) -> None:
        try:
            self.failed = self._man()
        finally:
            self._vacate()

    def _man(self) -> int:
        """Start one child after another; return the code of a first one that failed, else 0 in the end."""
        young, served = 0, False
        while (child := self._next()) is not None:
            code, age = child.wait(), child.age()
            served = served or child.has_served()
            child.close()
            what = f"worker {self._id} (pid {child.pid}) {_how(code)} after {age:.1f} s"
            if code > 0 and not served and not self._relieved.is_set():
                self._log.error("%s and has never served: there is no use in another", what)
                return code
            if code:
                what += f"; {self._bereave(self._id)}"
            if self._relieved.is_set():
                self._log.log(logging.INFO if code in {0, -signal.SIGTERM} else logging.WARNING, "%s", what)
                continue
            young = 0 if age > STEADY else young + 1
            pause = _pause(young)
            self._log.warning("%s; another is started in %.1f s", what, pause)
            self._relieved.wait(pause)
        return 0

    def _next(self) -> Child | None:
        """Start a child and return it; None when the post has been relieved."""
        failures = 0
        while True:
            with self._changing:
                if self._relieved.is_set():
                    return None
                try:
                    self._child = Child(self._command)
                except OSError as error:
                    failures += 1
                    self._log.error("worker %s cannot be started: %s", self._id, error)
                else:
                    return self._child
            self._relieved.wait(_pause(failures))


def _pause(failures: int) -> float:
    return _PAUSE.delay(failures, random.uniform(0.5, 1)) if failures else 0.0


def _how(code: int) -> str:
    """Return an exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # one of the real-time signals
        return f"was killed by signal {-code}"
