"""Workers as processes of their own: scripts written for one test, started, signaled and looked at from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import redis

from fairque import task
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent

TASKS = '''
import os, signal, sys, time

import redis

from fairque import FairQueueConfig, TaskQueue, Worker, current_task, task

client = redis.Redis.from_url(os.environ["FAIRQUE_REDIS__URL"])
board = os.environ["BOARD"]


def wait_for(key, seconds=20.0):
    """Wait until the key is there."""
    end = time.monotonic() + seconds
    while not client.exists(f"{board}:{key}"):
        if time.monotonic() > end:
            raise TimeoutError(f"nobody set {key}")
        time.sleep(0.005)


@task
def stand_at(gate: str, who: str) -> str:
    """Be seen, then wait until the gate is opened; say who ran it."""
    client.rpush(f"{board}:came", f"{who} {current_task().attempt} {os.getpid()}")
    wait_for(gate)
    return f"{who} {os.getpid()}"


@task
def work(n: int, seconds: float) -> list[int]:
    """Be seen, then be busy for a while."""
    client.rpush(f"{board}:came", f"{n} {current_task().attempt} {os.getpid()}")
    time.sleep(seconds)
    return [n, current_task().attempt, os.getpid()]


@task
def quick() -> None:
    """Be short, so that the worker holds tasks ahead."""


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@task
def be_alone(n: int, seconds: float) -> int:
    """Note who was inside already, if that one is alive, and be busy for a while."""
    me = f"{n} {current_task().attempt} {os.getpid()}"
    client.rpush(f"{board}:came", me)
    before = client.set(f"{board}:inside", me, get=True)
    if before and is_alive(int(before.split()[2])):
        client.rpush(f"{board}:met", before + b" met " + me.encode())
    time.sleep(seconds)
    if client.get(f"{board}:inside") == me.encode():
        client.delete(f"{board}:inside")
    return n


@task
def kill_the_worker() -> None:
    client.rpush(f"{board}:killed", current_task().attempt)
    os.kill(os.getpid(), signal.SIGKILL)
'''

WORKER = """
import logging, sys
import fleet
from fairque import FairQueueConfig, Worker

logging.basicConfig(level="INFO", stream=sys.stderr)
config = FairQueueConfig.create_default(worker_id=sys.argv[1]).with_worker(
    max_concurrent_tasks=int(sys.argv[2]),
    lease_seconds=float(sys.argv[3]),
    graceful_shutdown_timeout=float(sys.argv[4]),
    prefetch_horizon=float(sys.argv[5]),
)
Worker(config).run()
print("ended in order")
"""


# The same tasks as the test pushes them: the name is all that a worker needs.


@task(name="fleet:stand_at")
def stand_at(gate: str, who: str) -> str:
    raise NotImplementedError


@task(name="fleet:work")
def work(n: int, seconds: float) -> list[int]:
    raise NotImplementedError


@task(name="fleet:be_alone")
def be_alone(n: int, seconds: float) -> int:
    raise NotImplementedError


@task(name="fleet:quick")
def quick() -> None:
    raise NotImplementedError


@task(name="fleet:kill_the_worker")
def kill_the_worker() -> None:
    raise NotImplementedError


class Came(NamedTuple):
    """One execution, as the task itself noted it."""

    who: str
    attempt: int
    pid: int


class Board:
    """What the tasks write down, and the gates at which they wait."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self._client = client
        self._name = name

    def open(self, gate: str) -> None:
        """Let everyone pass, now and later."""
        self._client.set(f"{self._name}:{gate}", "open")

    def came(self) -> list[Came]:
        """Return every execution so far, in order."""
        found = self._client.lrange(f"{self._name}:came", 0, -1)
        parts = (line.decode().split() for line in found if isinstance(line, bytes))
        return [Came(who, int(attempt), int(pid)) for who, attempt, pid in parts]

    def wait_for(self, count: int, timeout: float = 15.0) -> list[Came]:
        """Return the executions as soon as there are so many."""
        wait_until(lambda: len(self.came()) >= count, description=f"{count} executions: {self.came()}", timeout=timeout)
        return self.came()

    def met(self) -> list[bytes]:
        """Return who was not alone."""
        return [line for line in self._client.lrange(f"{self._name}:met", 0, -1) if isinstance(line, bytes)]

    def kills(self) -> list[int]:
        """Return the attempts in which the killer struck."""
        return [int(attempt) for attempt in self._client.lrange(f"{self._name}:killed", 0, -1)]


class WorkerProcess:
    """A worker in a process of its own."""

    def __init__(self, place: Path, worker_id: str, environment: dict[str, str], arguments: list[object]) -> None:
        self.id = worker_id
        self._output = (place / f"{worker_id}.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, str(place / "worker.py"), worker_id, *map(str, arguments)],
            env=environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return Path(self._output.name).read_text(encoding="utf-8")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 15.0) -> int:
        """Return the exit code once it has ended."""
        wait_until(lambda: self.process.poll() is not None, description=f"{self.id} has ended", timeout=timeout)
        assert self.process.returncode is not None
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()


class Fleet:
    """Worker processes of one test, and the board (keys in Redis) on which their tasks write. `tasks` is the text of
    the module that they import.
    """

    def __init__(self, url: str, prefix: str, place: Path, tasks: str = TASKS) -> None:
        self.board = f"{prefix}:board"
        self.place = place
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith("FAIRQUE_")}
        self.environment |= {
            "FAIRQUE_REDIS__URL": url,
            "FAIRQUE_QUEUE__PREFIX": prefix,
            "BOARD": self.board,
            "PYTHONPATH": os.pathsep.join([str(place), str(ROOT)]),
        }
        (place / "fleet.py").write_text(tasks, encoding="utf-8")
        (place / "worker.py").write_text(WORKER, encoding="utf-8")
        self._processes: list[WorkerProcess] = []

    def start(
        self, worker_id: str, *, slots: int = 2, lease: float = 15.0, grace: float = 20.0, horizon: float = 0.02
    ) -> WorkerProcess:
        """Start a worker; it may not serve yet when this returns."""
        arguments: list[object] = [slots, lease, grace, horizon]
        self._processes.append(WorkerProcess(self.place, worker_id, self.environment, arguments))
        return self._processes[-1]

    def close(self) -> None:
        for process in self._processes:
            process.close()
