"""`fairque bench`: how fast this queue is on this machine, beside what redis-py and the server can do at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from fairque.cli.entry import json_option

if TYPE_CHECKING:
    from fairque.monitoring.bench import Bench, Report


class Counts(click.ParamType[tuple[int, ...]]):
    """`10,10000`: numbers of users, each from 1 to 1,000,000."""

    name = "N,N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers in order, each once."""
        if isinstance(value, tuple):
            return value
        counts = tuple(dict.fromkeys(int(n) if n.strip().isdecimal() else 0 for n in str(value).split(",")))
        if not all(1 <= count <= 1_000_000 for count in counts):
            self.fail(f"expected numbers of users such as 10,10000, not {value!r}", param, ctx)
        return counts


@click.command
@json_option
@click.option("--quick", is_flag=True, help="One short round, in a few seconds: to see that it works.")
@click.option("--url", metavar="URL", help="The server to measure; without it a private one is started.")
@click.option("--users", type=Counts(), help="How many users at once; else 10,100,10000.")
@click.option("--tasks", type=click.IntRange(1, 10_000_000), help="Tasks of a batch or drain; 50,000, or quick 5,000.")
def bench(*, as_json: bool, quick: bool, url: str | None, users: tuple[int, ...] | None, tasks: int | None) -> None:
    """Measure how fast fairque is on this machine.

    Each figure stands beside its ratio to what plain redis-py reaches in the same run. The machine's noise is in all of
    them, so compare ratios. It writes under a prefix of its own, which is removed at the end.
    """
    from fairque.monitoring.bench import USERS, Bench, Plan  # with its worker and redis-py; `--help` needs none of it

    counts = users or USERS
    plan = Plan.quick(counts, tasks) if quick else Plan(users=counts, tasks=tasks or Plan().tasks)
    run = Bench(plan, url)
    if as_json:
        click.echo(msgspec.json.encode(run.run()))
    else:
        _show(_with_progress(run))


def _with_progress(run: Bench) -> Report:
    from rich.progress import Progress

    from fairque.monitoring.tables import make_console

    console = make_console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=run.steps)
        run.on_step = lambda what: progress.update(bar, advance=1, description=what)
        return run.run()


def _show(report: Report) -> None:
    from fairque.monitoring.bench_targets import page_of
    from fairque.monitoring.tables import make_console

    console = make_console()
    console.print(page_of(report, pretty=console.is_terminal))
