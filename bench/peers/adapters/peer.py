"""What every adapter shares: where its Redis is, which queue a user's tasks go to, and what its one task does."""

import asyncio
import mmap
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

URL = os.environ["PEER_URL"]
MODE = os.environ["PEER_MODE"]
STAMPS = Path(os.environ["PEER_STAMPS"])

USERS = ("noisy", "quiet")
QUEUES = ("default",) if MODE == "shared" else USERS
"""The queues that the worker listens on, in this order."""

THREADS = 8
AT_ONCE = 20

Call = tuple[str, int]
"""The user a task is for, and its one argument: its place among the stamps."""


class Pushes(NamedTuple):
    """How tasks get into the queue; what an asynchronous contestant's functions return is awaited."""

    one: Callable[[str, int], object]
    many: Callable[[Sequence[Call]], object] | None = None
    """Its bulk call, if it has one."""


def queue_of(user: str) -> str:
    return "default" if MODE == "shared" else user


def stamp(place: int) -> int:
    """Note the start of a task, and return its argument, so that there is a result to keep.

    One store into a mapping that all processes share: nearly a no-op, wherever the task runs.
    """
    _stamps[place] = time.monotonic()
    return place


def started(place: int) -> bool:
    return _stamps[place] > 0


async def gathered(pushes: Sequence[Awaitable[object]]) -> None:
    """Await pushes concurrently, each on a connection of its own: the way where there is no bulk call."""
    for first in range(0, len(pushes), AT_ONCE):
        await asyncio.gather(*pushes[first : first + AT_ONCE])


def _mapped() -> memoryview:
    with STAMPS.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0)).cast("d")


_stamps = _mapped()
