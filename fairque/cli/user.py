"""`fairque user`: what users may take, what they have, and an end of all that."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from fairque.cli.entry import config_option, json_option, print_json
from fairque.cli.setting import Setting, caps_options, changes_of, opened
from fairque.cli.sweeping import ask, lasting, yes_option
from fairque.core.ids import EVERYONE, check_user_id
from fairque.core.limits import UserSettings
from fairque.errors import TaskValidationError
from fairque.monitoring.overview import Standing, standing_of, standings
from fairque.queue.queue import TaskQueue

_MOST_ROWS: Final = 100
"""Users listed on a terminal; a pipe gets all."""


class _User(click.ParamType[str]):
    """A user's id, or `*` for all others where that has a meaning."""

    name = "USER"

    def __init__(self, *, not_everyone: str | None = None) -> None:
        """`not_everyone` is the remedy for who names everyone where one user is meant."""
        self._not_everyone = not_everyone

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id as it is."""
        if value == EVERYONE and self._not_everyone is None:
            return EVERYONE
        if value == EVERYONE:
            self.fail(f"name one user; {self._not_everyone}", param, ctx)
        try:
            return check_user_id(value)
        except TaskValidationError as error:
            self.fail(str(error).removeprefix("user_id: "), param, ctx)


_PAUSING: Final = _User(not_everyone="`fairque queue pause` and `resume` are for everybody")
_ERASING: Final = _User(not_everyone="users are erased one by one")

_any_user = click.argument("user_id", metavar="USER", type=_User())
_one_user = click.argument("user_id", metavar="USER", type=_PAUSING)
_doomed_user = click.argument("user_id", metavar="USER", type=_ERASING)


@click.group
def user() -> None:
    """Give users weights and caps, pause them, see what is in force; erase one with all that it left.

    Settings stand in Redis, win over the configuration's `users:`, and act at once on what already waits. To show, set
    and reset, USER may be '*': all users, where they have no other value of their own.
    """


@user.command("list")
@config_option
@json_option
def list_(*, config_path: Path | None, as_json: bool) -> None:
    """Show every user that has tasks or settings."""
    with opened(config_path) as (queue, _):
        users = standings(queue)
    if as_json:
        print_json({"queue": queue.name, "users": msgspec.to_builtins(users)})
        return
    from fairque.monitoring.limits_page import standings_table
    from fairque.monitoring.tables import make_console, show

    console = make_console()
    pretty = console.is_terminal
    show(console, standings_table(users, pretty=pretty, rows=_MOST_ROWS if pretty else None))


@user.command("show")
@_any_user
@config_option
@json_option
def show_(*, user_id: str, config_path: Path | None, as_json: bool) -> None:
    """Show one user: its settings, and what waits and runs."""
    with opened(config_path) as (queue, _):
        line = _look(queue, user_id)
        known = user_id == EVERYONE or line.source == "own" or _has_tasks(line) or user_id in queue.served()
    remark = "" if known else f"nothing is known of {user_id}: no settings of its own, no task, and none ran of late"
    _tell(queue, line, remark, as_json=as_json, known=known)


@user.command("set")
@_any_user
@click.option("--weight", type=Setting(UserSettings, "weight", "N"), help="Its share against the others' weights.")
@caps_options
@config_option
@json_option
def set_(*, user_id: str, config_path: Path | None, as_json: bool, **options: Any) -> None:
    """Change a user's weight or caps, and show what is in force.

    What is not given stays as it is; the value `none` takes a setting off.
    """
    changes = changes_of(options)
    with opened(config_path) as (queue, _):
        queue.set_user(user_id, **changes)
        _tell(queue, _look(queue, user_id), "", as_json=as_json)


@user.command
@_one_user
@config_option
@json_option
def pause(*, user_id: str, config_path: Path | None, as_json: bool) -> None:
    """Let nothing of a user start.

    What runs goes on, and pushes are taken.
    """
    with opened(config_path) as (queue, _):
        queue.pause(user_id)
        _tell(queue, _look(queue, user_id), f"{user_id} is paused: nothing of it starts", as_json=as_json)


@user.command
@_one_user
@config_option
@json_option
def resume(*, user_id: str, config_path: Path | None, as_json: bool) -> None:
    """End a user's pause."""
    with opened(config_path) as (queue, _):
        queue.resume(user_id)
        bar = "; the queue itself is paused: `fairque queue resume` ends that" if queue.get_limits().paused else ""
        _tell(queue, _look(queue, user_id), f"{user_id} is not paused{bar}", as_json=as_json)


@user.command
@_any_user
@config_option
@json_option
def reset(*, user_id: str, config_path: Path | None, as_json: bool) -> None:
    """Take a user's own settings away: it is as every other."""
    with opened(config_path) as (queue, _):
        queue.reset_user(user_id)
        _tell(queue, _look(queue, user_id), "", as_json=as_json)


@user.command
@_doomed_user
@yes_option
@config_option
@json_option
def erase(*, user_id: str, yes: bool, config_path: Path | None, as_json: bool) -> None:
    """Remove all that a user left: tasks in whatever state, results, failures, settings. It asks before.

    What runs is not interrupted, and its outcome is not accepted.
    """
    with opened(config_path) as (queue, _):
        if not yes:
            ask(f"Remove all of {user_id}: {_left(queue, user_id)}, all results, all settings?")
        with lasting(f"removing all of {user_id}", lambda: f"{_left(queue, user_id)} are left"):
            count = queue.erase_user(user_id)
    if as_json:
        print_json({"queue": queue.name, "user_id": user_id, "removed": count})
    else:
        click.echo(f"{user_id} is erased: {count:,} task{'' if count == 1 else 's'} removed")


def _left(queue: TaskQueue, user_id: str) -> str:
    line = _look(queue, user_id)
    return f"{line.waiting:,} waiting, {line.started:,} running and {line.failed:,} failed tasks"


def _look(queue: TaskQueue, user_id: str) -> Standing:
    sizes = {} if user_id == EVERYONE else queue.get_queue_sizes(user_id)
    return standing_of(user_id, sizes, queue.all_limits())


def _has_tasks(line: Standing) -> bool:
    return line.at_hand + line.waiting + line.failed > 0


def _tell(queue: TaskQueue, line: Standing, remark: str, *, as_json: bool, **more: Any) -> None:
    if as_json:
        print_json({"queue": queue.name, **msgspec.to_builtins(line), **more})
        return
    from fairque.monitoring.limits_page import user_page
    from fairque.monitoring.tables import make_console, show

    show(make_console(), user_page(line))
    if remark:
        click.echo(remark)
