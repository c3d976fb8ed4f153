"""`fairque info`, or `fairque-info`: what a queue holds, whom it serves, and which workers are up."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from rich.console import Console, RenderableType
from rich.live import Live

from fairque.cli import entry
from fairque.cli.entry import config_option, impatient, json_option, load_config, print_json
from fairque.monitoring.overview import look
from fairque.monitoring.tables import make_console, overview_page, show, totals_table
from fairque.queue.queue import TaskQueue

_EVERY: Final = 1.0
"""Seconds between two looks of --watch."""
_MOST_ROWS: Final = 40
"""Users shown on a terminal; a pipe gets all."""


@click.command
@config_option
@click.option("--stats", "only_stats", is_flag=True, help="Only the totals.")
@click.option("--user", "user_id", metavar="USER", help="Only this user.")
@click.option("--watch", is_flag=True, help="Look again each second, until Ctrl-C.")
@json_option
def info(*, config_path: Path | None, only_stats: bool, user_id: str | None, watch: bool, as_json: bool) -> None:
    """Show what waits, runs and failed, per user; how service was shared in the last hour; and the workers.

    With --json: {"queue", "stats", "users", "workers"}, or {"queue", "stats"} with --stats; a line each second with
    --watch.
    """
    from fairque.queue.queue import TaskQueue

    config = impatient(load_config(config_path))
    with TaskQueue(config) as queue:
        if as_json:
            _print_each(queue, user_id, only_stats=only_stats, watch=watch)
        else:
            _show(queue, user_id, address=config.redis.address, only_stats=only_stats, watch=watch)


def main() -> NoReturn:
    """Run the program `fairque-info`."""
    entry.run(info)


def _print_each(queue: TaskQueue, user_id: str | None, *, only_stats: bool, watch: bool) -> None:
    try:
        while True:
            print_json(_plain(queue, user_id, only_stats=only_stats))
            if not watch:
                return
            time.sleep(_EVERY)
    except KeyboardInterrupt:
        return


def _plain(queue: TaskQueue, user_id: str | None, *, only_stats: bool) -> dict[str, Any]:
    if only_stats:
        return {"queue": queue.name, "stats": queue.get_stats()}
    return look(queue, user_id).to_json()


def _show(queue: TaskQueue, user_id: str | None, *, address: str, only_stats: bool, watch: bool) -> None:
    console = make_console()

    def page() -> RenderableType:
        return _page(queue, user_id, console, address=address, only_stats=only_stats, fill=watch)

    if not watch:
        show(console, page())
        return
    try:
        if not console.is_terminal:
            while True:
                show(console, page())
                console.print()
                time.sleep(_EVERY)
        with Live(page(), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_EVERY)
                live.update(page(), refresh=True)
    except KeyboardInterrupt:
        return


def _page(
    queue: TaskQueue, user_id: str | None, console: Console, *, address: str, only_stats: bool, fill: bool
) -> RenderableType:
    """Read and draw once. `fill`: as many users as the terminal has room for."""
    pretty = console.is_terminal
    if only_stats:
        return totals_table(queue.get_stats())
    overview = look(queue, user_id)
    rows = None
    if pretty:
        rows = max(3, console.height - 16 - len(overview.workers)) if fill else _MOST_ROWS
    return overview_page(overview, address=address, pretty=pretty, rows=rows)
