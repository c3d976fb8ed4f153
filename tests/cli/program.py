"""The program `fairque`, run as people run it: a process of its own, with an environment and a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FAIRQUE = (sys.executable, "-m", "fairque")
FAIRQUE_INFO = (sys.executable, "-c", "from fairque.cli.info import main; main()")

TASKS = """
from datetime import date

from fairque import task


@task
def double(number: int) -> int:
    return 2 * number


@task
def weekday(day: date) -> str:
    assert isinstance(day, date)
    return f"{day:%A}"
"""


def environ(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with no setting of fairque but these."""
    looks = {"NO_COLOR", "FORCE_COLOR"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRQUE_") and name not in looks}
    return kept | {"COLUMNS": "120"} | dict(settings or {})


def settings(redis_url: str, prefix: str, **more: str) -> dict[str, str]:
    """Return the variables that name a server and keys of one's own."""
    return {"FAIRQUE_REDIS__URL": redis_url, "FAIRQUE_QUEUE__PREFIX": prefix, **more}


def run(
    *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, program: tuple[str, ...] = FAIRQUE
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*program, *words], env=environ(env), cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(place: Path, env: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command for the time of the block; it is killed at its end."""
    with subprocess.Popen(
        [*FAIRQUE, *words], env=environ(env), cwd=place, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def is_alive(pid: int) -> bool:
    """Whether there is a process of that id (one that only waits to be collected is none)."""
    asked = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip() != "" and not asked.stdout.startswith("Z")
