"""What a run has found, for people: tables in the terminal, the same as Markdown, and a picture of each curve."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from curves.curve import Curve, Goal, Results, Series
from rich.console import Group
from rich.text import Text

from fairque.monitoring.bench_targets import lines_of
from fairque.monitoring.picture import FAINT, PALETTE, Line, Panel, draw
from fairque.monitoring.tables import plain_table

ROW = 250.0
"""Pixels from one panel to the next."""


class Table(NamedTuple):
    """Cells of text under a title, with a sentence on what they are."""

    name: str
    title: str
    what: str
    columns: list[str]
    rows: list[list[str]]
    facts: list[str]


def tables_of(results: Results) -> Iterator[Table]:
    """Yield everything as tables: main figures, each curve, and in the end what was reached."""
    if results.main is not None:
        rows = [[line.name, line.figure, line.ratio, line.target, line.verdict] for line in lines_of(results.main)]
        columns = ["figure", "measured", "ratio", "target", ""]
        yield Table("", "Main figures", "Medians of the rounds; the ratio is to the floor named.", columns, rows, [])
    for curve in results.curves:
        yield _table_of(curve)
    if goals := [goal for curve in results.curves for goal in curve.goals]:
        yield Table("", "What the curves should reach", "", ["figure", "measured", "target", ""], _verdicts(goals), [])


def page_of(results: Results, *, pretty: bool) -> Group:
    """Return everything for a terminal."""
    parts = []
    for table in tables_of(results):
        drawn = plain_table(pretty=pretty)
        for n, column in enumerate(table.columns):
            drawn.add_column(column, justify="left" if n == 0 or not table.name else "right")
        for row in table.rows:
            drawn.add_row(*(Text(cell, _colour(cell) if pretty else "") for cell in row))
        parts += [
            Text(table.title, "bold" if pretty else ""),
            *([Text(table.what, "dim" if pretty else "")] if table.what else []),
        ]
        parts += [drawn, *(Text(fact) for fact in table.facts), Text()]
    return Group(*parts, Text(_origin(results), "dim" if pretty else ""))


def markdown_of(results: Results) -> str:
    """Return everything as Markdown; the pictures lie beside it."""
    lines = ["# Speed", "", _origin(results), ""]
    for table in tables_of(results):
        lines += [f"## {table.title}", ""]
        lines += [table.what, ""] if table.what else []
        lines += [_row(table.columns), _row(["---"] + ["---:" if table.name else "---"] * (len(table.columns) - 1))]
        lines += [*map(_row, table.rows), ""]
        lines += ["; ".join(table.facts) + ".", ""] if table.facts else []
        lines += [f"![{table.title}]({table.name}.svg)", ""] if table.name else []
    return "\n".join(lines)


def picture_of(curve: Curve, results: Results) -> str:
    """Return a curve as SVG: a panel for each unit, goals and floors dashed."""
    ordered = sorted(curve.series, key=lambda series: [one.unit for one in curve.series].index(series.unit))
    panels = [
        _panel(curve, unit, list(group), row)
        for row, (unit, group) in enumerate(groupby(ordered, lambda one: one.unit))
    ]
    height = round(120 + ROW * len(panels) + 30)
    return draw(curve.title, ("Dashed: goals and floors.",), panels, _origin(results), height=height)


def _table_of(curve: Curve) -> Table:
    shown = [series for series in curve.series if series.kind != "goal"]
    columns = [curve.x_name, *(f"{series.name}, {series.unit}" for series in shown)]
    rows = [
        [f"{x:,g}" if x < 1e6 else f"{x:,.0f}", *(number(series.values[n]) for series in shown)]
        for n, x in enumerate(curve.x)
    ]
    facts = [f"{name}: {int(value) if value == int(value) else number(value)}" for name, value in curve.facts.items()]
    return Table(curve.name, curve.title, curve.what, columns, rows, facts)


def number(value: float | None) -> str:
    """Return a figure with three digits that count, and a dash for none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _verdicts(goals: list[Goal]) -> list[list[str]]:
    return [[goal.name, goal.measured, goal.target, "met" if goal.met else "missed"] for goal in goals]


def _panel(curve: Curve, unit: str, group: list[Series], row: int) -> Panel:
    values = [value for series in group for value in series.values if value is not None]
    top = max(values)
    measured = iter(PALETTE)
    lines = tuple(
        Line(
            points=tuple((x, y) for x, y in zip(curve.x, series.values, strict=True) if y is not None),
            colour=FAINT if series.kind != "measured" else next(measured),
            label=series.name,
            dashed=series.kind != "measured",
            dot=series.kind == "measured",
        )
        for series in group
    )
    return Panel(
        place=(84.0, 140.0 + ROW * row, 620.0, ROW - 80),
        title=unit,
        x_label=curve.x_name,
        x=(curve.x[0], curve.x[-1]),
        y=(min(values) / 1.2, top * 1.2) if curve.log_y else (0.0, top * 1.1),
        lines=lines,
        log_x=curve.log_x,
        log_y=curve.log_y,
        marks=tuple(curve.x),
    )


def _origin(results: Results) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in results.versions.items())
    return f"{'A quick run, too short to say much. ' if results.quick else ''}{results.date}, {versions}."


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _colour(cell: str) -> str:
    return {"met": "green", "missed": "red"}.get(cell, "")
