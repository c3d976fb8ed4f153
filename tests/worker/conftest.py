"""Fixtures of the tests of the worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worker.stage import House


@pytest.fixture
def house(redis_url: str, prefix: str) -> Iterator[House]:
    """Give a queue and a maker of workers; whatever still runs at the end is let go and stopped."""
    made = House(redis_url, prefix)
    yield made
    made.close()
