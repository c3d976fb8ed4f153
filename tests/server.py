"""The Redis of a test run: the one that is named, else a private one of this run, else one in a container."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from fairque.errors import EmbeddedServerError
from fairque.store.embedded import attach, find_server


@contextmanager
def server_url() -> Iterator[str]:
    """Give the URL of a server for the block. Without any server the whole run fails: nothing is skipped."""
    if named := os.environ.get("FAIRQUE_TEST_REDIS_URL"):
        yield named
    elif _has_binary():
        os.environ["FAIRQUE_EMBEDDED_DEBUG"] = "1"
        yield attach(None)
    else:
        with _container_url() as url:
            yield url


def _has_binary() -> bool:
    try:
        find_server()
    except EmbeddedServerError:
        return False
    return True


@contextmanager
def _container_url() -> Iterator[str]:
    try:
        from testcontainers.community.redis import RedisContainer

        container = RedisContainer("redis:7.4").start()
    except Exception as error:  # no package, no Docker, no image: all one to the run
        pytest.exit(f"no Redis for the tests: no FAIRQUE_TEST_REDIS_URL, no binary, no container ({error})", 1)
    try:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    finally:
        container.stop()


def delete_keys(client: redis.Redis, containing: str) -> None:
    """Delete the keys whose name contains a text, in one walk over the key space, 500 at a time."""
    batch: list[bytes] = []
    for key in client.scan_iter(match=f"*{containing}*", count=1000):
        batch.append(key)
        if len(batch) == 500:
            client.unlink(*batch)
            batch.clear()
    if batch:
        client.unlink(*batch)
