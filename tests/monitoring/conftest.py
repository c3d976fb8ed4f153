"""A ward for each test of the doctor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.monitoring.ward import Ward


@pytest.fixture
def ward(redis_url: str, prefix: str) -> Iterator[Ward]:
    ward = Ward(redis_url, prefix)
    yield ward
    ward.close()
