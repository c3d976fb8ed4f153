"""`python -m tests.explore`: go through all states that script calls lead to, and say what was found."""

from __future__ import annotations

import itertools
import logging
import os
import sys

import click
import redis
from rich.console import Console
from rich.live import Live
from rich.progress import track
from rich.table import Table
from rich.text import Text

from fairque import FairQueueConfig
from fairque.core.settings import QueueSettings, RedisSettings
from tests.explore.actions import ACTIONS, MORE
from tests.explore.crashes import COLOURS, Graveyard, Point
from tests.explore.lives import COMMANDS, Life
from tests.explore.scenarios import SCENARIOS
from tests.explore.search import Search, Tally
from tests.lua.calls import CALLS
from tests.lua.planting import Cell, Field
from tests.server import delete_keys, server_url


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Explore the queue's states; without a command: `states`."""
    if context.invoked_subcommand is None:
        context.invoke(states)


@main.command()
@click.option("--depth", default=9, show_default=True, help="Steps away from an empty queue.")
@click.option("--more", is_flag=True, help="Also push again, delete, postpone, and finish and claim in one call.")
def states(depth: int = 9, more: bool = False) -> None:
    """Breadth first through all states; fails where an invariant does not hold."""
    console, prefix = Console(), f"explore-{os.getpid()}"
    with server_url() as url, redis.Redis.from_url(url) as client:
        search = Search(url, prefix, client, ACTIONS | MORE if more else ACTIONS)
        try:
            with Live(console=console, get_renderable=lambda: _line(search.tally)):
                tally = search.run(depth)
        finally:
            search.close()
            delete_keys(client, prefix)
    console.print(_table(tally))
    for violation in tally.violations:
        console.print(f"[red]{violation}", highlight=False)
    sys.exit(bool(tally.violations))


@main.command()
def crashes() -> None:
    """Let clients die at each moment of each call; fails where a task is lost or ends twice."""
    logging.disable(logging.CRITICAL)
    console, prefix, numbers = Console(), f"crashes-{os.getpid()}", itertools.count()
    table = Table(title="Deaths: before a call, after it, and with its answer in hand")
    for heading in ("client", "how", "deaths", "of these wrong"):
        table.add_column(heading, justify="right" if heading in ("deaths", "of these wrong") else "left")
    with server_url() as url, redis.Redis.from_url(url) as client:

        def config() -> FairQueueConfig:
            queue = QueueSettings(prefix=f"{prefix}-{next(numbers)}")
            return FairQueueConfig(redis=RedisSettings(url=url), queue=queue)

        graveyard = Graveyard(client, config)
        rows = [graveyard.points(name, colour) for name in SCENARIOS for colour in COLOURS]
        rows += [Life(client, config, command).points() for command in COMMANDS]
        total, wrong = 0, list[Point]()
        for points in map(list, track(rows, "dying", console=console, transient=True)):
            bad = [point for point in points if point.wrong]
            table.add_row(points[0].scenario, points[0].colour, str(len(points)), str(len(bad)))
            total, wrong = total + len(points), wrong + bad
        delete_keys(client, prefix)
    table.add_row("all", "", str(total), str(len(wrong)), style="bold")
    console.print(table)
    for point in wrong:
        console.print(f"[red]{' '.join(point)}", highlight=False)
    sys.exit(bool(wrong))


@main.command()
def types() -> None:
    """Plant a wrong type in each key, and call each script; fails where a refused call has left something behind."""
    console, prefix = Console(emoji=False), f"types-{os.getpid()}"
    table = Table(title="Refused in the middle: what is left behind")
    for heading in ("script", "key", "cells", "for example", "left behind"):
        table.add_column(heading)
    with server_url() as url, redis.Redis.from_url(url) as client:
        field = Field(url, prefix, client)
        cells = [cell for script in track(CALLS, "planting", console=console) for cell in field.cells(script)]
        field.close()
        delete_keys(client, prefix)
    bad: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell.verdict in ("partial", "misnamed"):
            bad.setdefault((cell.script, cell.kind), []).append(cell)
    for (script, kind), some in sorted(bad.items()):
        table.add_row(script, kind, str(len(some)), f"{some[0].what}: {some[0].key}", ", ".join(some[0].changed))
    console.print(table if bad else f"{len(cells):,} cells, and none is refused in the middle")
    sys.exit(bool(bad))


def _line(tally: Tally) -> Text:
    """Say in a line how far a search has come."""
    rate = tally.transitions / max(tally.seconds, 0.001)
    return Text.assemble(
        ("depth ", "dim"), (f"{tally.depth} ", "bold"), (f"{tally.done:,}/{tally.frontier:,}   ", "dim"),
        (f"{tally.states:,}", "bold cyan"), " states   ", (f"{tally.transitions:,}", "bold cyan"), " transitions   ",
        (f"{len(tally.violations)} violations", "bold red" if tally.violations else "bold green"),
        (f"   {rate:,.0f}/s   {tally.seconds:.0f} s", "dim"),
    )  # fmt: skip


def _table(tally: Tally) -> Table:
    """Return how often each action was taken."""
    table = Table(title=f"{tally.states:,} states within {tally.depth} steps")
    table.add_column("action")
    table.add_column("taken", justify="right")
    for action, times in tally.taken.items():
        table.add_row(action, f"{times:,}")
    table.add_row("sent again, or with an old token", f"{tally.loops:,}")
    return table


if __name__ == "__main__":
    main()
