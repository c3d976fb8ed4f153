"""A supervisor and its children as people start them: `fairque worker --processes N`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from fairque import TaskQueue, task
from tests.waiting import wait_until
from tests.worker.programs import Fleet

TASKS = '''
import time

from fleet import board, client, current_task, os, task, wait_for


@task
def be_told(gate: str, who: str) -> str:
    """Be seen, be seen again when the worker is told to stop, and wait until the gate is opened."""
    context = current_task()
    client.rpush(f"{board}:came", f"{who} {context.attempt} {os.getpid()}")
    while not context.should_stop:
        time.sleep(0.005)
    client.rpush(f"{board}:came", f"told-{who} {context.attempt} {os.getpid()}")
    wait_for(gate)
    return who
'''


@task(name="kin:be_told")
def be_told(gate: str, who: str) -> str:
    raise NotImplementedError


class Family:
    """One supervisor, in a process group of its own; its children are seen as the queue lists them."""

    def __init__(self, fleet: Fleet, queue: TaskQueue, processes: int, **settings: Any) -> None:
        self._queue = queue
        worker = {"id": "family", "max_concurrent_tasks": 2, **settings}
        variables = {f"FAIRQUE_WORKER__{name.upper()}": str(value) for name, value in worker.items()}
        (fleet.place / "kin.py").write_text(TASKS, encoding="utf-8")
        self._log = fleet.place / "family.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fairque", "worker", "--processes", str(processes)],
                env={**fleet.environment, **variables, "FAIRQUE_TASKS": "fleet,kin"},
                cwd=fleet.place,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def children(self) -> dict[str, int]:
        """Return the process ids of the children that serve."""
        return {worker["id"]: worker["pid"] for worker in self._queue.workers() if worker["id"].startswith("family.")}

    def wait_for(self, count: int, *, but: int = 0) -> dict[str, int]:
        """Return the children as soon as so many serve and `but`, a process that was killed, is none of them."""
        wait_until(
            lambda: but not in (now := self.children().values()) and len(now) >= count,
            description=f"{count} children serve: {self.children()}, {self.log}",
            timeout=30,
        )
        return self.children()

    def tell(self, number: signal.Signals, *, everyone: bool = False) -> None:
        """Send a signal to the supervisor, or as a terminal does to everyone."""
        (os.killpg if everyone else os.kill)(self.process.pid, number)

    def wait(self, timeout: float = 15.0) -> int:
        """Return the supervisor's exit code once it has ended."""
        wait_until(lambda: self.process.poll() is not None, description=f"it has ended: {self.log}", timeout=timeout)
        assert self.process.returncode is not None
        return self.process.returncode

    def close(self) -> None:
        """Kill whoever is left."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()
