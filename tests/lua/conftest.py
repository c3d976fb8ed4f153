"""What the tests of the scripts stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.lua.scene import Scene
from tests.lua.stock import Stock


@pytest.fixture
def scene(redis_url: str, prefix: str, redis_client: redis.Redis) -> Iterator[Scene]:
    """Give an empty queue under a simulated clock."""
    scene = Scene(redis_url, prefix, redis_client)
    yield scene
    scene.close()


@pytest.fixture
def declared(redis_url: str, prefix: str, redis_client: redis.Redis) -> Iterator[Scene]:
    """Give an empty queue that charges what tasks declare."""
    scene = Scene(redis_url, prefix, redis_client, cost="declared")
    yield scene
    scene.close()


@pytest.fixture
def timed(redis_url: str, prefix: str, redis_client: redis.Redis) -> Iterator[Scene]:
    """Give an empty queue that charges run time."""
    scene = Scene(redis_url, prefix, redis_client, cost="time")
    yield scene
    scene.close()


@pytest.fixture
def stock(scene: Scene) -> Stock:
    """Give a queue with something of every kind."""
    scene.__class__ = Stock
    assert isinstance(scene, Stock)
    scene.fill()
    return scene
