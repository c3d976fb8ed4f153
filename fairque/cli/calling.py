"""What commands that push a task have in common: its function by name, its arguments as JSON, its priority."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from fairque.cli.modules import import_module
from fairque.core.ids import check_name
from fairque.core.options import Priority
from fairque.errors import FairqueError, TaskValidationError, UnknownTask
from fairque.queue.registry import find_task, unknown_task

F = TypeVar("F", bound=Callable[..., Any])


class _Json(click.ParamType[Any]):
    """A JSON array or object."""

    def __init__(self, kind: type, name: str, example: str) -> None:
        self.kind, self.name, self.example = kind, f"JSON {name}", example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value that the text stands for."""
        if isinstance(value, self.kind):
            return value
        try:
            found = json.loads(value, object_pairs_hook=_without_twins)
        except (ValueError, RecursionError) as error:
            self.fail(f"not JSON: {error}", param, ctx)
        if not isinstance(found, self.kind):
            self.fail(f"must be a {self.name}, such as {self.example}", param, ctx)
        return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a key given twice is refused, where `json` would silently take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


class _Level(click.ParamType[Priority]):
    """A priority by number or name."""

    name = "priority"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Priority:
        """Return the priority."""
        for level in Priority:
            if value in {level, str(level.value)} or str(value).upper().replace("-", "_") == level.name:
                return level
        return self.fail("must be 1 to 6 or one of " + ", ".join(level.name for level in Priority), param, ctx)


_ARRAY: Final = _Json(list, "array", "[1, 2]")
_OBJECT: Final = _Json(dict, "object", '{"x": 1}')


def call_options(command: F) -> F:
    """Give a command the options of a call: whose it is, its arguments, its priority."""
    for option in (
        click.option("--priority", type=_Level(), metavar="P", help="1 to 6, or a name such as HIGH."),
        click.option(
            "--kwargs", type=_OBJECT, default="{}", metavar="JSON", help="Arguments by name, as a JSON object."
        ),
        click.option("--args", type=_ARRAY, default="[]", metavar="JSON", help="Arguments, as a JSON array."),
        click.option("--user", "user_id", required=True, metavar="USER", help="Whose task it is."),
    ):
        command = option(command)
    return command


def import_task(name: str) -> None:
    """Import the module in which the task of that name stands, unless one of that name is known already.

    Raises:
        TaskValidationError: no task can have that name.
        UnknownTask: there is none; the nearest names are told.
        FairqueError: its module is there but cannot be imported.
    """
    try:
        _import(name)
    except ModuleNotFoundError as missing:
        raise unknown_task(name, f": {missing}") from None


def doubt_about(name: str) -> str:
    """Return why nobody can tell here whether a worker will know that name; nothing where there is such a task.

    Raises:
        TaskValidationError: no task can have that name.
        UnknownTask: its module is here, and has no such task; the nearest names are told.
    """
    try:
        _import(name)
    except (TaskValidationError, UnknownTask):
        raise
    except (ModuleNotFoundError, FairqueError) as error:
        first, *rest = str(error).splitlines()
        return f"{first}: {rest[-1]}" if rest else first
    return ""


def _import(name: str) -> None:
    """Do as `import_task`, but raise ModuleNotFoundError where the name has no module that is here."""
    if find_task(check_name(name)) is not None:
        return
    module, colon, _ = name.partition(":")
    if not colon or not all(part.isidentifier() for part in module.split(".")):
        raise ModuleNotFoundError("it names no module")
    import_module(module)
    if find_task(name) is None:
        raise unknown_task(name)
