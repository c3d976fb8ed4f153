"""`fairque queue`: the caps of a whole queue or of a task name, and how the queue shares service."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import msgspec

from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.setting import Setting, caps_options, changes_of, opened
from fairque.core.checking import nearest
from fairque.core.ids import check_name
from fairque.core.limits import Caps
from fairque.core.settings import FairnessSettings
from fairque.errors import TaskValidationError
from fairque.queue.explaining import knows
from fairque.queue.queue import TaskQueue
from fairque.queue.shares import AllLimits


class _Name(click.ParamType[str]):
    """A task's name."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is."""
        try:
            return check_name(value)
        except TaskValidationError as error:
            self.fail(str(error).removeprefix("name: "), param, ctx)


_task_option = click.option("--task", type=_Name(), help="All tasks of this name, in place of the whole queue.")


@click.group
def queue() -> None:
    """See and change what a queue, or all tasks of one name, may take at once, and how the queue shares service.

    Settings stand in Redis and act at once on what already waits.
    """


@queue.command("show")
@_task_option
@config_option
@json_option
def show_(*, task: str | None, config_path: Path | None, as_json: bool) -> None:
    """Show the caps of the queue or of a task name, and how the queue shares service."""
    with opened(config_path) as (found, address):
        _tell(found, task, address, as_json=as_json)


@queue.command("set")
@_task_option
@caps_options
@click.option(
    "--cost", type=Setting(FairnessSettings, "cost", "COST"), help="What starts are charged: count, declared, time."
)
@click.option(
    "--aging-seconds",
    type=Setting(FairnessSettings, "aging_seconds", "S"),
    help="How much waiting one priority level is worth; inf: priorities are strict.",
)
@config_option
@json_option
def set_(*, task: str | None, config_path: Path | None, as_json: bool, **options: Any) -> None:
    """Change caps, or how the queue shares service, and show what is in force.

    What is not given stays as it is; the value `none` takes a setting off. The cost can be changed only while nothing
    is ready or running.
    """
    changes = changes_of(options)
    sharing = {name: changes.pop(name) for name in ("cost", "aging_seconds") if name in changes}
    if task is not None and sharing:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in sharing)
        raise click.UsageError(f"{names}: can be set for the whole queue only: leave out --task")
    with opened(config_path) as (found, address):
        if sharing:  # first, since it may be refused
            found.set_fairness(**sharing)
        if changes:
            found.set_limits(task=task, **changes)
        _tell(found, task, address, as_json=as_json)


@queue.command
@_task_option
@config_option
@json_option
def pause(*, task: str | None, config_path: Path | None, as_json: bool) -> None:
    """Let nothing of the queue, or of a task name, start.

    What runs goes on, and pushes are taken.
    """
    with opened(config_path) as (found, address):
        found.pause(task=task)
        _tell(found, task, address, as_json=as_json)


@queue.command
@_task_option
@config_option
@json_option
def resume(*, task: str | None, config_path: Path | None, as_json: bool) -> None:
    """End a pause of the queue or of a task name."""
    with opened(config_path) as (found, address):
        found.resume(task=task)
        _tell(found, task, address, as_json=as_json)


def _tell(found: TaskQueue, task: str | None, address: str, *, as_json: bool) -> None:
    limits = found.all_limits()
    if task is None:
        _tell_queue(found, limits, address, as_json=as_json)
        return
    caps = limits.tasks.get(task, Caps())
    if as_json:
        print_json({"queue": found.name, "task": task, **msgspec.to_builtins(caps)})
        return
    from fairque.monitoring.limits_page import task_caps_page

    _show(task_caps_page(task, caps))
    if remark := _doubt(found, task):
        click.echo(remark)


def _doubt(found: TaskQueue, name: str) -> str:
    """Return a remark where workers are up and none of them knows a task of this name; else nothing."""
    workers = found.workers()
    if not workers or any(knows(worker, name) for worker in workers):
        return ""
    meant = nearest(name, {known for worker in workers for known in worker.get("tasks", ())})
    return f"none of the workers knows a task {name}{f'; did you mean {meant}?' if meant else ''}"


def _tell_queue(found: TaskQueue, limits: AllLimits, address: str, *, as_json: bool) -> None:
    fairness, stats = found.get_fairness(), found.get_stats()
    if as_json:
        aging = fairness.aging_seconds if math.isfinite(fairness.aging_seconds) else None  # JSON has no infinity
        caps, tasks = msgspec.to_builtins((limits.queue, limits.tasks))
        print_json({"queue": found.name, "cost": fairness.cost, "aging_seconds": aging, **caps, "tasks": tasks})
        return
    from fairque.monitoring.limits_page import queue_page

    counts = {"running": stats["started"], "waiting": stats["queued"] + stats["scheduled"] + stats["deferred"]}
    _show(queue_page(found.name, address, fairness, limits.queue, limits.tasks, counts))


def _show(page: Any) -> None:
    from fairque.monitoring.tables import make_console, show

    show(make_console(), page)
