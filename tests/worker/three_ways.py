"""Tasks that run on a thread, as a coroutine or in a child process, and tell the test through Redis what they do."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import redis

from fairque import Backoff, Retry, Task, current_task, task
from tests.waiting import POLL, wait_until

WAYS = ["thread", "coroutine", "process"]
AT_ONCE = Backoff(base=0)
PATIENCE = 20.0


class Wall:
    """What tasks write and tests read: a list in Redis."""

    def __init__(self, url: str, name: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._key = f"{name}:wall"

    def write(self, word: str) -> None:
        self._client.rpush(self._key, word)

    def read(self) -> list[str]:
        return [word.decode() for word in self._client.lrange(self._key, 0, -1) if isinstance(word, bytes)]

    def wait_for(self, word: str, count: int = 1) -> None:
        wait_until(lambda: self.read().count(word) >= count, description=f"{count} x {word!r}: {self.read()}")

    def pids(self) -> list[int]:
        """Return the processes in which tasks have begun, in order."""
        return [int(word.partition(" ")[2]) for word in self.read() if word.startswith("pid ")]

    def close(self) -> None:
        self._client.close()


def _begin(url: str, name: str) -> Wall:
    wall = Wall(url, name)
    wall.write(f"pid {os.getpid()}")
    wall.write(f"begun {current_task().attempt}")
    return wall


def _end(act: str) -> int:
    if act == "raise":
        raise ValueError("as asked")
    if act == "retry" and current_task().attempt < 3:
        raise Retry(delay=0)
    return current_task().attempt


@task(max_retries=2, retry_backoff=AT_ONCE)
def plain(url: str, name: str, act: str) -> int:
    """Do as asked; `hang` goes on until it is interrupted, `linger` until it is unwanted."""
    wall = _begin(url, name)
    try:
        if act == "hang":
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline and not current_task().should_stop:
                time.sleep(POLL)
            wall.write("told")
            while time.monotonic() < deadline:
                time.sleep(POLL)
        if act == "linger":
            wait_until(lambda: current_task().should_stop, description="the run is unwanted", timeout=PATIENCE)
        return _end(act)
    except BaseException as error:
        wall.write(type(error).__name__)
        raise
    finally:
        wall.close()


@task(max_retries=2, retry_backoff=AT_ONCE)
async def coroutine(url: str, name: str, act: str) -> int:
    wall = _begin(url, name)
    try:
        if act == "hang":
            await asyncio.sleep(PATIENCE)
        while act == "linger" and not current_task().should_stop:
            await asyncio.sleep(POLL)
        return _end(act)
    except BaseException as error:
        wall.write(type(error).__name__)
        raise
    finally:
        wall.close()


@task(max_retries=0, executor="process")
def die(url: str, name: str, how: str) -> None:
    """End the process in the middle of the task."""
    _begin(url, name).close()
    if how == "exit":
        os._exit(7)
    os.kill(os.getpid(), signal.Signals[how])


@task(executor="process")
def where() -> int:
    """Say in which process it runs."""
    return os.getpid()


@task(executor="process")
def keep_python_from_running(url: str, name: str) -> None:
    """Stay in C, and keep the interpreter's lock."""
    _begin(url, name).write("in C")
    re.match(r"(a+)+$", "a" * 64 + "b")


@task(executor="process")
def start_another(url: str, name: str, how: str) -> int:
    """Start a process that outlives its parent unless somebody ends it, and wait."""
    wall = _begin(url, name)
    if how == "fork":
        pid = os.fork()
        if pid == 0:
            time.sleep(PATIENCE)
            os._exit(0)
    else:
        pid = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({PATIENCE})"]).pid
    wall.write(f"pid {pid}")
    wall.write("started")
    time.sleep(PATIENCE)
    return pid


def asked(way: str, url: str, name: str, act: str, **options: Any) -> Task[int]:
    """Return the task that does as asked in one of the three ways."""
    if way == "coroutine":
        return coroutine(url, name, act).with_(user_id="user:1", **options)
    return plain(url, name, act).with_(user_id="user:1", executor=way, **options)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
