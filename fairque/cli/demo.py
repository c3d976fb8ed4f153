"""`fairque demo`: fairness to watch. One team floods the queue, three want little, two workers serve them all."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console
from rich.live import Live

from fairque.cli.entry import FAILED, json_option, print_json
from fairque.monitoring.demo import Demo
from fairque.monitoring.demo_config import shipped_config
from fairque.monitoring.demo_files import teams
from fairque.monitoring.demo_picture import picture_of
from fairque.monitoring.demo_report import Report
from fairque.monitoring.demo_tables import live_page, plain_line, summary
from fairque.monitoring.tables import make_console, show

PICTURE: Final = "fairness.svg"
_PLAIN_EVERY: Final = 1.0
"""Seconds between two lines of progress where there is no terminal."""


@click.command
@click.option("--config", "config_path", metavar="FILE", type=click.Path(path_type=Path), help="In place of demo.yaml.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help=f"Where {PICTURE} goes; default: here.",
)
@click.option("--files", type=click.IntRange(min=20), hidden=True, help="So many files of the noisy team.")
@json_option
def demo(*, config_path: Path | None, output: Path, files: int | None, as_json: bool) -> None:
    """Show fairness at work: four teams, two workers, real files. About half a minute.

    One team submits every file of Python's standard library to be measured, three others about a dozen files each;
    one of them comes when the queue is full. Two worker processes serve them, as config/demo.yaml says. At the end
    there is a summary, and a picture of it.

    Without FAIRQUE_REDIS__URL it runs on a private server that goes when it ends.
    """
    _prepare(output)
    console = make_console()
    try:
        with _ended_by_signals(), Demo(config_path or shipped_config(), teams(files)) as running:
            _follow(running, console, as_json=as_json)
            report = running.report()
    except KeyboardInterrupt:
        click.echo("fairque: stopped; the workers have ended and nothing is left in Redis", err=True)
        sys.exit(FAILED)
    path = (output / PICTURE).resolve()
    path.write_text(picture_of(report), encoding="utf-8")
    _conclude(report, path, console, as_json=as_json)
    if report.failed:
        sys.exit(FAILED)


def _prepare(output: Path) -> None:
    """Make the directory; better to hear now than in half a minute that nothing can be written there."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from error
    if not os.access(output, os.W_OK):
        raise click.BadParameter(f"{output}: cannot be written", param_hint="--output")


def _follow(running: Demo, console: Console, *, as_json: bool) -> None:
    """Let the demo run, and show it in the way that suits who looks."""
    if as_json:
        for _ in running.frames():
            pass
    elif console.is_terminal and not console.is_dumb_terminal:
        _watch(running, console)
    else:
        _tell(running)


def _watch(running: Demo, console: Console) -> None:
    """Show a table that moves, then leave what has happened."""
    told: list[tuple[float, str]] = []
    with Live(console=console, auto_refresh=False) as live:
        for frame in running.frames():
            told += [(frame.seconds, event) for event in frame.events]
            live.update(live_page(frame, told, width=console.width), refresh=True)


def _tell(running: Demo) -> None:
    """Print what happens line by line, and once a second how far it is."""
    due = 0.0
    for frame in running.frames():
        for event in frame.events:
            click.echo(f"{frame.seconds:5.1f} s        {event}")
        if frame.seconds >= due:
            due = frame.seconds + _PLAIN_EVERY
            click.echo(plain_line(frame))


def _conclude(report: Report, picture: Path, console: Console, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_json() | {"picture": str(picture)})
        return
    console.print()
    show(console, summary(report, pretty=console.is_terminal, width=console.width if console.is_terminal else 80))
    console.print(f"picture: {picture}", soft_wrap=True, markup=False)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, and a terminal that is closed, end the demo as Ctrl-C does: with its workers."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape signal asks for
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.signal(number, interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
