"""Child processes as their worker sees them. Each belongs to one slot, and is replaced once it has died."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from typing import Final

from fairque.core.outcome import Progress
from fairque.errors import ProcessDied, UnknownTask
from fairque.worker.context import Tether
from fairque.worker.holding import Holding
from fairque.worker.messages import (
    Ask,
    End,
    Job,
    Main,
    Prepare,
    Prepared,
    Progressed,
    Raised,
    Returned,
    ToChild,
    ToParent,
    Unwanted,
    asked,
    encode,
    read_in_parent,
)

PREPARATION: Final = 60.0
"""Seconds that a child is given to start and import a module."""
_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from fairque.worker.child import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


class Child:
    """One child process, in a process group of its own. `kill` and `warn` are for any thread, the rest for one.

    A new interpreter, not a fork: a fork of a program with threads may hang in any lock that one of them held.
    """

    def __init__(self) -> None:
        self._pipe, end = Pipe()
        self._prepared: set[str] = set()
        self._lock = threading.Lock()
        self._sending = threading.RLock()  # a signal handler may warn in the middle of a warning
        self.alive = True
        leash, self._leash = Pipe(duplex=False)
        ends = (end.fileno(), leash.fileno())
        with end, leash:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and nothing from outside
                [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), *map(str, ends)],
                stdin=subprocess.DEVNULL,
                pass_fds=ends,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """The process's id, and that of its group."""
        return self._process.pid

    def prepare(self, module: str) -> None:
        """Make sure that the module of a task has been imported.

        Raises:
            ProcessDied: the child died of it, or was not ready in time.
            UnknownTask: the module cannot be imported there.
        """
        if module in self._prepared:
            return
        self._order(Prepare(module, sys.argv, _main() if module == "__main__" else None))
        if not self._has_answered(PREPARATION):
            self._died()
            raise ProcessDied(f"the child process had not imported {module} after {PREPARATION:g} s")
        answer = self._receive()
        if isinstance(answer, Prepared) and answer.error:
            raise UnknownTask(f"a child process of the worker cannot import {module}: {answer.error}")
        self._prepared.add(module)

    def run(self, holding: Holding, tether: Tether) -> Returned | Raised:
        """Run a task and say how it ended.

        Raises:
            ProcessDied: the child did not survive it.
        """
        self._order(Job(holding.grant, tether.queue, tether.lease, holding.taken))
        holding.on_unwanted = self.warn
        if holding.unwanted:
            self.warn()
        try:
            while True:
                match self._receive():
                    case (Returned() | Raised()) as answer:
                        return answer
                    case Progressed(percent, message):
                        holding.progress = Progress(percent, message)
                        tether.report(holding)
                    case Ask() as ask:
                        self._order(asked(ask, tether.run))
        finally:
            holding.on_unwanted = None

    def warn(self) -> None:
        """Let the run know that it is no longer wanted."""
        with contextlib.suppress(OSError):
            self._send(Unwanted())

    def kill(self) -> None:
        """Kill it and everything it has started. Whoever waits for it is told that it died."""
        with self._lock:
            if self.alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let an idle one end in order."""
        if not self.alive:
            return
        with contextlib.suppress(OSError):
            self._send(End())
        self._has_answered(1.0)
        self._died()

    def _order(self, message: ToChild) -> None:
        try:
            self._send(message)
        except OSError:
            raise self._died() from None

    def _receive(self) -> ToParent:
        try:
            answer: ToParent = read_in_parent(self._pipe.recv_bytes())
        except (EOFError, OSError):
            raise self._died() from None
        return answer

    def _has_answered(self, timeout: float) -> bool:
        """Whether there is an answer in time; the end of the child is one."""
        try:
            return self._pipe.poll(timeout)
        except OSError:
            return True

    def _send(self, message: ToChild) -> None:
        with self._sending:
            self._pipe.send_bytes(encode(message))

    def _died(self) -> ProcessDied:
        """Bury it, and say what it died of. What it had started is killed before it is reaped: until then its id,
        which is that of the group, belongs to nobody else.
        """
        self.kill()
        with self._lock:
            self.alive = False
        code = self._process.wait()
        self._pipe.close()
        self._leash.close()
        if code < 0:
            return ProcessDied(f"the child process was killed by {signal.Signals(-code).name}")
        return ProcessDied(f"the child process ended by itself, with exit code {code}")


def _main() -> Main:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    return Main(spec.name if spec else None, getattr(main, "__file__", None))
