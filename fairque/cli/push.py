"""`fairque push`: push one task from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fairque.cli.calling import call_options, import_task
from fairque.cli.entry import config_option, json_option, load_config, print_json
from fairque.cli.modules import import_tasks
from fairque.queue.queue import TaskQueue
from fairque.scheduler.entries import task_named


@click.command
@click.argument("name")
@call_options
@click.option("--delay", type=float, metavar="S", help="Seconds until it may start.")
@click.option("--id", "task_id", metavar="ID", help="A task id of your own: alive already, it is not pushed again.")
@config_option
@json_option
def push(
    *,
    name: str,
    user_id: str,
    args: list[Any],
    kwargs: dict[str, Any],
    config_path: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Push one task and print its id.

    NAME is a task's name, `module:function`. The modules under `tasks:` are imported first; if none of them has the
    task, the module that NAME itself names is (the current directory is on the path).
    """
    config = load_config(config_path)
    import_tasks(config.tasks, config_path or "FAIRQUE_TASKS")
    import_task(name)
    given = {option: value for option, value in options.items() if value is not None}
    task = task_named(name, args, kwargs).with_(**given)
    with TaskQueue(config) as queue:
        handle = queue.push(task, user_id=user_id)
    if as_json:
        print_json({"task_id": handle.task_id, "user_id": handle.user_id, "created": handle.created})
        return
    click.echo(handle.task_id)
    if not handle.created:
        click.echo(f"fairque: {handle.user_id} has a live task {handle.task_id} already: nothing was pushed", err=True)
