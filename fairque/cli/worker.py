"""`fairque worker`: run a worker of a configuration, in one process or in several."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import click

from fairque.cli.entry import config_option, load_config
from fairque.cli.logs import format_option, level_option, log_to_stderr
from fairque.cli.modules import import_tasks
from fairque.worker.supervisor import Supervisor
from fairque.worker.ward import Ward
from fairque.worker.worker import Worker


@click.command
@config_option
@click.option("--id", "worker_id", metavar="ID", help="Which worker of the file; needed where it has several.")
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(1, 1000),
    help="Run it N times, as ID.1 to ID.N, each in a process of its own that is replaced if it dies.",
)
@level_option
@format_option
@click.option("--as-child", nargs=2, type=int, hidden=True, help="Number of this child, descriptor of its lifeline.")
def worker(
    *,
    config_path: Path | None,
    worker_id: str | None,
    processes: int | None,
    log_level: str,
    log_format: str,
    as_child: tuple[int, int] | None,
) -> None:
    """Run a worker until it is told to stop.

    It imports the modules under `tasks:` (the current directory is on the path), then serves its users. SIGTERM or
    Ctrl-C lets running tasks finish; a second one gives them back at once. It logs to stderr.

    With --processes, tasks whose process died are run again at once, not only when their leases have lapsed.
    """
    if as_child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for its supervisor to pass on, until it serves
    if log_format == "json":  # and not only when the tasks' modules have had the chance to set up logging themselves
        log_to_stderr(log_format, log_level, worker_id)
    config = load_config(config_path)
    if processes and not as_child:
        again = [sys.executable, *sys.orig_argv[1:], "--as-child"]
        supervisor = Supervisor(config, id=worker_id, processes=processes, command=again)
        log_to_stderr(log_format, log_level, supervisor.id)
        sys.exit(supervisor.run())
    made: Ward | Worker = Ward(config, worker_id, *as_child) if as_child else Worker(config, id=worker_id)
    import_tasks(config.tasks, config_path or "FAIRQUE_TASKS")
    log_to_stderr(log_format, log_level, made.id)
    if not config.tasks:
        logging.getLogger("fairque").warning("`tasks:` names no module: this worker knows no task function")
    made.run()
