"""What a measurement starts and always ends: a Redis server of its own, pushes, and a worker."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contestants import Contestant
from redis import Redis
from redis.exceptions import RedisError

from fairque.store.embedded import find_server

ADAPTERS = Path(__file__).resolve().parent / "adapters"
ROOT = ADAPTERS.parent.parent.parent
PUSH_LIMIT = 120.0  # seconds for one push command
START_LIMIT = 10.0  # seconds until a server answers
LOOK = 0.1  # seconds between two looks at the stamps
GRACE = 5.0  # seconds between SIGTERM and SIGKILL


class Failed(Exception):
    """Something that a measurement needs did not start, or ended too early."""


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a server without persistence for the time of the block; yields its URL.

    TCP, because not every contestant can use a socket file, and all should have the same.
    """
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        port = _free_port()
        command = [str(find_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with _process([*command, "--dir", folder], Path(folder) / "redis.log") as server:
            _await_answer(server, port)
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def stage(contestant: Contestant, python: Path, mode: str, tasks: int) -> Iterator["Stage"]:
    """Set up a contestant on a server of its own, for so many tasks."""
    with redis_server() as url, tempfile.TemporaryDirectory(prefix="peers-") as folder:
        (Path(folder) / "stamps").write_bytes(bytes(tasks * array("d").itemsize))
        yield Stage(contestant, python, mode, url, Path(folder))


@dataclass(frozen=True, slots=True)
class Stage:
    """A contestant on its server, and the file in which each of its tasks stamps its start."""

    contestant: Contestant
    python: Path
    mode: str
    url: str
    folder: Path

    def starts(self) -> "array[float]":
        """Return when each task started, by the system's monotonic clock; 0: not yet."""
        return array("d", (self.folder / "stamps").read_bytes())

    def await_starts(self, worker: "Process", first: int, count: int, limit: float) -> "array[float]":
        """Return when each of these tasks started, as soon as all have.

        Raises:
            Failed: the worker ended, or `limit` seconds were not enough.
        """
        deadline = time.monotonic() + limit
        while not all(starts := self.starts()[first : first + count]):
            worker.check()
            if time.monotonic() > deadline:
                done = sum(at > 0 for at in starts)
                raise Failed(f"{limit:g} s were not enough: {done:,} tasks started; it says: {worker.last_words()}")
            time.sleep(LOOK)
        return starts

    @contextlib.contextmanager
    def worker(self) -> Iterator["Process"]:
        """Run the contestant's worker for the time of the block."""
        with self._running("work") as process:
            yield process

    def push(self, users: Sequence[str], first: int, *, one: int = 0, many: int = 0, pause: float = 0) -> Any:
        """Queue tasks for the places from `first` on, and return when each call began and ended (see pushing.py)."""
        plan = json.dumps({"users": users, "first": first, "one": one, "many": many, "pause": pause})
        spans = self.folder / "spans.json"
        with self._running("push", plan, str(spans)) as process:
            try:
                code = process.popen.wait(PUSH_LIMIT)
            except subprocess.TimeoutExpired:
                raise Failed(f"the push took longer than {PUSH_LIMIT:.0f} s") from None
            if code:
                raise Failed(f"the push failed: {process.last_words()}")
            return json.loads(spans.read_text(encoding="utf-8"))

    def _running(self, verb: str, *rest: str) -> contextlib.AbstractContextManager["Process"]:
        command = [str(self.python), str(ADAPTERS / "run.py"), self.contestant.adapter, verb, *rest]
        code = [ADAPTERS] if self.contestant.pins else [ADAPTERS, ROOT]
        peer = {"PEER_URL": self.url, "PEER_MODE": self.mode, "PEER_STAMPS": str(self.folder / "stamps")}
        environment = os.environ | peer | {"PYTHONPATH": os.pathsep.join(map(str, code))}
        return _process(command, self.folder / f"{verb}.log", cwd=ADAPTERS, env=environment)


class Process:
    """A process with all its children, in a session of their own, so that Ctrl-C is ours to handle."""

    def __init__(self, command: list[str], log: Path, **options: Any) -> None:
        self._log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    def check(self) -> None:
        """Raise Failed if the process has ended."""
        if self.popen.poll() is not None:
            raise Failed(f"ended with exit code {self.popen.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        said = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return said[-1].strip() if said else "nothing was written"

    def end(self) -> None:
        """Ask it to end, then kill what is left of it and its children."""
        try:
            if self.popen.poll() is None:
                self.popen.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.popen.wait(GRACE)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


@contextlib.contextmanager
def _process(command: list[str], log: Path, **options: Any) -> Iterator[Process]:
    process = Process(command, log, **options)
    try:
        yield process
    finally:
        process.end()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _await_answer(server: Process, port: int) -> None:
    deadline = time.monotonic() + START_LIMIT
    with Redis(host="127.0.0.1", port=port) as client:
        while time.monotonic() < deadline:
            server.check()
            with contextlib.suppress(RedisError):
                client.ping()
                return
            time.sleep(0.01)
    raise Failed(f"the Redis server did not answer within {START_LIMIT:.0f} s")
