"""`fairque worker`: run one worker of a configuration."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from fairque.cli.entry import config_option, load_config
from fairque.cli.modules import import_tasks
from fairque.worker.worker import Worker

_LEVELS = ("debug", "info", "warning", "error")


@click.command
@config_option
@click.option("--id", "worker_id", metavar="ID", help="Which worker of the file; needed where it has several.")
@click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True)
def worker(*, config_path: Path | None, worker_id: str | None, log_level: str) -> None:
    """Run a worker until it is told to stop.

    It imports the modules under `tasks:` (the current directory is on the path), then serves its users. SIGTERM or
    Ctrl-C lets running tasks finish; a second one gives them back at once. It logs to stderr.
    """
    config = load_config(config_path)
    chosen = config.worker_named(worker_id)
    import_tasks(config.tasks, config_path or "FAIRQUE_TASKS")
    logging.basicConfig(stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)-7s %(message)s")
    if not config.tasks:
        logging.getLogger("fairque").warning("`tasks:` names no module: this worker knows no task function")
    Worker(config, id=chosen.id).run()
