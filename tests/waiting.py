"""How a test waits: for a condition, with a name, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

POLL = 0.005  # seconds


def wait_until(predicate: Callable[[], object], *, description: str, timeout: float = 10.0) -> None:
    """Return when `predicate()` is true; fail the test with `description` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout:g} s until {description}")
        time.sleep(POLL)
