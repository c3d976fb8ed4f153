"""The one task of random graphs."""

from __future__ import annotations

import time

from fairque import current_task, task


@task(name="graphs:node", retry_backoff=0.005)
def node(failing: int, seconds: float = 0.0) -> int:
    """Be busy for a while, fail in the first so many attempts, and return the attempt in which it went well."""
    attempt = current_task().attempt
    time.sleep(seconds)
    if attempt <= failing:
        raise ValueError(f"attempt {attempt} of {failing} that fail")
    return attempt
