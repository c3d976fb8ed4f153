"""Fixtures of the tests of random graphs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairque import Worker
from tests.graphs.ground import config_of, opened
from tests.graphs.play import Ground


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """Give a queue of the module's own, with two workers in this process."""
    with opened() as ground, Worker(config_of(ground.url, "w1")), Worker(config_of(ground.url, "w2")):
        yield ground
