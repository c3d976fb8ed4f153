"""`fairque schedule`: tasks that are pushed again and again; see how they stand, when they fire, what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.schedule_timing import add, next_
from fairque.cli.scheduling import id_argument, known, opened, show_page, tell
from fairque.cli.sweeping import lasting
from fairque.monitoring.schedule_page import schedule_page, schedules_page
from fairque.monitoring.schedules import fire_json, line_json, schedule_lines
from fairque.monitoring.upcoming import upcoming, upcoming_json
from fairque.scheduler.verbs import unknown

_LISTED: Final = 100
"""Schedules that are listed for people, unless they say otherwise."""
_SHOWN: Final = 5
"""Fires that are to come on the page of a schedule."""


@click.group
def schedule() -> None:
    """Push tasks again and again: by cron expression in a time zone's local time, or at an even interval.

    Schedules stand in Redis; `fairque scheduler` fires them. What a configuration has under `schedules:` is added by
    every scheduler when it starts.
    """


schedule.add_command(add)


@schedule.command("list")
@click.option("--user", "user_id", metavar="USER", help="Of this user.")
@click.option("--limit", type=click.IntRange(1, 100_000), metavar="N", help="Schedules at most; 100, with --json all.")
@config_option
@json_option
def list_(*, user_id: str | None, limit: int | None, config_path: Path | None, as_json: bool) -> None:
    """Show schedules by their next fire, each with what came of the last one."""
    now, most = datetime.now(UTC), limit or (None if as_json else _LISTED)
    with opened(config_path) as (scheduler, queue, _), lasting("reading schedules", lambda: ""):
        known = scheduler.list(user_id=user_id)
        found = schedule_lines(scheduler, known[:most], queue.workers(), now)
    if as_json:
        print_json({"queue": queue.name, "schedules": [line_json(line) for line in found]})
    elif found:
        show_page(lambda pretty: schedules_page(found, more=len(known[most:]) if most else 0, now=now, pretty=pretty))
    else:
        click.echo("there is no schedule" if user_id is None else f"{user_id} has no schedule")


@schedule.command("show")
@id_argument
@click.option("--limit", type=click.IntRange(1, 100), default=20, metavar="N", help="Past fires at most; 20.")
@config_option
@json_option
def show_(*, schedule_id: str, limit: int, config_path: Path | None, as_json: bool) -> None:
    """Show a schedule, its next fires, and what came of its last ones; never the arguments of its task."""
    now = datetime.now(UTC)
    with opened(config_path) as (scheduler, queue, _):
        fires, history = scheduler.next_fires(schedule_id, _SHOWN), scheduler.history(schedule_id, limit)
        (line,) = schedule_lines(scheduler, [known(scheduler, schedule_id)], queue.workers(), now)
    coming = upcoming(line.schedule.timing, fires, now)
    if as_json:
        print_json(line_json(line) | {"next": upcoming_json(coming), "history": [fire_json(fire) for fire in history]})
    else:
        show_page(lambda pretty: schedule_page(line, coming, history, now=now, pretty=pretty))


@schedule.command
@id_argument
@config_option
@json_option
def pause(*, schedule_id: str, config_path: Path | None, as_json: bool) -> None:
    """Let a schedule fire no more until it is resumed."""
    with opened(config_path) as (scheduler, *_):
        tell(scheduler.pause(schedule_id), "", as_json=as_json)


@schedule.command
@id_argument
@config_option
@json_option
def resume(*, schedule_id: str, config_path: Path | None, as_json: bool) -> None:
    """End a pause. What would have fired meanwhile does not."""
    with opened(config_path) as (scheduler, *_):
        tell(scheduler.resume(schedule_id), "", as_json=as_json)


@schedule.command
@id_argument
@config_option
@json_option
def remove(*, schedule_id: str, config_path: Path | None, as_json: bool) -> None:
    """Remove a schedule, and what is known of its fires. Tasks that it has pushed stay."""
    with opened(config_path) as (scheduler, *_):
        if not scheduler.remove(schedule_id):
            raise unknown(schedule_id)
    if as_json:
        print_json({"schedule_id": schedule_id, "removed": True})
    else:
        click.echo(f"{schedule_id} is removed; tasks that it has pushed stay")


@schedule.command("run")
@id_argument
@config_option
@json_option
def run_(*, schedule_id: str, config_path: Path | None, as_json: bool) -> None:
    """Push a schedule's task now, even of one that is paused, and print its id. Its fires stay as they are."""
    with opened(config_path) as (scheduler, *_):
        handle = scheduler.run_now(schedule_id)
    if as_json:
        told = {"task_id": handle.task_id, "user_id": handle.user_id, "created": handle.created}
        print_json({"schedule_id": schedule_id, **told})
        return
    click.echo(handle.task_id)
    if not handle.created:
        click.echo(f"fairque: {handle.task_id} has not ended: nothing was pushed", err=True)


schedule.add_command(next_)
