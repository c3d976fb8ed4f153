"""`fairque scheduler`: fire the schedules of a queue until told to stop."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from fairque.cli.entry import config_option, load_config
from fairque.cli.logs import format_option, level_option, log_to_stderr
from fairque.cli.modules import import_tasks
from fairque.scheduler.scheduler import TaskScheduler


@click.command
@config_option
@click.option("--id", "scheduler_id", metavar="ID", help="What it is called; without it, as the configuration says.")
@level_option
@format_option
def scheduler(*, config_path: Path | None, scheduler_id: str | None, log_level: str, log_format: str) -> None:
    """Fire the schedules of a queue until told to stop.

    It imports the modules under `tasks:` (the current directory is on the path), adds what is under `schedules:`, and
    pushes the task of each schedule when it is due. SIGTERM or Ctrl-C ends it. It logs to stderr.

    Any number may run, on any machines: each fire is pushed once. When one dies, another goes on within two seconds.
    """
    if log_format == "json":  # and not only when the tasks' modules have had the chance to set up logging themselves
        log_to_stderr(log_format, log_level, scheduler_id, "scheduler")
    config = load_config(config_path)
    if scheduler_id is not None:
        config = replace(config, scheduler=replace(config.scheduler, id=scheduler_id))
    made = TaskScheduler(config)
    import_tasks(config.tasks, config_path or "FAIRQUE_TASKS")
    log_to_stderr(log_format, log_level, made.id, "scheduler")
    try:
        made.run()
    finally:
        made.close()
