"""`fairque schedule add` and `next`: when a task is to be pushed, and when that is by local time and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from fairque.cli.calling import call_options, doubt_about
from fairque.cli.entry import config_option, json_option, load_config, print_json
from fairque.cli.modules import import_tasks
from fairque.cli.scheduling import id_argument, known, opened, show_page, tell
from fairque.core.options import Priority
from fairque.core.schedule import fires_after
from fairque.core.schedule_settings import instant_of
from fairque.errors import TaskValidationError
from fairque.monitoring.schedule_page import upcoming_table
from fairque.monitoring.schedules import timing_json
from fairque.monitoring.upcoming import upcoming, upcoming_json
from fairque.scheduler.entries import task_named, timed


class _Instant(click.ParamType[datetime]):
    """An instant with its offset from UTC."""

    name = "INSTANT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant that a text names."""
        try:
            return instant_of("", value)
        except TaskValidationError as error:
            self.fail(str(error).removeprefix(": "), param, ctx)


_cron_option = click.option("--cron", metavar="EXPR", help="Five fields, six with seconds first, or @daily.")
_every_option = click.option("--every", type=float, metavar="S", help="Seconds from one fire to the next.")
_timezone_option = click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; else the configuration's.")


@click.command
@id_argument
@_cron_option
@_every_option
@click.option("--task", "name", required=True, metavar="NAME", help="A task's name, module:function.")
@call_options
@_timezone_option
@click.option("--start", type=_Instant(), help="Not before: 2026-03-01T09:00:00+01:00.")
@click.option("--end", type=_Instant(), help="Not after.")
@click.option("--catchup", default="one", metavar="C", help="Missed fires that happen: none, one (the last), all(N).")
@click.option(
    "--overlap", type=click.Choice(("skip", "allow")), default="skip", help="While the last task lives; skip."
)
@config_option
@json_option
def add(
    *,
    schedule_id: str,
    name: str,
    user_id: str,
    args: list[Any],
    kwargs: dict[str, Any],
    priority: Priority | None,
    config_path: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Add a schedule, or replace the one of that ID. The same once more changes nothing.

    A fire at a local time that does not exist comes when the clock has gone forward; a repeated time fires once, or
    both times where the hour is * or */n.
    """
    if (options["cron"] is None) == (options["every"] is None):
        raise click.UsageError("give one of --cron and --every")
    config = load_config(config_path)
    import_tasks(config.tasks, config_path or "FAIRQUE_TASKS")
    doubt = doubt_about(name)
    task = task_named(name, args, kwargs)
    if priority is not None:
        task = task.with_(priority=priority)
    how = {key: options.pop(key) for key in ("catchup", "overlap")}
    when = {"cron_expr": options.pop("cron"), **options}
    with opened(config_path) as (scheduler, *_):
        before = scheduler.get(schedule_id)
        scheduler._add(schedule_id, task, user_id, when, how, "cli")
        found = known(scheduler, schedule_id)
    if doubt:
        click.echo(f"fairque: whether there is a task {name} cannot be told here: {doubt}", err=True)
    same = before is not None and before.version == found.version
    tell(found, "stays as it is: " if same else "is added: " if before is None else "is replaced: ", as_json=as_json)


@click.command("next")
@click.argument("schedule_id", metavar="[ID]", required=False)
@_cron_option
@_every_option
@_timezone_option
@click.option("--count", type=click.IntRange(1, 1_000), default=10, metavar="N", help="So many; 10.")
@click.option("--after", type=_Instant(), help="Later than this instant, instead of from now on.")
@config_option
@json_option
def next_(
    *,
    schedule_id: str | None,
    cron: str | None,
    every: float | None,
    timezone: str | None,
    count: int,
    after: datetime | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Show when a schedule fires next, by local time and in UTC, with a mark where the clocks are moved.

    In place of an ID: --cron or --every, and --timezone. Nothing is asked of Redis then.
    """
    if (schedule_id, cron, every).count(None) != 2 or (schedule_id is not None and timezone is not None):
        raise click.UsageError("give an ID, or one of --cron and --every with a --timezone")
    now = datetime.now(UTC)
    if schedule_id is None:
        zone = load_config(config_path).scheduler.timezone if timezone is None else timezone
        timing = timed(cron, every, zone, after or now if every else None, None)
        fires = [*islice(fires_after(timing, after or now), count)]
    else:
        with opened(config_path) as (scheduler, *_):
            timing = known(scheduler, schedule_id).timing
            found = fires_after(timing, after) if after else scheduler.next_fires(schedule_id, count)
            fires = [*islice(found, count)]
    coming = upcoming(timing, fires, after or now)
    if as_json:
        print_json({"schedule_id": schedule_id} | timing_json(timing) | {"fires": upcoming_json(coming)})
    else:
        show_page(lambda pretty: upcoming_table(coming, now=now, pretty=pretty))
