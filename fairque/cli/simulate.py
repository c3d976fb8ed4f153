"""`fairque simulate`: what a workload would see, and what it would see if something were different."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairque.cli.entry import FAILED, json_option, print_json

if TYPE_CHECKING:
    from fairque.monitoring.simulation_report import Report
    from fairque.monitoring.trace import Trace


@click.command
@click.argument("trace", metavar="TRACE")
@click.option("--set", "settings", metavar="PATH=VALUE", multiple=True, help="Change a value; may be given repeatedly.")
@click.option("--workers", type=click.IntRange(1, 1000), help="So many copies of the only worker.")
@click.option("--picture", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Draw it, as SVG.")
@click.option("--url", metavar="URL", default="embedded://", help="The server to use; without it a private one.")
@json_option
def simulate(
    *, trace: str, settings: tuple[str, ...], workers: int | None, picture: Path | None, url: str, as_json: bool
) -> None:
    r"""Replay TRACE on a virtual clock and show who was served when, and who should have been.

    TRACE is a YAML file, or the name of one that comes with fairque: noisy-neighbour, bursty, long-and-short, capped or
    crossed-lists. Arrivals and run times are the trace's; what decides is the queue itself, its own scripts on a
    private Redis. An hour takes seconds.

    With --set or --workers it is run twice, as it is and changed, and both are shown side by side:

    \b
      fairque simulate bursty --set users.small.weight=3
      fairque simulate noisy-neighbour --workers 4
      fairque simulate crossed-lists --set 'workers[0].slots=20' --set users.flood.max_concurrency=2
    """
    from fairque.config import read_document
    from fairque.monitoring.trace import find_trace, trace_of
    from fairque.monitoring.trace_changes import changed, read_change, workers_change

    path = find_trace(trace)
    document = read_document(path)
    before = trace_of(document, str(path))
    changes = [read_change(text) for text in settings]
    changes += [workers_change(document, workers)] if workers is not None else []
    told = [change.text for change in changes]
    traces = [before]
    if changes:
        traces.append(trace_of(changed(document, changes), f"{path}, changed"))
    if picture is not None:
        _check_place(picture)
    try:
        reports = [_replay(one, url) for one in traces]
    except KeyboardInterrupt:
        click.echo("fairque: stopped; nothing is left in Redis", err=True)
        sys.exit(FAILED)
    if picture is not None:
        picture.write_text(_drawn(reports, told), encoding="utf-8")
    _show(path, reports, told, picture, as_json=as_json)


def _check_place(picture: Path) -> None:
    """Refuse a picture that could not be written; better to hear it before the run."""
    place = picture if picture.exists() else picture.parent
    if not (picture.parent.is_dir() and os.access(place, os.W_OK)):
        raise click.BadParameter(f"{picture}: cannot be written", param_hint="--picture")


def _replay(trace: Trace, url: str) -> Report:
    """Run a trace, with a bar where there is a terminal."""
    from rich.progress import Progress

    from fairque.monitoring.simulation_report import replay
    from fairque.monitoring.tables import make_console

    console, shown = make_console(stderr=True), 0.0
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(trace.title or "simulating", total=1.0)

        def advance(done: float) -> None:
            nonlocal shown
            if done - shown >= 0.005:
                shown = done
                progress.update(bar, completed=done)

        return replay(trace, url, advance)


def _drawn(reports: list[Report], changes: list[str]) -> str:
    from fairque.monitoring.simulation_picture import picture_of, picture_of_both

    return picture_of(reports[0]) if not changes else picture_of_both(reports[0], reports[1], changes)


def _show(path: Path, reports: list[Report], changes: list[str], picture: Path | None, *, as_json: bool) -> None:
    from fairque.monitoring.simulation_tables import comparison_page, report_page
    from fairque.monitoring.tables import make_console, show

    if as_json:
        runs = [one.to_json() | {"changes": made} for one, made in zip(reports, ([], changes), strict=False)]
        print_json({"trace": str(path), "picture": None if picture is None else str(picture), "runs": runs})
        return
    console = make_console()
    pretty, width = console.is_terminal, console.width
    if changes:
        show(console, comparison_page(reports[0], reports[1], changes, pretty=pretty, width=width))
    else:
        show(console, report_page(reports[0], pretty=pretty, width=width))
    if picture is not None:
        console.print(f"picture: {picture.resolve()}", soft_wrap=True, markup=False)
