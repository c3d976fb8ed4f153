"""A client that dies at a chosen moment: before it sends a call, after Redis has done it, or when it has the answer."""

from __future__ import annotations

import threading
from typing import Any, Final

import redis

from fairque.store import scripts
from fairque.store.link import Port


class Died(BaseException):
    """The client's process is gone: nothing that it would have done after this is done."""


class Fate:
    """When a client dies, counted in moments over all its connections and threads. Until it is armed, nothing counts,
    and with `only` nothing but that command does.
    """

    def __init__(self, only: str | None = None) -> None:
        self.moments: list[str] = []
        """What the client has come through since then; the last one may have been its end."""
        self.executed: list[str] = []
        """The commands that Redis has got since then."""
        self.dead = threading.Event()
        self._last: int | None = None
        self._armed = False
        self._only = only
        self._lock = threading.Lock()

    def arm(self, last: int | None) -> None:
        """Let the client die at the moment of this number (None: never)."""
        self._last, self._armed = last, True

    def strikes(self, command: str, when: str) -> bool:
        """Come to a moment: is it the last one?"""
        with self._lock:
            if self.dead.is_set():
                raise Died
            if self._armed and self._only in (None, command):
                self.moments.append(f"{command} {when}")
                if len(self.moments) - 1 == self._last:
                    self.dead.set()
            return self.dead.is_set()

    def meet(self, command: str, when: str) -> None:
        """Come to a moment, and die if it is the last one."""
        if self.strikes(command, when):
            raise Died

    def sent(self, command: str) -> bool:
        """Redis has got a command: is that the last moment?"""
        if self._armed:
            self.executed.append(command)
        return self.strikes(command, "is done")


class Mortal:
    """A connection of a client that may die."""

    def __init__(self, connection: Any, fate: Fate) -> None:
        self._inner, self._fate = connection, fate
        self._under_way: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send_packed_command(self, packed: Any, **options: Any) -> None:
        """Send a call of a script."""
        command = self._begin(command_of(packed[0]))
        self._inner.send_packed_command(packed, **options)
        if self._sent(command):
            for _ in self._under_way:  # then Redis has done all that was sent
                self._inner.read_response(disconnect_on_error=False)
            raise Died

    def send_command(self, name: str, *args: Any) -> None:
        """Send a command that blocks."""
        command = self._begin(name)
        self._inner.send_command(name, *args)
        if self._sent(command):
            raise Died

    def read_response(self, **options: Any) -> Any:
        """Read an answer."""
        if self._fate.dead.is_set():
            raise Died
        try:
            reply = self._inner.read_response(**options)
        except redis.ResponseError:
            self._answered()
            raise
        self._answered()
        return reply

    def disconnect(self, *args: Any, **options: Any) -> Any:
        """Close the connection."""
        self._under_way.clear()
        return self._inner.disconnect(*args, **options)

    def _begin(self, command: str) -> str:
        self._fate.meet(command, "is to be sent")
        return command

    def _answered(self) -> None:
        self._fate.meet(self._under_way.pop(0), "is answered")

    def _sent(self, command: str) -> bool:
        self._under_way.append(command)
        return self._fate.sent(command)


class AsyncMortal(Mortal):
    """`Mortal` for coroutines."""

    async def send_packed_command(self, packed: Any, **options: Any) -> None:  # type: ignore[override]
        """As `Mortal.send_packed_command`."""
        command = self._begin(command_of(packed[0]))
        await self._inner.send_packed_command(packed, **options)
        if self._sent(command):
            for _ in self._under_way:
                await self._inner.read_response(disconnect_on_error=False)
            raise Died

    async def send_command(self, name: str, *args: Any) -> None:  # type: ignore[override]
        """As `Mortal.send_command`."""
        command = self._begin(name)
        await self._inner.send_command(name, *args)
        if self._sent(command):
            raise Died

    async def read_response(self, **options: Any) -> Any:
        """As `Mortal.read_response`."""
        if self._fate.dead.is_set():
            raise Died
        try:
            reply = await self._inner.read_response(**options)
        except redis.ResponseError:
            self._answered()
            raise
        self._answered()
        return reply


class MortalAddress:
    """Stands for a driver's address: whatever connection it makes may die."""

    def __init__(self, address: Any, fate: Fate) -> None:
        self._address, self._fate = address, fate

    def port(self, pool_of: Any) -> Port:
        """Return a new connection."""
        port: Port = self._address.port(pool_of)
        kind = AsyncMortal if "asyncio" in pool_of.__self__.__module__ else Mortal
        return port._replace(connection=kind(port.connection, self._fate))


def doom(client: Any, fate: Fate) -> None:
    """Let a queue or a worker have that fate from now on; what connections it has are closed."""
    driver = getattr(client, "_service", client)._driver
    driver._address = MortalAddress(driver._address, fate)


_NAMES: Final = {scripts.load(name).sha.encode(): name for name in scripts.names()} | {
    scripts.load(name).text.encode(): name for name in scripts.names()
}


def command_of(packed: bytes) -> str:
    """Return the name of the script that these bytes call."""
    return _NAMES[packed.split(b"\r\n")[4]]
