"""Fixtures of every test: a real server, keys of one's own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
import redis

from tests.server import delete_keys, server_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Give the URL of the server of this run: it may be shared with others, so never flush it."""
    with server_url() as url:
        yield url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """Give a plain client (bytes) to look inside."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def prefix(redis_url: str) -> Iterator[str]:
    """Give a key prefix of this test alone; the keys that contain it are deleted after the test."""
    # The pid has a fixed width: else the prefix of one run could be the beginning of another run's.
    own = f"t{next(_numbers)}-{os.getpid():07d}"
    yield own
    with redis.Redis.from_url(redis_url) as client:
        delete_keys(client, own)
