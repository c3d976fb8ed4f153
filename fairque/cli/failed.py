"""`fairque failed`: the dead letters, to look at, queue again or forget."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.setting import opened
from fairque.cli.sweeping import ask, lasting, yes_option
from fairque.core.models import Task
from fairque.queue.queue import TaskQueue

F = TypeVar("F", bound=Callable[..., Any])

_MOST: Final = 1_000
"""Tasks that the queue shows at once."""


def _which_options(command: F) -> F:
    """Give a command the options that say which failed tasks are meant."""
    for words, kind, metavar, text in (
        (("--older-than",), float, "S", "That failed at least so many seconds ago."),
        (("--error",), str, "TYPE", "Whose last error was of this type: ValueError, lost, corrupt."),
        (("--task",), str, "NAME", "Of this task name."),
        (("--user", "user_id"), str, "USER", "Of this user."),
    ):
        command = click.option(*words, type=kind, metavar=metavar, help=text)(command)
    return command


@click.group
def failed() -> None:
    """See the tasks that failed for good; queue them again, or forget them.

    Options say which are meant: all that are given must fit; without any, all are meant.
    """


@failed.command("list")
@_which_options
@click.option("--limit", type=click.IntRange(1, 100_000), metavar="N", default=100, help="Tasks at most; 100.")
@click.option("--cursor", metavar="C", help="Go on where another list ended.")
@config_option
@json_option
def list_(*, limit: int, cursor: str | None, config_path: Path | None, as_json: bool, **which: Any) -> None:
    """Show failed tasks, the newest of each user first; never their arguments."""
    with opened(config_path) as (queue, _), lasting("reading failed tasks", lambda: ""):
        found, cursor = _read(queue, which, limit, cursor)
    from fairque.monitoring.failed_page import failed_json, failed_table
    from fairque.monitoring.tables import make_console, show

    if as_json:
        print_json({"queue": queue.name, "tasks": failed_json(found), "cursor": cursor})
        return
    console = make_console()
    if found:
        show(console, failed_table(found, now=datetime.now(UTC), pretty=console.is_terminal))
    elif cursor is None:
        click.echo("no such task" if any(value is not None for value in which.values()) else "no task has failed")
    if cursor is not None:
        click.echo(f"there may be more: --cursor {shlex.quote(cursor)}")


@failed.command
@_which_options
@config_option
@json_option
def requeue(*, config_path: Path | None, as_json: bool, **which: Any) -> None:
    """Queue failed tasks again, their retries unspent.

    One whose unique key another task has by now stays where it is.
    """
    with opened(config_path) as (queue, _), lasting("queueing failed tasks again", _far(queue, which["user_id"])):
        count = queue.requeue_failed(**which)
    _tell(queue, "requeued", count, "queued again", as_json=as_json)


@failed.command
@_which_options
@yes_option
@config_option
@json_option
def purge(*, yes: bool, config_path: Path | None, as_json: bool, **which: Any) -> None:
    """Forget failed tasks for good. Without an option that says which, it asks before."""
    with opened(config_path) as (queue, _):
        if not yes and all(value is None for value in which.values()):
            ask(f"Forget all failed tasks of the queue {queue.name} ({queue.get_stats()['failed']:,})?")
        with lasting("forgetting failed tasks", _far(queue, which["user_id"])):
            count = queue.purge_failed(**which)
    _tell(queue, "purged", count, "forgotten", as_json=as_json)


def _read(
    queue: TaskQueue, which: dict[str, Any], limit: int, cursor: str | None
) -> tuple[list[Task[Any]], str | None]:
    """Read so many failed tasks; the cursor is None where there are no more."""
    found: list[Task[Any]] = []
    while True:
        page = queue.failed(**which, limit=min(limit - len(found), _MOST), cursor=cursor)
        found += page.tasks
        cursor = page.cursor
        if cursor is None or len(found) == limit:
            return found, cursor


def _far(queue: TaskQueue, user_id: str | None) -> Callable[[], str]:
    """Return what says how many failed tasks there are now, of a user or of all."""

    def far() -> str:
        count = queue.get_stats()["failed"] if user_id is None else queue.get_queue_sizes(user_id)["failed"]
        return f"{count:,} failed tasks are left"

    return far


def _tell(queue: TaskQueue, verb: str, count: int, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"queue": queue.name, verb: count})
    else:
        click.echo(f"{count:,} failed task{' is' if count == 1 else 's are'} {done}")
