"""`fairque flow`: tasks that were enqueued together and wait for each other; see how they stand, cancel them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.setting import opened
from fairque.cli.sweeping import ask, lasting, yes_option
from fairque.core.flow import MOST_DRAWN, FlowGraph, FlowSummary, is_mark
from fairque.core.state import TaskState
from fairque.errors import QueueRefusal, UnknownTask
from fairque.queue.queue import TaskQueue

if TYPE_CHECKING:
    from fairque.queue.run import Run

_EVERY: Final = 1.0
"""Seconds between two looks of --watch."""
_MOST: Final = 1_000
"""Flows that the queue shows at once."""

_run_argument = click.argument("run_id", metavar="RUN")
_user_option = click.option("--user", "user_id", metavar="USER", help="Whose flow it is; a run id you chose needs it.")


@click.group
def flow() -> None:
    """See how flows stand: tasks that were enqueued together and wait for each other. Cancel one as a whole.

    RUN is the run id that was given when it was enqueued, or the generated one that `list` shows.
    """


@flow.command("list")
@click.option("--user", "user_id", metavar="USER", help="Of this user.")
@click.option("--state", type=click.Choice([str(state) for state in TaskState]), help="That are in this state.")
@click.option("--limit", type=click.IntRange(1, 100_000), metavar="N", default=100, help="Flows at most; 100.")
@click.option("--cursor", metavar="C", help="Go on where another list ended.")
@config_option
@json_option
def list_(
    *,
    user_id: str | None,
    state: str | None,
    limit: int,
    cursor: str | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Show flows, the newest first: how far each is, and how it stands."""
    with opened(config_path) as (queue, _), lasting("reading flows", lambda: ""):
        found, cursor = _read(queue, user_id, state, limit, cursor)
    from fairque.monitoring.flow_page import flows_table, summary_json
    from fairque.monitoring.tables import make_console, show

    if as_json:
        print_json({"queue": queue.name, "flows": [summary_json(one) for one in found], "cursor": cursor})
        return
    console = make_console()
    if found:
        show(console, flows_table(found, now=datetime.now(UTC), pretty=console.is_terminal))
    elif cursor is None:
        click.echo("there is no flow" if (user_id, state) == (None, None) else "there is no such flow")
    if cursor is not None:
        click.echo(f"there may be more: --cursor {shlex.quote(cursor)}")


@flow.command("show")
@_run_argument
@_user_option
@click.option("--mermaid", is_flag=True, help="Print it as a Mermaid flowchart, for documents.")
@click.option("--watch", is_flag=True, help="Look again each second, until it has ended or Ctrl-C.")
@config_option
@json_option
def show_(
    *, run_id: str, user_id: str | None, mermaid: bool, watch: bool, config_path: Path | None, as_json: bool
) -> None:
    """Draw a flow as a tree: its tasks, what each waits for, how each stands; never arguments or results.

    A task stands under the nearest one through which all ways to it go. Of more than 200 tasks those that are alike
    are drawn as one. An id that was written is shown so; where the run was given an id, the task's own is RUN/ID.
    """
    if mermaid and (watch or as_json):
        raise click.UsageError("--mermaid: is neither for --watch nor for --json")
    from fairque.monitoring.flow_page import graph_json

    with opened(config_path) as (queue, _), suppress(KeyboardInterrupt):
        looks = _looks(_found(queue, run_id, user_id), watch=watch)
        if mermaid:
            click.echo(next(looks).mermaid(), nl=False)
        elif as_json:
            for graph in looks:
                print_json(graph_json(graph))
        else:
            _draw(looks, in_place=watch)


@flow.command
@_run_argument
@_user_option
@yes_option
@config_option
@json_option
def cancel(*, run_id: str, user_id: str | None, yes: bool, config_path: Path | None, as_json: bool) -> None:
    """Cancel a flow: what waits at once; what runs is asked to stop. It asks before."""
    with opened(config_path) as (queue, _):
        run = _found(queue, run_id, user_id)
        stands = run.summary()
        if not yes and stands.total > stands.ended:
            ask(f"Cancel {_many(stands.total - stands.ended, 'task')} of {stands.run_id} of {stands.user_id}?")
        with lasting(f"canceling {run_id}", lambda: ""):
            count = run.cancel()
    if not count:
        raise QueueRefusal(f"{run_id}: cannot be canceled: none of its tasks waits or runs: it is {stands.state}")
    if as_json:
        print_json({"run_id": stands.run_id, "user_id": stands.user_id, "canceled": count})
    else:
        click.echo(f"{run_id}: {_many(count, 'task')} canceled, or asked to stop where one runs")


def _read(
    queue: TaskQueue, user_id: str | None, state: str | None, limit: int, cursor: str | None
) -> tuple[list[FlowSummary], str | None]:
    """Read so many flows; the cursor is None where there are no more."""
    found: list[FlowSummary] = []
    while True:
        page = queue.flows(user_id, limit=min(limit - len(found), _MOST), cursor=cursor)
        found += [one for one in page.flows if state in (None, one.state)]
        cursor = page.cursor
        if cursor is None or len(found) == limit:
            return found, cursor


def _found(queue: TaskQueue, run_id: str, user_id: str | None) -> Run:
    """Return a flow.

    Raises:
        UnknownTask: there is none, with what to try.
    """
    run = queue.flow(run_id, user_id=user_id)
    if run is not None:
        return run
    text = "it was never enqueued, or ended longer ago than results are kept"
    if user_id is not None:
        more = "; without --user this id is found whoever's it is" if is_mark(run_id) else ""
        raise UnknownTask(f"{run_id}: {user_id} has no such flow: {text}{more}")
    more = "" if is_mark(run_id) else "; a run id that you chose is found with its user: add --user USER"
    raise UnknownTask(f"{run_id}: no such flow: {text}{more}")


def _looks(run: Run, *, watch: bool) -> Iterator[FlowGraph]:
    """Yield how it stands: once, or each second until it has ended."""
    while True:
        graph = run.graph()
        yield graph
        if not watch or graph.summary.is_settled:
            return
        time.sleep(_EVERY)


def _draw(looks: Iterator[FlowGraph], *, in_place: bool) -> None:
    """Draw each look; on a terminal, if it is to be watched, over the last one, and once more what it came to."""
    from rich.live import Live

    from fairque.monitoring.flow_tree import flow_tree
    from fairque.monitoring.tables import make_console, show

    console = make_console()
    if in_place and console.is_terminal:
        room = min(MOST_DRAWN, max(3, console.height - 2))
        with Live(console=console, screen=True, auto_refresh=False) as live:
            for graph in looks:
                live.update(flow_tree(graph, now=datetime.now(UTC), most=room), refresh=True)
        looks = iter([graph])
    for graph in looks:
        show(console, flow_tree(graph, now=datetime.now(UTC)))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
