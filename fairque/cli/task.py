"""`fairque task`: what is known of one task, and why it has not started; to cancel it, or to try it again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.setting import opened
from fairque.core.ids import user_print_of
from fairque.core.models import Task
from fairque.core.state import TaskState
from fairque.errors import QueueRefusal, UnknownTask
from fairque.queue.explaining import Explanation
from fairque.queue.queue import TaskQueue

_id_argument = click.argument("task_id", metavar="ID")
_user_option = click.option("--user", "user_id", metavar="USER", help="Whose task it is; an id you chose needs it.")


@click.group
def task() -> None:
    """See how a task stands and why it has not started; cancel it, or try it again."""


@task.command("show")
@_id_argument
@_user_option
@config_option
@json_option
def show_(*, task_id: str, user_id: str | None, config_path: Path | None, as_json: bool) -> None:
    """Show a task's state, attempts, times and failure; never its arguments or its result."""
    found, told = _found(config_path, task_id, user_id)
    from fairque.monitoring.task_page import task_json, task_page

    if as_json:
        print_json(task_json(found, told))
    else:
        _show(task_page(found, told, now=datetime.now(UTC)))


@task.command
@_id_argument
@_user_option
@config_option
@json_option
def explain(*, task_id: str, user_id: str | None, config_path: Path | None, as_json: bool) -> None:
    """Say why a task has not started: its place, its user's share, and what bars it."""
    _, told = _found(config_path, task_id, user_id)
    from fairque.monitoring.task_page import explanation_json, explanation_page

    if as_json:
        print_json(explanation_json(told))
    else:
        _show(explanation_page(told))


@task.command
@_id_argument
@_user_option
@config_option
@json_option
def cancel(*, task_id: str, user_id: str | None, config_path: Path | None, as_json: bool) -> None:
    """Cancel a task: at once if it waits; if it runs, its worker is asked to stop it."""
    with opened(config_path) as (queue, _):
        done = queue.cancel(task_id, user_id=user_id)
        found = _standing(queue, task_id, user_id)
    if not done:
        raise QueueRefusal(f"{task_id}: cannot be canceled: it has ended already: {found.state}")
    runs = f"runs on {found.worker}, which was asked to stop it"
    _tell(found, runs if found.state is TaskState.STARTED else f"is {found.state}", as_json=as_json)


@task.command
@_id_argument
@_user_option
@config_option
@json_option
def retry(*, task_id: str, user_id: str | None, config_path: Path | None, as_json: bool) -> None:
    """Queue a task again that failed or was canceled, its retries unspent."""
    with opened(config_path) as (queue, _):
        done = queue.retry(task_id, user_id=user_id)
        found = _standing(queue, task_id, user_id)
    if not done:
        raise QueueRefusal(f"{task_id}: has neither failed nor was it canceled: it is {found.state}")
    _tell(found, f"is {found.state} again", as_json=as_json)


def _standing(queue: TaskQueue, task_id: str, user_id: str | None) -> Task[Any]:
    """Return a task.

    Raises:
        UnknownTask: there is none, with what to try.
    """
    found = queue.get_task(task_id, user_id=user_id)
    if found is None:
        raise UnknownTask(_remedy(task_id, user_id))
    return found


def _tell(found: Task[Any], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"task_id": found.task_id, "user_id": found.user_id, "state": str(found.state)})
    else:
        click.echo(f"{found.task_id} {what}")


def _found(config_path: Path | None, task_id: str, user_id: str | None) -> tuple[Task[Any], Explanation]:
    """Return a task and where it stands.

    Raises:
        UnknownTask: there is none, with what to try.
    """
    with opened(config_path) as (queue, _):
        try:
            told = queue.explain(task_id, user_id=user_id)
        except UnknownTask as unknown:
            raise UnknownTask(_remedy(task_id, user_id)) from unknown
        return _standing(queue, task_id, told.user_id), told


def _remedy(task_id: str, user_id: str | None) -> str:
    text = "it was never pushed, was deleted, or its result has expired"
    if user_id is None:
        return f"{task_id}: no such task: {text}; an id that you chose is found with its user: add --user USER"
    more = "; without --user this id is found whoever's it is" if user_print_of(task_id) else ""
    return f"{task_id}: {user_id} has no such task: {text}{more}"


def _show(page: Any) -> None:
    from fairque.monitoring.tables import make_console, show

    show(make_console(), page)
