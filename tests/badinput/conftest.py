"""Fixtures of the tests of bad input: one queue a module, since most cells write nothing at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.badinput.ground import Ground, opened


@pytest.fixture(scope="module")
def ground(redis_url: str) -> Iterator[Ground]:
    """Give the module's queue."""
    with opened(redis_url) as ground:
        yield ground
