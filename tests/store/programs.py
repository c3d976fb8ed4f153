"""Programs that use the embedded server, and what the operating system says of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from fairque.store.embedded import ROOM_VARIABLE
from tests.waiting import wait_until

ATTACH = "import sys; from fairque.store.embedded import attach; path = (sys.argv[1:] or [None])[0]; "
USE = ATTACH + "print(attach(path), flush=True); sys.stdin.read()"


class Program:
    """A Python program that attaches, prints its URLs and stays until it is killed or told to end."""

    def __init__(self, *arguments: str, source: str = USE, room: Path | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if name != ROOM_VARIABLE}
        if room:
            environment[ROOM_VARIABLE] = str(room)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", source, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._urls: list[str] = []

    @property
    def urls(self) -> list[str]:
        if not self._urls:
            assert self.process.stdout
            self._urls = self.process.stdout.readline().split()
            assert self._urls, self.process.communicate()[1]
        return self._urls

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def room(self) -> Path:
        return socket_of(self.url).parent

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Let it end as a program does, and see that it had nothing to complain about."""
        _out, complaints = self.process.communicate()
        assert (self.process.returncode, complaints) == (0, "")

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


Start = Callable[..., Program]


def socket_of(url: str) -> Path:
    return Path(unquote(url.removeprefix("unix://")))


def ask(url: str, line: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(socket_of(url)))
        connection.sendall(f"{line}\r\n".encode())
        return connection.recv(65536).decode()


def server_of(url: str) -> int:
    fields = dict(line.split(":", 1) for line in ask(url, "INFO server").splitlines() if ":" in line)
    return int(fields["process_id"])


def stat_of(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: state, parent, group, session; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def guard_of(url: str) -> int:
    return int(stat_of(server_of(url))[1])


def is_gone(pid: int) -> bool:
    return stat_of(pid)[:1] in ([], ["Z"])  # a dead orphan waits for the machine's first process, not for us


def wait_until_gone(*pids: int) -> None:
    wait_until(lambda: all(map(is_gone, pids)), description=f"processes {pids} are gone")
