"""A doctor's report for people: a line for each finding with its remedy, and a line for all of it."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.monitoring.doctor_report import Report

_FIRST: Final = (
    "Before you mend them, find out what else writes there, or whether Redis evicted keys or lost writes (a failover, "
    "an old backup)."
)
_SHOWN: Final = 3
"""Findings of one code that are shown; machines get more."""
_STYLES: Final = {"error": "bold red", "warning": "yellow", "info": "dim"}


def report_json(report: Report) -> dict[str, Any]:
    """Return a report as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return {"queue": report.queue, "healthy": report.healthy, **plain}


def report_page(report: Report) -> RenderableType:
    """Return the findings, the worst first, and the summary."""
    parts: list[RenderableType] = []
    if report.findings:
        parts += [_table(report), Text()]
    if any(one.code.startswith("I") and one.severity == "error" for one in report.findings):
        parts += [Text(f"The `names` are keys behind {report.keys}. {_FIRST}"), Text()]
    parts += [Text(f"not looked at: {what}", "dim") for what in report.skipped]
    return Group(*parts, summary(report))


def summary(report: Report) -> Text:
    """Return the line for all of it."""
    errors, warnings = (sum(one.severity == kind for one in report.findings) for kind in ("error", "warning"))
    errors += sum(report.more.values())
    words = [_many(count, what) for count, what in ((errors, "error"), (warnings, "warning")) if count]
    said = "healthy" if report.healthy else "not healthy"
    head = f"{said}{', ' if words else ''}{', '.join(words)}: "
    looked = [_many(report.users, "user"), _many(report.tasks, "task"), _many(report.workers, "worker")]
    records = "" if report.records >= report.kept else f" ({report.records:,} of {report.kept:,} records read)"
    style = "bold green" if report.healthy and not warnings else "bold yellow" if report.healthy else "bold red"
    return Text.assemble((head, style), f"{', '.join(looked)} checked in {_many(report.calls, 'call')}{records}")


def _table(report: Report) -> Table:
    """Return the findings by code: some of each, how many more there are, and what to do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for code, group in groupby(report.findings, lambda one: one.code):
        found = list(group)
        style, before = _STYLES[found[0].severity], ""
        for one in found[:_SHOWN]:
            said = "" if one.text == before else one.text
            table.add_row(
                *(("", "") if before else (Text(one.severity, style), code)), Text(one.subject, "bold"), Text(said)
            )
            before = one.text
        more = len(found[_SHOWN:]) + report.more.get(code, 0)
        if more:
            table.add_row("", "", Text(f"and {more:,} more", "dim"), "")
        table.add_row("", "", Text("remedy", "dim"), Text(found[0].remedy, "italic"))
    return table


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
