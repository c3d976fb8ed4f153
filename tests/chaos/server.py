"""The Redis of a chaos run: a process of the rig's own, killed by its pid and started again on what it had kept."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import redis

from fairque.store.embedded_server import find_server
from tests.waiting import wait_until

MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def temporary_place() -> Iterator[Path]:
    """Give a directory for the block, in memory where that can be had: there an fsync costs nothing."""
    with tempfile.TemporaryDirectory(prefix="fairque-chaos-", dir=MEMORY if MEMORY.is_dir() else None) as place:
        yield Path(place)


class Server:
    """Keeps all that it answered over a SIGKILL.

    For that it syncs always: with `everysec` Redis puts off writing while an fsync is under way and answers all the
    same, and a SIGKILL just then takes some 30 answered writes with it (measured: in 8 of 8 such moments).
    Its append-only file grows until it is rewritten once after each restart, so that the next one is quick; what is
    dropped from it then stays in `journal`: all that Redis ever wrote down.
    """

    def __init__(self, place: Path) -> None:
        self.journal = place / "journal"
        self.journal.mkdir()
        self._place = place
        self._port = _free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.client = redis.Redis.from_url(self.url)
        self._process = self._started()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> bool:
        """Kill it; return whether it was this signal that ended it."""
        self._process.kill()
        return self._process.wait(10) == -signal.SIGKILL

    def restart(self) -> None:
        """Start it on the same directory, and wait until it answers."""
        self.save_journal()
        self._process = self._started()
        self.command("BGREWRITEAOF")

    def save_journal(self) -> None:
        """Bring `journal` up to date: by hard links, which grow with their files."""
        for file in (self._place / "appendonlydir").glob("*.incr.aof"):
            if not (self.journal / file.name).exists():
                os.link(file, self.journal / file.name)

    def command(self, *words: object) -> object:
        return self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait(10)

    def _started(self) -> subprocess.Popen[bytes]:
        options = {
            "port": self._port,
            "bind": "127.0.0.1",
            "dir": self._place,
            "logfile": self._place / "server.log",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "auto-aof-rewrite-percentage": 0,  # only when it is told to
            "maxmemory-policy": "noeviction",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        process = subprocess.Popen([str(find_server()), *words])
        wait_until(self._answers, description="the server answers", timeout=60)
        return process

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_server(place: Path) -> Iterator[Server]:
    """Give a server with its files in `place` for the block."""
    server = Server(place)
    try:
        yield server
    finally:
        server.close()
