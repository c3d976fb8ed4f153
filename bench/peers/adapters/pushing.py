"""Pushes as a plan says, through a client of either colour, and tells when each call began and ended."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any

from peer import Call, Pushes, started

BULK = 1_000  # tasks of one bulk call
LOOK = 0.005  # seconds between two looks whether a task has started
LIMIT = 30.0  # seconds for one task to start

Client = AbstractContextManager[Pushes] | AbstractAsyncContextManager[Pushes]
Span = tuple[float, float]


def push(client: Client, *, users: Sequence[str], first: int, one: int, many: int, pause: float) -> dict[str, Any]:
    """Push `one` tasks one by one, then `many` in bulk calls, or one by one where there are none; users take turns.

    With a pause (seconds; up to twice as long), each of the former waits until the one before it has started.
    Returns when each call began and ended, by the system's monotonic clock.
    """
    calls = [(users[n % len(users)], first + n) for n in range(one + many)]
    return asyncio.run(_push(client, calls, one, pause))


async def _push(client: Client, calls: list[Call], one: int, pause: float) -> dict[str, Any]:
    waits = isinstance(client, AbstractAsyncContextManager)
    async with AsyncExitStack() as stack:
        pushes = await stack.enter_async_context(client) if waits else stack.enter_context(client)
        if not pushes.many:
            one = len(calls)
        bulks = [(calls[at : at + BULK],) for at in range(one, len(calls), BULK)]
        return {
            "one": await _timed(pushes.one, calls[:one], waits=waits, pause=pause),
            "many": await _timed(pushes.many, bulks, waits=waits),
        }


async def _timed(
    act: Callable[..., Any] | None, calls: Iterable[tuple[Any, ...]], *, waits: bool, pause: float = 0
) -> list[Span]:
    clock = time.monotonic
    spans: list[Span] = []
    for call in calls:
        if pause:
            await asyncio.sleep(pause * (1 + random.random()))
        began = clock()
        said = act(*call)
        if waits:
            await said
        spans.append((began, clock()))
        if pause:
            await _start_of(call[1])
    return spans


async def _start_of(place: int) -> None:
    deadline = time.monotonic() + LIMIT
    while not started(place):
        if time.monotonic() > deadline:
            raise TimeoutError(f"a task did not start within {LIMIT:g} s")
        await asyncio.sleep(LOOK)
