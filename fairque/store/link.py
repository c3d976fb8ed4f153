"""Links: one connection each, and how a batch of Calls goes over it. The protocol is said once, for both colours.

A connection that is lost is replaced once, and what it left unanswered is sent again: every script answers the same
request the same way. After that the caller hears `RedisUnavailable`.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, NamedTuple, TypeVar

from fairque.errors import FairqueError, RedisUnavailable
from fairque.store import refusals, scripts
from fairque.store.call import Call, Conversation, carry

T = TypeVar("T")

_WINDOW: Final = 4
"""Calls of a batch that are under way at once: Redis works on one while the next is encoded."""
LATE: Final = 5.0
"""Seconds after the end of a blocking wait by which Redis must have answered, else the connection is half open."""
_RESET: Final = object()

Steps = Generator[Any, Any, None]
"""What to do next on a connection: a Call to send, None to read one reply, _RESET to start over on a new one."""


class Port(NamedTuple):
    """A connection of the client library, as the driver makes it, and the errors that it raises."""

    connection: Any
    pack: Callable[[tuple[Any, ...]], bytes]
    """Turns a command into bytes."""
    address: str
    """For messages: no password."""
    lost: tuple[type[Exception], ...]
    """The connection is gone, or (NOSCRIPT) it was made before the server forgot its scripts: as good as gone."""
    refused: type[Exception]
    every: type[Exception]
    code_of: Callable[[Exception], str]
    """The first word of Redis's error reply, which the client library keeps to itself for some."""


def _conversation(calls: Iterable[Call[T]], answers: list[T], port: Port) -> Steps:
    """Say how a batch goes over a connection, whichever colour carries it; answers are appended in order."""
    source, sent, lost = iter(calls), deque[Call[T]](), not port.connection.is_connected
    while True:
        try:
            while len(sent) < _WINDOW and (call := next(source, None)) is not None:
                sent.append(call)
                yield call
            if not sent:
                return
            reply = yield None
        except port.lost:
            yield _RESET
            if lost:
                raise
            lost = True
            for call in sent:
                yield call
            continue
        except port.refused:
            if len(sent) > 1:
                yield _RESET
            raise
        answers.append(sent.popleft().answer(reply))
        lost = False


class _Wire:
    """What both colours of a link share: how a call looks on the wire, and which scripts this connection knows."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._connection = port.connection
        self._known: set[str] = set()
        self.closings = 0
        """How often the connection was closed: the server behind the next one may be another, or have lost its data."""

    def _packed(self, call: Call[Any]) -> list[bytes]:
        """Return a call's bytes: by its script's name, or with the whole script where this connection uses it first."""
        script = scripts.load(call.script)
        if script.name in self._known:
            return [self._port.pack(("EVALSHA", script.sha, 1, call.root, *call.args))]
        self._known.add(script.name)
        return [self._port.pack(("EVAL", script.text, 1, call.root, *call.args))]

    def _forget(self) -> None:
        self._known.clear()
        self.closings += 1

    def _translated(self, error: Exception) -> FairqueError:
        if isinstance(error, self._port.lost):
            return RedisUnavailable(f"{self._port.address}: {error}")
        return refusals.translate(self._port.code_of(error), str(error), self._port.address)


def _nothing() -> None: ...


class Link(_Wire):
    """One connection of its own, for one thread at a time."""

    def run(self, call: Call[T], meanwhile: Callable[[], object] = _nothing) -> T:
        """Return the call's answer. `meanwhile` is called before that, while Redis works where that can be, and maybe
        twice; it never raises.

        Raises:
            RedisUnavailable: Redis could not be reached, or was lost and could not be reached again.
            QueueRefusal: the script refused the call; nothing was written.
        """
        if call.script in self._known:
            try:
                self._connection.send_packed_command(self._packed(call), check_health=False)
                meanwhile()
                return call.answer(self._connection.read_response())
            except self._port.lost:
                self.close()  # the long way sends the call again, on a new connection
            except self._port.refused as error:
                raise self._translated(error) from error
            except BaseException:
                self.close()  # as in `run_all`
                raise
        meanwhile()
        answers: list[T] = []
        self.run_all((call,), answers)
        return answers[0]

    def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """Carry several calls, some under way at once; append their answers in order. Raises as `run` does."""
        steps = _conversation(calls, answers, self._port)
        try:
            step = next(steps)
            while True:
                try:
                    reply = self._do(step)
                except self._port.every as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration:
            return
        except self._port.every as error:
            raise self._translated(error) from error
        except BaseException:
            self.close()  # answers may still come: whoever uses this link next must not read them
            raise

    def converse(self, steps: Conversation[T]) -> T:
        """Lead a conversation to its end; raises as `run` does."""
        return carry(steps, self.run, self.sleep)

    def ask_to_be_woken(self, key: str, timeout: float) -> None:
        """Send the request for a hint on the list `key`; it is answered when there is one, or after `timeout` s."""
        try:
            self._connection.send_command("BLPOP", key, timeout)
        except self._port.every as error:
            raise self._translated(error) from error

    def read_hint(self, timeout: float) -> bool:
        """Read the answer to `ask_to_be_woken`, waiting `timeout` seconds at most; return whether there was a hint."""
        try:
            return self._connection.read_response(timeout=timeout) is not None
        except self._port.every as error:
            raise self._translated(error) from error

    def sleep(self, key: str, timeout: float) -> None:
        """Block until there is a hint on the list `key`, for `timeout` seconds at most."""
        self.ask_to_be_woken(key, timeout)
        self.read_hint(timeout + LATE)

    def fileno(self) -> int:
        """Return the socket's descriptor: it is readable when an answer has come."""
        return int(self._connection._get_socket().fileno())

    def close(self) -> None:
        """Close the connection; it opens again when it is used."""
        self._forget()
        self._connection.disconnect()

    def _do(self, step: Any) -> Any:
        if step is None:
            return self._connection.read_response()
        if step is _RESET:
            return self.close()
        return self._connection.send_packed_command(self._packed(step), check_health=False)


class AsyncLink(_Wire):
    """`Link` for one coroutine at a time."""

    async def run_all(self, calls: Iterable[Call[T]], answers: list[T]) -> None:
        """As `Link.run_all`."""
        steps = _conversation(calls, answers, self._port)
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._do(step)
                except self._port.every as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration:
            return
        except self._port.every as error:
            raise self._translated(error) from error
        except BaseException:
            await self.close()  # as in `Link.run_all`
            raise

    async def sleep(self, key: str, timeout: float) -> None:
        """As `Link.sleep`."""
        try:
            await self._connection.send_command("BLPOP", key, timeout)
            await self._connection.read_response(timeout=timeout + LATE)
        except self._port.every as error:
            raise self._translated(error) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """As `Link.close`."""
        self._forget()
        await self._connection.disconnect(nowait=True)

    def abandon(self) -> None:
        """Let go of a connection whose event loop has ended: nothing can be awaited there any more."""
        writer = self._connection._writer
        self._connection._writer = self._connection._reader = None
        if writer is not None:
            with contextlib.suppress(RuntimeError):  # "Event loop is closed": it cannot call back
                writer.transport.abort()
            socket = getattr(writer.transport, "_sock", None)
            if socket is not None:
                socket.close()
                writer.transport._sock = None

    async def _do(self, step: Any) -> Any:
        if step is None:
            return await self._connection.read_response()
        if step is _RESET:
            return await self.close()
        return await self._connection.send_packed_command(self._packed(step), check_health=False)
