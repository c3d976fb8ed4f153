"""A Redis of one's own, which writes down all that it does, and a queue in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Final

from fairque import FairQueueConfig, TaskQueue
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from tests.chaos.server import running_server, temporary_place
from tests.graphs.play import Ground
from tests.graphs.record import Tail

PREFIX: Final = "graphs"


def config_of(url: str, worker: str = "w1", lease: float = 15.0) -> FairQueueConfig:
    """Return the configuration of a worker."""
    settings = WorkerSettings(id=worker, assigned_users=("*",), max_concurrent_tasks=4, lease_seconds=lease)
    return FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix=PREFIX), workers=(settings,))


@contextmanager
def opened() -> Iterator[Ground]:
    """Give the ground for the block; no worker is there yet."""
    with ExitStack() as stack:
        server = stack.enter_context(running_server(stack.enter_context(temporary_place())))
        queue = stack.enter_context(TaskQueue(config_of(server.url)))
        tail = stack.enter_context(closing(Tail(server.journal.parent / "appendonlydir")))
        yield Ground(queue, server.client, tail, f"{{{PREFIX}:default}}", server.url)
