"""What `fairque user` and `fairque queue` have in common: values that set or take off a cap, and the queue meant."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from fairque.cli.entry import impatient, load_config
from fairque.core.checking import Section, parse
from fairque.core.limits import Caps
from fairque.queue.queue import TaskQueue

F = TypeVar("F", bound=Callable[..., Any])

_OFF: Final = object()
"""Stands for `none` among the options, where None stands for one that was not given."""


class Setting(click.ParamType[Any]):
    """A value of one field of a section of settings; `none` takes it off."""

    def __init__(self, section: type[Section], field: str, name: str) -> None:
        self._section, self._field, self.name = section, field, name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value if the field accepts it: the rules are those of the library and of the file."""
        if value is _OFF or str(value).lower() == "none":
            return _OFF
        found = value if self._field in {"rate", "cost"} else _number(value)
        _, problems = parse(self._section, {self._field: found})
        if problems:
            self.fail(problems[0].text, param, ctx)
        return found


def caps_options(command: F) -> F:
    """Give a command an option for each cap."""
    for name, kind, text in (
        ("max_backlog", "N", "Tasks waiting, beyond which pushes are refused."),
        ("burst", "N", "Starts that may come at once after a quiet time; with --rate."),
        ("rate", "N/UNIT", "Starts over time: 100/s, 10/m, 5/h or 1000/d."),
        ("max_concurrency", "N", "Tasks running at once; 0: none may run."),
    ):
        option = click.option(f"--{name.replace('_', '-')}", name, type=Setting(Caps, name, kind), help=text)
        command = option(command)
    return command


def changes_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes that options ask for; None in them takes a setting off.

    Raises:
        click.UsageError: none was given.
    """
    changes = {name: None if value is _OFF else value for name, value in options.items() if value is not None}
    if not changes:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise click.UsageError(f"nothing to set: give one or more of {names}; the value `none` takes one off")
    return changes


@contextmanager
def opened(config_path: Path | None) -> Iterator[tuple[TaskQueue, str]]:
    """Give the queue of a configuration, and where it is."""
    config = impatient(load_config(config_path))
    with unwarned(), TaskQueue(config) as queue:
        yield queue, config.redis.address


@contextmanager
def unwarned() -> Iterator[None]:
    """Do not warn in the block that the configuration's `fairness:` may not be what is in force: commands tell and
    change what is.
    """
    log = logging.getLogger("fairque.queue")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _number(text: Any) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
