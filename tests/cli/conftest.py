"""What the tests of the commands stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from fairque import FairQueueConfig, TaskQueue, TaskScheduler
from tests.cli.program import settings


@pytest.fixture
def env(redis_url: str, prefix: str) -> dict[str, str]:
    """Give the settings of a queue of the test's own, as variables."""
    return settings(redis_url, prefix)


@pytest.fixture
def queue(env: dict[str, str]) -> Iterator[TaskQueue]:
    """Give that queue."""
    with TaskQueue(FairQueueConfig.create_default(environ=env)) as queue:
        yield queue


@pytest.fixture
def scheduler(env: dict[str, str]) -> Iterator[TaskScheduler]:
    """Give the schedules of that queue; nothing fires them."""
    with closing(TaskScheduler(FairQueueConfig.create_default(environ=env))) as scheduler:
        yield scheduler
