"""A server of one test module's own, which may be killed, stopped and starved: `embedded://PATH`, held by a child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.waiting import wait_until

_HOLD = (
    "import sys; from fairque.store import embedded as e; print(e.attach(sys.argv[1]), flush=True); sys.stdin.read()"
)
_SHORTEST_LIFE = 2
"""Seconds: a server that ends sooner is not started again by its guard (1 s, and Redis counts whole ones)."""


class OwnServer:
    """The server and its guard, seen from outside. Data are kept in its directory over a restart."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = redis.Redis.from_url(url)

    @property
    def pid(self) -> int:
        return int(self._client.info("server")["process_id"])

    def command(self, *words: str) -> object:
        """Run a command from the side."""
        return self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    def answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        """Kill it and wait until its guard has started it again."""
        with self.away():
            pass

    @contextmanager
    def away(self) -> Iterator[None]:
        """Kill it, and start it again at the end of the block."""
        wait_until(
            lambda: self._client.info("server")["uptime_in_seconds"] >= _SHORTEST_LIFE,
            description="the server has lived long enough to be started again",
        )
        server = self.pid
        guard = int(subprocess.run(["ps", "-o", "ppid=", "-p", str(server)], capture_output=True, check=True).stdout)
        os.kill(guard, signal.SIGSTOP)
        try:
            os.kill(server, signal.SIGKILL)
            wait_until(lambda: not self.answers(), description="the server is gone")
            yield
        finally:
            os.kill(guard, signal.SIGCONT)
            wait_until(self.answers, description="the server is back")

    @contextmanager
    def still(self) -> Iterator[None]:
        """Let it stand still: connections stay open and nothing is answered."""
        server = self.pid
        os.kill(server, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(server, signal.SIGCONT)

    def close(self) -> None:
        self._client.close()


@contextmanager
def own_server(place: Path) -> Iterator[OwnServer]:
    """Start a server with its data in `place` for the block."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        server = OwnServer(holder.stdout.readline().strip())
        yield server
        server.close()
        holder.communicate()
