"""What a measurement of speed tells, as a table: for a terminal, and for the README."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from statistics import median
from textwrap import wrap
from typing import Any, NamedTuple

from measures import Figures
from rich.console import Group
from rich.table import Table
from rich.text import Text


class Column(NamedTuple):
    """A figure of the table, and the others that stand in its cell."""

    heading: str
    figure: str
    """By which the best is found."""
    best: Callable[[Sequence[float]], float]
    cell: str
    """A format of all figures."""


COLUMNS = (
    Column("push, one by one", "push_s", max, "{push_s:,.0f}/s ({push_ratio:.2f})"),
    Column("its p50, p99", "push_p99_us", min, "{push_p50_us:,.0f}, {push_p99_us:,.0f} µs"),
    Column("push in bulk", "bulk_s", max, "{bulk_s:,.0f}/s ({bulk_ratio:.2f})"),
    Column("drain", "drain_s", max, "{drain_s:,.0f}/s ({drain_ratio:.3f})"),
    Column("pickup p50, p99", "pickup_p50_ms", min, "{pickup_p50_ms:.2f}, {pickup_p99_ms:.2f} ms ({pickup_ratio:.0f})"),
    Column("memory of a queued task", "task_bytes", min, "{task_bytes:,.0f} B"),
    Column("commands a task", "task_commands", min, "{task_commands:.1f}"),
    Column("round trips a task", "task_reads", min, "{task_reads:.2f}"),
)
FLOORS = ("set_s", "set_p50_us", "evalsha_s", "pipelined_set_s")
FLOOR = (
    "In brackets: the ratio to what redis-py reached on the same server, EVALSHA of `return 1` ({evalsha_s:,.0f}/s in "
    "the median) for single pushes, SET in pipelines of 1,000 ({pipelined_set_s:,.0f}/s) for bulk and drain; for the "
    "pickup, how many round trips of SET ({set_p50_us:.0f} µs) it took."
)
NONE = "–"
WIDTH = 120  # of the README's lines
CRASH = "a crashed worker's tasks"

Cells = list[tuple[str, bool]]
"""What stands in the cells of a row, and whether it is the best of its column."""


def line_of(figures: Figures) -> str:
    """Return a round's figures as a line."""
    found = asdict(figures)
    return "; ".join(f"{column.heading} {_cell(column, found)}" for column in COLUMNS if found[column.figure])


def as_table(document: dict[str, Any]) -> Group:
    """Return the table for a terminal, with what else each promises below it."""
    table = Table(title="A no-op task with one small argument, one worker process, results kept", title_justify="left")
    for heading in ("queue", "worker"):
        table.add_column(heading)
    for column in COLUMNS:
        table.add_column(column.heading, justify="right")
    for entry, cells in rows_of(document):
        shown = [Text(text, style="bold green" if best else "") for text, best in cells]
        table.add_row(_label(entry), entry["worker"], *(shown or [Text(NONE)] * len(COLUMNS)))
    legend = [*about(document), *_promises(document)]
    errors = [
        f"{entry['name']} could not take part: {entry['error']}" for entry in document["entries"] if "error" in entry
    ]
    return Group(table, Text("\n".join(legend), style="dim"), *(Text(error, style="red") for error in errors))


def as_markdown(document: dict[str, Any]) -> str:
    """Return the README's table, with its legend below."""
    columns = [column for column in COLUMNS if column.figure not in ("push_p99_us", "task_commands")]
    headings = ["queue", *(column.heading for column in columns), CRASH]
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for entry, cells in rows_of(document, columns):
        shown = [f"**{text}**" if best else text for text, best in cells] or [NONE] * len(columns)
        label = f"{_label(entry)}, {entry['worker']}"
        last = f"could not take part: {entry['error']}" if "error" in entry else entry["crash"]
        lines.append(f"| {' | '.join([label, *shown, last])} |")
    return "\n".join([*lines, "", *wrap(" ".join(about(document)), WIDTH)]) + "\n"


def rows_of(document: dict[str, Any], columns: Sequence[Column] = COLUMNS) -> list[tuple[dict[str, Any], Cells]]:
    """Return each entry with its cells; there are none for who could not take part."""
    medians = [entry["median"] for entry in document["entries"] if "median" in entry]
    best = {column: column.best(values) for column in columns if (values := _values(medians, column))}

    def cells(found: dict[str, Any]) -> Cells:
        return [(_cell(column, found), found[column.figure] == best.get(column, NONE)) for column in columns]

    return [(entry, cells(entry["median"]) if "median" in entry else []) for entry in document["entries"]]


def about(document: dict[str, Any]) -> list[str]:
    """Return how it was measured, in sentences."""
    medians = [entry["median"] for entry in document["entries"] if "median" in entry]
    lines = [
        f"Medians of {document['plan']['rounds']} interleaved rounds, each on a new server: {_server(document)}, "
        f"Python {document['python']}, {document['cores']} cores, {document['date'][:10]}. Bold is the best."
    ]
    if medians:
        floor = {figure: median(found[figure] for found in medians) for figure in FLOORS}
        lines.append(FLOOR.format(**floor))
    return lines


def _values(medians: Sequence[dict[str, Any]], column: Column) -> list[float]:
    return [found[column.figure] for found in medians if found[column.figure] is not None]


def _cell(column: Column, found: dict[str, Any]) -> str:
    return NONE if found[column.figure] is None else column.cell.format(**found)


def _label(entry: dict[str, Any]) -> str:
    return f"{entry['title']} {next(iter(entry['versions'].values()))}"


def _server(document: dict[str, Any]) -> str:
    name, *_ = document["server"].split()
    number = re.search(r"v=([\d.]+)", document["server"])
    return f"{name} {number[1]}" if number else str(document["server"])


def _promises(document: dict[str, Any]) -> list[str]:
    return [
        f"{entry['name']}: acknowledged {entry['acknowledged']}; a crashed worker's tasks: {entry['crash']}; "
        f"results kept {entry['results']}; {entry['fairness']}" + (f"; {entry['note']}." if entry["note"] else ".")
        for entry in document["entries"]
    ]
