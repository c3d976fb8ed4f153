"""A server between a client and Redis that loses replies and connections when it is told to, and counts that it did."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from redis.connection import parse_url

_END: Final = b"\r\n"


def reply_length(data: bytes, at: int = 0) -> int | None:
    """Return where the RESP reply that begins at `at` ends; None if it is not all there."""
    line = data.find(_END, at)
    if line < 0:
        return None
    kind, number, end = data[at : at + 1], data[at + 1 : line], line + 2
    if kind in b"+-:" or number == b"-1":
        return end
    if kind == b"$":
        end += int(number) + 2
        return end if end <= len(data) else None
    for _ in range(int(number)):
        inner = reply_length(data, end)
        if inner is None:
            return None
        end = inner
    return end


class Proxy:
    """Passes bytes through until it is told otherwise.

    `drop(skip)`: pass so many more replies, then swallow the next one and cut its connection: Redis has done what was
    asked, the client cannot know. `cut()`: cut all connections and take no new ones until `mend()`; `cut(after)`: do
    so instead of passing the reply that comes after so many more. `hold()`: keep all replies back until `mend()`.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream: dict[str, Any] = dict(parse_url(upstream))  # type: ignore[no-untyped-call]
        self._lock = threading.Condition()
        self._drop_in: int | None = None
        self._cut_in: int | None = None
        self._is_cut = self._is_held = self._is_closed = False
        self.dropped = self.cuts = self.held = self.replies = 0
        self._open: list[socket.socket] = []
        self._addresses: dict[socket.socket, tuple[str, int]] = {}
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        parts = urlsplit(upstream)
        login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        self.url = f"redis://{login}127.0.0.1:{self._listener.getsockname()[1]}/{self._upstream.get('db', 0)}"
        self._spawn(self._accept)

    # --- orders -----------------------------------------------------------------------------------------------------

    def drop(self, skip: int = 0) -> None:
        """Swallow a reply."""
        with self._lock:
            self._drop_in = skip

    def cut(self, after: int | None = None) -> None:
        """Go away."""
        with self._lock:
            self._cut_in = after
            if after is None:
                self._cut_all()

    def hold(self) -> None:
        """Keep replies back."""
        with self._lock:
            self._is_held = True

    def mend(self) -> None:
        """Pass everything through again."""
        with self._lock:
            self._drop_in = self._cut_in = None
            self._is_cut = self._is_held = False
            self._lock.notify_all()

    def addresses(self) -> list[str]:
        """Return the addresses, `host:port`, by which the server knows the connections that are open."""
        with self._lock:
            return [f"{host}:{port}" for host, port in self._addresses.values()]

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            self._is_closed = True
            self._is_held = False
            self._lock.notify_all()
            self._cut_all()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    # --- the wire ---------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut or self._is_closed:
                    client.close()
                    continue
                try:
                    server = self._connect()
                except OSError:  # nobody is there: the client finds out as it would without us
                    client.close()
                    continue
                self._open += [client, server]
                if server.family != socket.AF_UNIX:
                    self._addresses[server] = server.getsockname()
            self._spawn(self._requests, client, server)
            self._spawn(self._replies, server, client)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                server.sendall(data)
        self._end(client, server)

    def _replies(self, server: socket.socket, client: socket.socket) -> None:
        pending = b""
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                pending += data
                while (end := reply_length(pending)) is not None:
                    reply, pending = pending[:end], pending[end:]
                    if not self._passes():
                        return self._end(client, server)
                    client.sendall(reply)
        return self._end(client, server)

    def _passes(self) -> bool:
        with self._lock:
            self.held += self._is_held
            self._lock.wait_for(lambda: not self._is_held)
            if self._is_cut:
                return False
            if self._drop_in == 0:
                self._drop_in = None
                self.dropped += 1
                return False
            if self._drop_in:
                self._drop_in -= 1
            if self._cut_in == 0:
                self._cut_all()
                return False
            if self._cut_in:
                self._cut_in -= 1
            self.replies += 1
            return True

    def _cut_all(self) -> None:
        self._is_cut = True
        self.cuts += bool(self._open)
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _end(self, *pair: socket.socket) -> None:
        with self._lock:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                if one in self._open:
                    self._open.remove(one)
                self._addresses.pop(one, None)
                one.close()

    def _connect(self) -> socket.socket:
        if "path" in self._upstream:
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(self._upstream["path"])
            return server
        return socket.create_connection((self._upstream.get("host", "localhost"), self._upstream.get("port", 6379)))

    def _spawn(self, role: Any, *args: socket.socket) -> None:
        thread = threading.Thread(target=role, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()


@contextlib.contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """Give a proxy to that server for the block."""
    with redis.Redis.from_url(upstream) as client:
        client.ping()
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
