"""What a measurement starts and always ends: a Redis server of its own, pushes, and a worker."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from contestants import Contestant
from redis import Redis
from redis.exceptions import RedisError

from fairque.store.embedded import find_server

RUN = Path(__file__).resolve().parent / "adapters" / "run.py"
PUSH_LIMIT = 120.0  # seconds for one push command
START_LIMIT = 10.0  # seconds until a server answers
GRACE = 5.0  # seconds between SIGTERM and SIGKILL


class Failed(Exception):
    """Something that a measurement needs did not start, or ended too early."""


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a server without persistence for the time of the block; yields its URL.

    TCP, because not every contestant can use a socket file, and all should have the same.
    """
    with tempfile.TemporaryDirectory(prefix="race-") as folder:
        port = _free_port()
        command = [str(find_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with _process([*command, "--dir", folder], Path(folder) / "redis.log") as server:
            _await_answer(server, port)
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def worker(contestant: Contestant, python: Path, url: str, mode: str) -> Iterator["Process"]:
    """Run a contestant's worker for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="race-") as folder:
        command = [str(python), str(RUN), contestant.adapter, "work", url, mode]
        with _process(command, Path(folder) / "worker.log") as process:
            yield process


def push(contestant: Contestant, python: Path, url: str, mode: str, user: str, count: int) -> None:
    """Queue `count` tasks for a user, and return when all are queued."""
    command = [str(python), str(RUN), contestant.adapter, "push", url, mode, user, str(count)]
    with tempfile.TemporaryDirectory(prefix="race-") as folder, _process(command, Path(folder) / "push.log") as process:
        try:
            code = process.popen.wait(PUSH_LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"the push took longer than {PUSH_LIMIT:.0f} s") from None
        if code:
            raise Failed(f"the push failed: {process.last_words()}")


class Process:
    """A process with all its children, in a session of their own, so that Ctrl-C is ours to handle."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
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
def _process(command: list[str], log: Path) -> Iterator[Process]:
    process = Process(command, log)
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
