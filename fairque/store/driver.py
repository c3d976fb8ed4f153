"""The one door to Redis: two drivers carry Calls, one for threads and one for coroutines. Only this file imports redis.

redis-py's own retries are off: with them, one timed-out script was seen to run eleven times.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import hiredis
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from fairque.core.settings import RedisSettings
from fairque.errors import FairqueError
from fairque.store import embedded
from fairque.store.call import Call, Conversation, Sleep, carry, following
from fairque.store.link import AsyncLink, Link, Port

T = TypeVar("T")

_LOST: Final = (ConnectionLost, NoAnswer, InvalidResponse, NoScriptError)


_CODES: Final = {
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    MasterDownError: "MASTERDOWN",
    ClusterDownError: "CLUSTERDOWN",
    NoPermissionError: "NOPERM",
}
"""Error replies that redis-py has a class for: it takes their code out of the message."""


def _code_of(error: Exception) -> str:
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), str(error).partition(" ")[0])


class _Address:
    """Where Redis is and how a connection to it is made. The embedded server is started when it is first needed."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings

    def port(self, pool_of: Callable[..., Any]) -> Port:
        """Return a new connection, not open yet, of the kind that this redis-py pool class makes."""
        url = self._url()
        keepalive = {} if url.startswith("unix://") else {"socket_keepalive": True}
        pool = pool_of(
            url,
            protocol=2,
            socket_connect_timeout=self._settings.connect_timeout,
            socket_timeout=self._settings.socket_timeout,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            driver_info=None,
            **keepalive,
        )
        connection = pool.connection_class(**pool.connection_kwargs)
        address = self._settings.address
        return Port(connection, hiredis.pack_command, address, _LOST, ResponseError, redis.RedisError, _code_of)

    def _url(self) -> str:
        url = self._settings.effective_url
        if url.startswith("embedded://"):
            return embedded.attach(url.removeprefix("embedded://") or None)
        return url


def plain_client(url: str) -> Any:
    """Return redis-py's own client with its own pool and defaults: what a benchmark compares with."""
    return redis.Redis.from_url(url)


class Driver:
    """Carries Calls for any number of threads: each takes a free link or opens one. Survives a fork."""

    def __init__(self, settings: RedisSettings) -> None:
        self._address = _Address(settings)
        self._free: deque[Link] = deque()
        self._pid = os.getpid()

    def link(self) -> Link:
        """Return a link for the caller to keep (and close)."""
        return Link(self._address.port(redis.ConnectionPool.from_url))

    def run(self, call: Call[T]) -> T:
        """Return the call's answer; raises as `Link.run` does."""
        link = self._take()
        try:
            return link.run(call)
        finally:
            self._free.append(link)

    def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """As `Link.run_all`."""
        link = self._take()
        try:
            link.run_all(calls, answers)
        finally:
            self._free.append(link)

    def converse(self, steps: Conversation[T]) -> T:
        """Lead a conversation to its end; raises as `Link.run` does."""
        return carry(steps, self.run, self.sleep)

    def sleep(self, key: str, timeout: float) -> None:
        """As `Link.sleep`."""
        link = self._take()
        try:
            link.sleep(key, timeout)
        finally:
            self._free.append(link)

    def close(self) -> None:
        """Close all free links. The driver can be used again."""
        while self._free:
            self._free.pop().close()

    def _take(self) -> Link:
        if self._pid != os.getpid():  # a forked child must not speak on its parent's sockets
            self._free, self._pid = deque(), os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self.link()


class AsyncDriver:
    """`Driver` for coroutines. A link belongs to the event loop that opened it: another loop gets links of its own."""

    def __init__(self, settings: RedisSettings) -> None:
        self._address = _Address(settings)
        self._free: deque[AsyncLink] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, call: Call[T]) -> T:
        """As `Driver.run`."""
        answers: list[T] = []
        await self.run_all((call,), answers)
        return answers[0]

    async def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """As `Link.run_all`."""
        link = self._take()
        try:
            await link.run_all(calls, answers)
        finally:
            self._free.append(link)

    async def converse(self, steps: Conversation[T]) -> T:
        """As `Driver.converse`."""
        answer: Any = None
        error: FairqueError | None = None
        try:
            while True:
                step = following(steps, answer, error)
                answer = error = None
                try:
                    if isinstance(step, Sleep):
                        await self.sleep(step.key, step.seconds)
                    else:
                        answer = await self.run(step)
                except FairqueError as refused:
                    error = refused
        except StopIteration as done:
            outcome: T = done.value
            return outcome

    async def sleep(self, key: str, timeout: float) -> None:
        """As `Link.sleep`."""
        link = self._take()
        try:
            await link.sleep(key, timeout)
        finally:
            self._free.append(link)

    async def close(self) -> None:
        """As `Driver.close`."""
        self._belong(asyncio.get_running_loop())
        while self._free:
            await self._free.pop().close()

    def _belong(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:  # what belongs to a loop that has ended can only be let go
            for link in self._free:
                link.abandon()
            self._free, self._loop = deque(), loop

    def _take(self) -> AsyncLink:
        self._belong(asyncio.get_running_loop())
        try:
            return self._free.pop()
        except IndexError:
            return AsyncLink(self._address.port(redis.asyncio.ConnectionPool.from_url))
