"""The demo for people: a page while it runs, a summary at its end; or the same as plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fairque.monitoring.demo_files import LATE, NOISY
from fairque.monitoring.demo_progress import Frame, Standing
from fairque.monitoring.demo_report import Found, Report, TeamReport
from fairque.monitoring.tables import bar, plain_table, quantity, span, wait_text

COLOURS: Final = {NOISY: "yellow", "team-search": "cyan", "team-billing": "green", LATE: "magenta"}
_WIDE: Final = 100
"""Columns of a terminal from which on there is room for everything."""


def live_page(frame: Frame, told: Sequence[tuple[float, str]], *, width: int) -> RenderableType:
    """Return the demo as it stands, with what has happened so far, for a terminal of so many columns."""
    progress = Table.grid(padding=(0, 2))
    progress.add_row(
        ProgressBar(
            total=frame.total,
            completed=frame.done,
            width=48 if width >= _WIDE else 30,
            complete_style="bold",
            finished_style="green",
        ),
        Text(f"{frame.done:,} of {frame.total:,} tasks"),
        Text(f"{frame.seconds:.1f} s", "dim"),
    )
    return Group(
        _heading(), Text(), _standings(frame, 20 if width >= _WIDE else 10), Text(), progress, Text(), *told_lines(told)
    )


def told_lines(told: Sequence[tuple[float, str]]) -> list[Text]:
    """Return what has happened, a line each."""
    return [Text.assemble((f"{at:5.1f} s  ", "dim"), _coloured(text)) for at, text in told]


def plain_line(frame: Frame) -> str:
    """Return the demo as it stands on one line."""
    teams = "  ".join(
        f"{one.team.user_id.removeprefix('team-')} {one.done:,}/{len(one.team.files):,}" if one.arrived else ""
        for one in frame.standings
    )
    return f"{frame.seconds:5.1f} s  {frame.done / frame.total:4.0%}  {teams}".rstrip()


def summary(report: Report, *, pretty: bool, width: int) -> RenderableType:
    """Return what the demo came to. `pretty` is for terminals, of so many columns."""
    ran = ", ".join(f"{worker['id']} {worker['tasks']:,}" for worker in report.workers)
    unreadable = sum(team.unreadable for team in report.teams)
    broken = f" Not Python, on purpose, since tests read them: {unreadable} files." if unreadable else ""
    work = (
        f"{report.tasks:,} files with {report.lines:,} lines and {report.tokens:,} tokens in {report.seconds:.1f} s; "
        f"tasks per worker: {ran}.{broken}"
    )
    found = [
        _found("longest functions", "lines", report.longest_functions, pretty=pretty),
        _found("functions with most branches", "branches", report.knottiest_functions, pretty=pretty),
        _found("largest files", "bytes", report.largest_files, pretty=pretty),
    ]
    parts: list[RenderableType] = [_times(report.teams, pretty=pretty), Text()]
    parts += [Text(report.fairness_line, "bold"), Text(), *_beside(found, width=width), Text(work, "dim")]
    if report.failed:
        parts.append(Text(f"{report.failed:,} tasks failed", "bold red"))
    return Group(*parts)


def _heading() -> Text:
    return Text.assemble(
        ("fairque demo", "bold"), ("  one team floods the queue, three want little; two workers", "dim")
    )


def _standings(frame: Frame, bar_width: int) -> Table:
    table = plain_table(pretty=True)
    table.add_column("team", no_wrap=True)
    for name in ("waiting", "running", "done"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    for name in ("wait p50", "p95"):
        table.add_column(name, justify="right", no_wrap=True, min_width=7)
    for one in frame.standings:
        table.add_row(*_standing(one, bar_width))
    return table


def _standing(one: Standing, bar_width: int) -> list[Text]:
    user, total = one.team.user_id, len(one.team.files)
    colour = COLOURS.get(user, "white")
    if not one.arrived:
        return [Text(user, "dim"), *[Text("-", "dim") for _ in range(3)], Text("later", "dim")]
    return [
        Text(user, colour),
        quantity(one.waiting),
        quantity(one.running),
        quantity(one.done, "bold green" if one.done == total else ""),
        Text(bar(one.done / total, bar_width), colour),
        Text(f"{one.share:.0%}", "" if one.share else "dim"),
        Text(wait_text(one.wait_p50_ms)),
        Text(wait_text(one.wait_p95_ms)),
    ]


def _times(teams: Sequence[TeamReport], *, pretty: bool) -> Table:
    table = plain_table(pretty=pretty)
    table.add_column("team", no_wrap=True)
    for name in ("tasks", "came at", "all done in", "in line*", "wait p50", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    for team in teams:
        table.add_row(
            Text(team.user_id, COLOURS.get(team.user_id, "white")),
            quantity(team.tasks),
            Text(span(team.arrived_s)),
            Text(span(team.took_s), "bold"),
            Text(span(team.took_in_line_s), "dim"),
            Text(wait_text(team.wait_p50_ms)),
            Text(wait_text(team.wait_p95_ms)),
        )
    table.caption = "* the same results in order of arrival: first come, first served"
    table.caption_justify, table.caption_style = "left", "dim"
    return table


def _found(title: str, unit: str, found: Sequence[Found], *, pretty: bool) -> Table:
    table = plain_table(pretty=pretty)
    longest = max((len(f"{one.amount:,}") for one in found), default=0)
    table.add_column(unit, justify="right", no_wrap=True, min_width=max(len(unit), longest))
    table.add_column(title, no_wrap=True)
    for one in found:
        table.add_row(
            f"{one.amount:,}",
            Text.assemble(*((one.name, "  ") if one.name else ()), (one.path, "dim" if one.name else "")),
        )
    return table


def _beside(tables: Sequence[Table], *, width: int) -> list[RenderableType]:
    """Return the tables side by side, as many as there is room for, each row of them with a blank line after it."""
    columns = 1 if width < _WIDE else 2 if width < 150 else 3
    rows: list[RenderableType] = []
    for first in range(0, len(tables), columns):
        row = Table.grid(padding=(0, 4))
        row.add_row(*tables[first : first + columns])
        rows += [row, Text()]
    return rows


def _coloured(text: str) -> Text:
    """Return an event with the team that it begins with in its colour."""
    user, _, rest = text.partition(" ")
    return Text.assemble((user, COLOURS[user]), f" {rest}") if user in COLOURS else Text(text)
