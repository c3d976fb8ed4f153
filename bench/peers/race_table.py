"""What a race tells, as a table for people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from contestants import WAYS
from home import versions_of
from report import Entry
from rich.console import Group
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave."""

    starts: int
    """Tasks started until the last quiet one, that one included, by the tasks' own stamps."""
    seconds: float
    """From the first start to the last quiet one."""


def as_table(entries: Sequence[Entry[Run]], noisy: int, quiet: int, repeats: int) -> Group:
    """Return the table of a race, with its legend below."""
    table = Table(title=f"One user queues {noisy:,} tasks, then another {quiet}", title_justify="left")
    for heading in ("queue", "way", "worker"):
        table.add_column(heading)
    for heading in ("starts", "seconds"):
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
        "seconds: from the worker's first start to that last one.",
        f"Median of {repeats}, least and most in brackets; one worker process each.",
        *(f"{one.name}: {one.note}." for one in dict.fromkeys(entry.contestant for entry in entries) if one.note),
    ]
    return Group(table, Text("\n".join(legend), style="dim"))


def _cells(entry: Entry[Run]) -> tuple[str | Text, ...]:
    number = next(iter(versions_of(entry.contestant).values()))
    label = (f"{entry.contestant.name} {number}", WAYS[entry.way], entry.contestant.worker)
    if entry.error:
        return (*label, "failed", "", Text(entry.error, style="red"))
    return (
        *label,
        _spread([run.starts for run in entry.runs], "{:,.0f}".format),
        _spread([run.seconds for run in entry.runs], "{:.3f}".format),
        entry.contestant.crash,
    )


def _spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    middle, least, most = (form(value) for value in (median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least}–{most})"
