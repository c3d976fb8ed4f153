"""`fairque doctor`: whether all that a live queue keeps agrees, and what to do where it does not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from fairque.cli.entry import FAILED, config_option, impatient, json_option, load_config, print_json
from fairque.monitoring.doctor import SECONDS, Doctor
from fairque.monitoring.doctor_report import Report

_SLOW: Final = 5_000
"""Task records from which on a terminal is shown how far it is."""


@click.command
@click.option("--user", "user_id", metavar="USER", help="Only this user, and all its tasks.")
@click.option(
    "--seconds",
    metavar="S",
    type=click.FloatRange(min=0),
    default=SECONDS,
    show_default=True,
    help="How long to read task records, beyond the first of each user.",
)
@config_option
@json_option
def doctor(*, user_id: str | None, seconds: float, config_path: Path | None, as_json: bool) -> None:
    """Check a live queue: that no task is lost or counted wrong, that leases, caps and timetables agree, that the
    server and the workers are as they should be; with the remedy for what is not.

    It only reads, in calls of a few milliseconds, and may run while the queue is busy. Exit code 1: something is wrong
    (warnings are not).
    """
    config = impatient(load_config(config_path))
    with _Progress(shown=not as_json) as progress:
        examiner = Doctor(config, seconds=seconds, progress=progress.update)
        try:
            report = examiner.examine() if user_id is None else examiner.examine_user(user_id)
        finally:
            examiner.close()
    _tell(report, as_json=as_json)
    if not report.healthy:
        sys.exit(FAILED)


def _tell(report: Report, *, as_json: bool) -> None:
    from fairque.monitoring.doctor_page import report_json, report_page
    from fairque.monitoring.tables import make_console, show

    if as_json:
        print_json(report_json(report))
    else:
        show(make_console(), report_page(report))


class _Progress:
    """A bar on stderr, where that is a terminal and there is much to look at."""

    def __init__(self, *, shown: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from fairque.monitoring.tables import make_console

        console = make_console(stderr=True)
        columns = (TextColumn("task records"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not shown or not console.is_terminal)
        self._task = self._bar.add_task("", total=None, visible=False)

    def update(self, done: int, total: int) -> None:
        """Show so many of so many."""
        self._bar.update(self._task, completed=done, total=total, visible=total > _SLOW)

    def __enter__(self) -> _Progress:
        """Begin to show it."""
        self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        """Take it off the screen."""
        self._bar.stop()
