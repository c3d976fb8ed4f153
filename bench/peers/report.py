"""What a race tells: a table for people, and the same as JSON."""

import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from statistics import median
from typing import Any

from contestants import WAYS, Contestant
from home import versions_of
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fairque.store.embedded import find_server


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave."""

    starts: int
    """Places of the list in Redis up to the last quiet task, that one included."""
    starts_by_clock: int
    """The same in the order of the tasks' own times: without what the threads' way to the list changes."""
    seconds: float
    """From the first start to the last quiet one."""


FIGURES = tuple(each.name for each in fields(Run))


@dataclass(slots=True)
class Entry:
    """One contestant in one way: what its repeats gave, or why there are none."""

    contestant: Contestant
    way: str
    runs: list[Run] = field(default_factory=list)
    error: str = ""


def as_document(entries: Sequence[Entry], noisy: int, quiet: int, repeats: int) -> dict[str, Any]:
    """Return everything about a race, fit for JSON."""
    server = subprocess.run([str(find_server()), "--version"], capture_output=True, text=True, check=True)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "server": server.stdout.strip(),
        "noisy_tasks": noisy,
        "quiet_tasks": quiet,
        "repeats": repeats,
        "even_share": 2 * quiet,
        "first_in_first_out": noisy + quiet,
        "entries": [_entry_document(entry) for entry in entries],
    }


def as_table(entries: Sequence[Entry], noisy: int, quiet: int, repeats: int) -> Group:
    """Return the table of a race, with its legend below."""
    table = Table(title=f"One user queues {noisy:,} tasks, then another {quiet}", title_justify="left")
    for heading in ("queue", "way", "worker"):
        table.add_column(heading)
    for heading in ("starts", "by the clock", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("a crashed worker's tasks")
    name = ""
    for entry in entries:
        if name and name != entry.contestant.name:
            table.add_section()
        name = entry.contestant.name
        table.add_row(*_cells(entry))
    legend = [
        f"starts: tasks started until the last of the {quiet}, that one included; {2 * quiet} is an even share, "
        f"{noisy + quiet:,} first in, first out.",
        "by the clock: the same in the order of the times that tasks take before they put themselves on the list; "
        "threads overtake one another on the way there.",
        "seconds: from the worker's first start to that last one.",
        f"Median of {repeats}, least and most in brackets; one worker process each.",
        *(f"{one.name}: {one.note}." for one in dict.fromkeys(entry.contestant for entry in entries) if one.note),
    ]
    return Group(table, Text("\n".join(legend), style="dim"))


def _cells(entry: Entry) -> tuple[str | Text, ...]:
    number = next(iter(versions_of(entry.contestant).values()))
    label = (f"{entry.contestant.name} {number}", WAYS[entry.way], entry.contestant.worker)
    if entry.error:
        return (*label, "failed", "", "", Text(entry.error, style="red"))
    figures = [
        _spread([getattr(run, figure) for run in entry.runs], form.format)
        for figure, form in zip(FIGURES, ("{:,.0f}", "{:,.0f}", "{:.3f}"), strict=True)
    ]
    return (*label, *figures, entry.contestant.crash)


def _spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    middle, least, most = (form(value) for value in (median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least}–{most})"


def _entry_document(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"runs": [asdict(run) for run in entry.runs]}
    if entry.error:
        found["error"] = entry.error
    else:
        found["median"] = {figure: median(getattr(run, figure) for run in entry.runs) for figure in FIGURES}
    about = asdict(entry.contestant)
    del about["pins"], about["ways"]
    return {**about, "way": entry.way, "versions": versions_of(entry.contestant), **found}
