"""`fairque info`, or `fairque-info`: what a queue holds, whom it serves, how fairly; its workers and schedules."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import click
from rich.console import Console, RenderableType
from rich.live import Live

from fairque.cli import entry
from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.scheduling import opened
from fairque.monitoring.fairness_page import fairness_page, report_json
from fairque.monitoring.overview import look
from fairque.monitoring.overview_page import overview_page
from fairque.monitoring.tables import make_console, show, totals_table
from fairque.queue.queue import TaskQueue
from fairque.scheduler.scheduler import TaskScheduler

_EVERY: Final = 1.0
"""Seconds between two looks of --watch."""
_MOST_ROWS: Final = 40
"""Users shown on a terminal; a pipe gets all."""
_MOST_SCHEDULES: Final = 10
"""Schedules shown anywhere: those that fire next."""


class _View(NamedTuple):
    """What of which queue is looked at."""

    scheduler: TaskScheduler
    queue: TaskQueue
    address: str
    user_id: str | None
    only_stats: bool
    fairness: bool


@click.command
@config_option
@click.option("--stats", "only_stats", is_flag=True, help="Only the totals.")
@click.option("--fairness", is_flag=True, help="What users were entitled to of late, and what they got.")
@click.option("--user", "user_id", metavar="USER", help="Only this user.")
@click.option("--watch", is_flag=True, help="Look again each second, until Ctrl-C.")
@json_option
def info(
    *, config_path: Path | None, only_stats: bool, fairness: bool, user_id: str | None, watch: bool, as_json: bool
) -> None:
    """Show what waits, runs and failed, per user; how service was shared in the last hour; workers and schedules.

    With --json: {"queue", "stats", "users", "workers", "schedulers", "schedules"}, with --stats {"queue", "stats"},
    with --fairness {"queue", "cost", "jain", "noisy", "users"}; a line each second with --watch.
    """
    if only_stats and fairness:
        raise click.UsageError("--stats and --fairness: give one of them")
    with opened(config_path) as found:
        view = _View(*found, user_id, only_stats, fairness)
        if as_json:
            _print_each(view, watch=watch)
        else:
            _show(view, watch=watch)


def main() -> NoReturn:
    """Run the program `fairque-info`."""
    entry.run(info)


def _print_each(view: _View, *, watch: bool) -> None:
    try:
        while True:
            print_json(_plain(view))
            if not watch:
                return
            time.sleep(_EVERY)
    except KeyboardInterrupt:
        return


def _plain(view: _View) -> dict[str, Any]:
    if view.only_stats:
        return {"queue": view.queue.name, "stats": view.queue.get_stats()}
    if view.fairness:
        return report_json(view.queue.name, view.queue.fairness(), view.user_id)
    return look(view.queue, view.scheduler, view.user_id).to_json()


def _show(view: _View, *, watch: bool) -> None:
    console = make_console()
    if not watch:
        show(console, _page(view, console, fill=False))
        return
    try:
        if not console.is_terminal:
            while True:
                show(console, _page(view, console, fill=True))
                console.print()
                time.sleep(_EVERY)
        with Live(_page(view, console, fill=True), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_EVERY)
                live.update(_page(view, console, fill=True), refresh=True)
    except KeyboardInterrupt:
        return


def _page(view: _View, console: Console, *, fill: bool) -> RenderableType:
    """Read and draw once. `fill`: as many users as the terminal has room for."""
    pretty = console.is_terminal
    if view.only_stats:
        return totals_table(view.queue.get_stats())
    if view.fairness:
        report = view.queue.fairness()
        rows = _rows(console, fill=fill, taken=11)
        return fairness_page(
            report, queue=view.queue.name, address=view.address, user_id=view.user_id, pretty=pretty, rows=rows
        )
    overview = look(view.queue, view.scheduler, view.user_id, _MOST_SCHEDULES)
    taken = sum(2 + len(lines) for lines in (overview.schedulers, overview.schedules) if lines)
    taken += 16 + 2 * bool(overview.paused) + len(overview.workers)
    rows = _rows(console, fill=fill, taken=taken)
    return overview_page(overview, address=view.address, pretty=pretty, rows=rows)


def _rows(console: Console, *, fill: bool, taken: int) -> int | None:
    """Return how many users are shown; None: all. `taken` lines are for the rest of the page."""
    if not console.is_terminal:
        return None
    return max(3, console.height - taken) if fill else _MOST_ROWS
