"""What the commands of `fairque schedule` have in common: how schedules are reached, and what is said of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import RenderableType

from fairque.cli.entry import impatient, load_config, print_json
from fairque.cli.setting import unwarned
from fairque.core.schedule import ScheduledTask
from fairque.monitoring.schedule_page import state_text
from fairque.monitoring.schedules import schedule_json
from fairque.monitoring.tables import make_console, show
from fairque.queue.queue import TaskQueue
from fairque.scheduler.scheduler import TaskScheduler
from fairque.scheduler.verbs import unknown

id_argument = click.argument("schedule_id", metavar="ID")


@contextmanager
def opened(config_path: Path | None) -> Iterator[tuple[TaskScheduler, TaskQueue, str]]:
    """Give the schedules of a configuration's queue, the queue, and where it is."""
    config = impatient(load_config(config_path))
    with unwarned(), closing(TaskScheduler(config)) as scheduler, TaskQueue(config) as queue:
        yield scheduler, queue, config.redis.address


def known(scheduler: TaskScheduler, schedule_id: str) -> ScheduledTask:
    """Return a schedule. Raises UnknownSchedule."""
    found = scheduler.get(schedule_id)
    if found is None:
        raise unknown(schedule_id)
    return found


def tell(found: ScheduledTask, what: str, *, as_json: bool) -> None:
    """Say what was done to a schedule, and how it stands."""
    if as_json:
        print_json(schedule_json(found))
    else:
        click.echo(f"{found.schedule_id} {what}{state_text(found, datetime.now(UTC))}")


def show_page(page: Callable[[bool], RenderableType]) -> None:
    """Print a page, which is made by whether it is for a terminal."""
    console = make_console()
    show(console, page(console.is_terminal))
