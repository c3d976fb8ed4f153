"""What a measurement tells, of whichever kind: entries, and the same as JSON."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from statistics import median
from typing import Any, Generic, TypeVar

from contestants import Contestant
from home import versions_of

from fairque.store.embedded import find_server

R = TypeVar("R")
"""A dataclass of the figures of one run; None: this contestant has no such figure."""


@dataclass(slots=True)
class Entry(Generic[R]):
    """One contestant in one way: what its runs gave, or why there are none."""

    contestant: Contestant
    way: str = "shared"
    runs: list[R] = field(default_factory=list)
    error: str = ""


def document_of(entries: Sequence[Entry[Any]], **about: Any) -> dict[str, Any]:
    """Return everything about a measurement, fit for JSON."""
    server = subprocess.run([str(find_server()), "--version"], capture_output=True, text=True, check=True)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "server": server.stdout.strip(),
        **about,
        "entries": [_entry(entry) for entry in entries],
    }


def _entry(entry: Entry[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"runs": [{name: _rounded(at) for name, at in asdict(run).items()} for run in entry.runs]}
    if entry.error:
        found["error"] = entry.error
    else:
        found["median"] = {figure.name: _median(entry.runs, figure.name) for figure in fields(entry.runs[0])}
    about = asdict(entry.contestant)
    del about["pins"], about["ways"]
    return {**about, "way": entry.way, "versions": versions_of(entry.contestant), **found}


def _median(runs: Sequence[Any], figure: str) -> float | None:
    values = [value for run in runs if (value := getattr(run, figure)) is not None]
    return _rounded(median(values)) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
