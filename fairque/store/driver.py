"""The one door to Redis: two drivers carry Calls, one for threads and one for coroutines. Only this file imports redis.

redis-py's own retries are off (with them, one timed-out script was seen to run eleven times). A connection that is lost
is replaced once, and what it left unanswered is sent again: every script answers the same request the same way. After
that the caller hears `RedisUnavailable`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, TypeVar

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from fairque.core.settings import RedisSettings
from fairque.errors import FairqueError, RedisUnavailable
from fairque.store import embedded, refusals, scripts
from fairque.store.call import Call

T = TypeVar("T")

_WINDOW: Final = 4
"""Calls of a batch that are under way at once: Redis works on one while the next is encoded."""
_LATE: Final = 5.0
"""Seconds after the end of a blocking wait by which Redis must have answered, else the connection is half open."""
_RESET: Final = object()
_LOST: Final = (ConnectionLost, NoAnswer, NoScriptError)
"""The connection is gone, or (NOSCRIPT) it was made before the server forgot its scripts: as good as gone."""

Steps = Generator[Any, Any, None]
"""What to do next on a connection: a Call to send, None to read one reply, _RESET to start over on a new one."""


def _conversation(calls: Iterable[Call[T]], answers: list[T], *, was_open: bool) -> Steps:
    """Say how a batch goes over a connection, whichever colour carries it; answers are appended in order."""
    source, sent, lost = iter(calls), deque[Call[T]](), not was_open
    while True:
        try:
            while len(sent) < _WINDOW and (call := next(source, None)) is not None:
                sent.append(call)
                yield call
            if not sent:
                return
            reply = yield None
        except _LOST:
            yield _RESET
            if lost:
                raise
            lost = True
            for call in sent:
                yield call
            continue
        except ResponseError:
            if len(sent) > 1:
                yield _RESET
            raise
        answers.append(sent.popleft().read(reply))
        lost = False


class _Wire:
    """What both colours of a link share: how a call looks on the wire, and which scripts this connection knows."""

    def __init__(self, connection: Any, address: str) -> None:
        self._connection = connection
        self._address = address
        self._loaded: set[str] = set()
        self._loads: deque[bool] = deque()

    def _packed(self, call: Call[Any]) -> tuple[list[bytes], bool]:
        """Return the bytes of a call and whether a reply to `SCRIPT LOAD` comes before its own."""
        script = scripts.load(call.script)
        packed = self._connection.pack_command("EVALSHA", script.sha, 1, call.root, *call.args)
        if script.sha in self._loaded:
            return packed, False
        self._loaded.add(script.sha)
        return [*self._connection.pack_command("SCRIPT LOAD", script.text), *packed], True

    def _translated(self, error: redis.RedisError) -> FairqueError:
        if isinstance(error, _LOST):
            return RedisUnavailable(f"{self._address}: {error}")
        return refusals.translate(str(error), self._address)


class Link(_Wire):
    """One connection of its own, for one thread at a time."""

    def run(self, call: Call[T]) -> T:
        """Return the call's answer.

        Raises:
            RedisUnavailable: Redis could not be reached, or was lost and could not be reached again.
            QueueRefusal: the script refused the call; nothing was written.
        """
        answers: list[T] = []
        self.run_all((call,), answers)
        return answers[0]

    def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """Carry several calls, some under way at once; append their answers in order. Raises as `run` does."""
        steps = _conversation(calls, answers, was_open=self._connection.is_connected)
        try:
            step = next(steps)
            while True:
                try:
                    reply = self._do(step)
                except redis.RedisError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration:
            return
        except redis.RedisError as error:
            raise self._translated(error) from error

    def ask_to_be_woken(self, key: str, timeout: float) -> None:
        """Send the request for a hint on the list `key`; it is answered when there is one, or after `timeout` s."""
        try:
            self._connection.send_command("BLPOP", key, timeout)
        except redis.RedisError as error:
            raise self._translated(error) from error

    def read_hint(self, timeout: float) -> bool:
        """Read the answer to `ask_to_be_woken`, waiting `timeout` seconds at most; return whether there was a hint."""
        try:
            return self._connection.read_response(timeout=timeout) is not None
        except redis.RedisError as error:
            raise self._translated(error) from error

    def sleep(self, key: str, timeout: float) -> None:
        """Block until there is a hint on the list `key`, for `timeout` seconds at most."""
        self.ask_to_be_woken(key, timeout)
        self.read_hint(timeout + _LATE)

    def fileno(self) -> int:
        """Return the socket's descriptor: it is readable when an answer has come."""
        return int(self._connection._get_socket().fileno())

    def close(self) -> None:
        """Close the connection; it opens again when it is used."""
        self._loaded.clear()
        self._loads.clear()
        self._connection.disconnect()

    def _do(self, step: Any) -> Any:
        if step is None:
            if self._loads.popleft():
                self._connection.read_response()
            return self._connection.read_response()
        if step is _RESET:
            return self.close()
        packed, loads = self._packed(step)
        self._loads.append(loads)
        return self._connection.send_packed_command(packed)


class AsyncLink(_Wire):
    """`Link` for one coroutine at a time."""

    async def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """As `Link.run_all`."""
        steps = _conversation(calls, answers, was_open=self._connection.is_connected)
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._do(step)
                except redis.RedisError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration:
            return
        except redis.RedisError as error:
            raise self._translated(error) from error
        except asyncio.CancelledError:
            await self.close()  # an answer may still come: the next caller must not read it
            raise

    async def sleep(self, key: str, timeout: float) -> None:
        """As `Link.sleep`."""
        try:
            await self._connection.send_command("BLPOP", key, timeout)
            await self._connection.read_response(timeout=timeout + _LATE)
        except redis.RedisError as error:
            raise self._translated(error) from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """As `Link.close`."""
        self._loaded.clear()
        self._loads.clear()
        await self._connection.disconnect(nowait=True)

    async def _do(self, step: Any) -> Any:
        if step is None:
            if self._loads.popleft():
                await self._connection.read_response()
            return await self._connection.read_response()
        if step is _RESET:
            return await self.close()
        packed, loads = self._packed(step)
        self._loads.append(loads)
        return await self._connection.send_packed_command(packed)


class _Address:
    """Where Redis is and how a connection to it is made. The embedded server is started when it is first needed."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self.text = settings.address

    def connection(self, pool_of: Callable[..., Any]) -> Any:
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
            lib_name=None,
            lib_version=None,
            **keepalive,
        )
        return pool.connection_class(**pool.connection_kwargs)

    def _url(self) -> str:
        url = self._settings.effective_url
        if url.startswith("embedded://"):
            return embedded.attach(url.removeprefix("embedded://") or None)
        return url


class Driver:
    """Carries Calls for any number of threads: each takes a free link or opens one. Survives a fork."""

    def __init__(self, settings: RedisSettings) -> None:
        self._address = _Address(settings)
        self._free: deque[Link] = deque()
        self._pid = os.getpid()

    def link(self) -> Link:
        """Return a link for the caller to keep (and close)."""
        return Link(self._address.connection(redis.ConnectionPool.from_url), self._address.text)

    def run(self, call: Call[T]) -> T:
        """Return the call's answer; raises as `Link.run` does."""
        answers: list[T] = []
        self.run_all((call,), answers)
        return answers[0]

    def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """As `Link.run_all`."""
        link = self._take()
        try:
            link.run_all(calls, answers)
        finally:
            self._free.append(link)

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

    async def sleep(self, key: str, timeout: float) -> None:
        """As `Link.sleep`."""
        link = self._take()
        try:
            await link.sleep(key, timeout)
        finally:
            self._free.append(link)

    async def close(self) -> None:
        """As `Driver.close`."""
        while self._free:
            await self._free.pop().close()

    def _take(self) -> AsyncLink:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._free, self._loop = deque(), loop
        try:
            return self._free.pop()
        except IndexError:
            return AsyncLink(self._address.connection(redis.asyncio.ConnectionPool.from_url), self._address.text)
