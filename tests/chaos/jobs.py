"""The tasks of a chaos run. What a run returns says which run it was, so that the accepted one can be told."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from fairque import Retry, current_task, task

Run = tuple[str, int, int]
"""Serial, attempt and pid."""


def _this(serial: str) -> Run:
    return serial, current_task().attempt, os.getpid()


@task
def quick(serial: str) -> Run:
    return _this(serial)


@task
async def coroutine(serial: str) -> Run:
    await asyncio.sleep(0.001)
    return _this(serial)


@task
def slow(serial: str, seconds: float) -> Run:
    time.sleep(seconds)
    return _this(serial)


@task
def narrow(serial: str, seconds: float) -> Run:
    """Be of the name that has a cap."""
    time.sleep(seconds)
    return _this(serial)


@task(max_retries=5)
def flaky(serial: str, failures: int) -> Run:
    """Fail in the first so many attempts."""
    if current_task().attempt <= failures:
        raise Retry(delay=0.05)
    return _this(serial)


@task(max_retries=0)
def doomed(serial: str) -> Run:
    raise RuntimeError(serial)


@task
def poison(serial: str) -> Run:
    os.kill(os.getpid(), signal.SIGKILL)
    return _this(serial)
