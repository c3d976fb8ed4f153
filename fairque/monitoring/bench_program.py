"""What the server's own program reaches: `redis-benchmark`, which is written in C and keeps 50 connections."""

from __future__ import annotations

import csv
import shutil
import subprocess
from functools import cache
from typing import Any, Final

from fairque.errors import EmbeddedServerError
from fairque.store.embedded import find_server

_LIMIT: Final = 60.0
"""Seconds after which it is given up."""


def sets_a_second(client: Any, key: str, value: bytes, calls: int, *, pipeline: int = 1) -> float | None:
    """Return how many SETs a second it does, so many in a pipeline, on the server of redis-py's `client`; None where
    it is not installed or does not get there.
    """
    program, way = _program(), _way_to(client)
    if program is None or way is None:
        return None
    command = [program, *way, "-n", str(calls), "-P", str(pipeline), "--csv", "SET", key, value.decode()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    lines = list(csv.DictReader(done.stdout.splitlines()))
    return float(lines[-1]["rps"]) if lines else None


@cache
def _program() -> str | None:
    """Return the program beside the server that `embedded://` runs, else one on PATH."""
    names = ("redis-benchmark", "valkey-benchmark")
    try:
        beside = [str(find_server().with_name(name)) for name in names]
    except EmbeddedServerError:
        beside = []
    return next((found for name in (*beside, *names) if (found := shutil.which(name))), None)


def _way_to(client: Any) -> list[str] | None:
    """Return its options; None where there is a password, which every user of the machine would see, or TLS."""
    pool = client.connection_pool
    told = pool.connection_kwargs
    if told.get("password") or "SSL" in pool.connection_class.__name__:
        return None
    place = (
        ["-s", told["path"]]
        if "path" in told
        else ["-h", told.get("host", "localhost"), "-p", str(told.get("port", 6379))]
    )
    return [*place, "--dbnum", str(told.get("db") or 0)]
