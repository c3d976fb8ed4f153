"""Fixtures of the tests of the worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.worker.programs import Board, Fleet
from tests.worker.stage import House


@pytest.fixture
def house(redis_url: str, prefix: str) -> Iterator[House]:
    """Give a queue and a maker of workers; whatever still runs at the end is let go and stopped."""
    made = House(redis_url, prefix)
    yield made
    made.close()


@pytest.fixture
def fleet(redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Fleet]:
    """Give a maker of worker processes; at the end they are killed."""
    made = Fleet(redis_url, prefix, tmp_path)
    yield made
    made.close()


@pytest.fixture
def board(fleet: Fleet, redis_client: redis.Redis) -> Board:
    """Give what the tasks of worker processes write, and the gates at which they wait."""
    return Board(redis_client, fleet.board)
