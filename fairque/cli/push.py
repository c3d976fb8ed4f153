"""`fairque push`: push one task from the command line."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, Final

import click

from fairque.cli.entry import config_option, json_option, load_config, print_json
from fairque.cli.modules import import_module, import_tasks
from fairque.core.ids import check_name
from fairque.core.options import Priority
from fairque.errors import UnknownTask
from fairque.queue.queue import TaskQueue
from fairque.queue.registry import TaskFunction, find_task, task_names


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


@click.command
@click.argument("name")
@click.option("--user", "user_id", required=True, metavar="USER", help="Whose task it is.")
@click.option("--args", type=_ARRAY, default="[]", metavar="JSON", help="Arguments, as a JSON array.")
@click.option("--kwargs", type=_OBJECT, default="{}", metavar="JSON", help="Arguments by name, as a JSON object.")
@click.option("--priority", type=_Level(), metavar="P", help="1 to 6, or a name such as HIGH.")
@click.option("--delay", type=float, metavar="S", help="Seconds until it may start.")
@click.option("--id", "task_id", metavar="ID", help="A task id of your own: alive already, it is not pushed again.")
@config_option
@json_option
def push(
    *,
    name: str,
    user_id: str,
    args: list[Any],
    kwargs: dict[str, Any],
    config_path: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Push one task and print its id.

    NAME is a task's name, `module:function`. The modules under `tasks:` are imported first; if none of them has the
    task, the module that NAME itself names is (the current directory is on the path).
    """
    config = load_config(config_path)
    import_tasks(config.tasks, config_path or "FAIRQUE_TASKS")
    function = _found(name)
    task = _called(function, args, kwargs).with_(**{key: value for key, value in options.items() if value is not None})
    with TaskQueue(config) as queue:
        handle = queue.push(task, user_id=user_id)
    if as_json:
        print_json({"task_id": handle.task_id, "user_id": handle.user_id, "created": handle.created})
        return
    click.echo(handle.task_id)
    if not handle.created:
        click.echo(f"fairque: {handle.user_id} has a live task {handle.task_id} already: nothing was pushed", err=True)


def _found(name: str) -> TaskFunction[..., Any]:
    """Return the task function of that name.

    Raises:
        TaskValidationError: no task can have that name.
        UnknownTask: there is none; the nearest names are told.
    """
    check_name(name)
    module, colon, _ = name.partition(":")
    missing = ""
    if find_task(name) is None and colon and all(part.isidentifier() for part in module.split(".")):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            missing = f": {error}"
    found = find_task(name)
    if found is None:
        near = difflib.get_close_matches(name, task_names(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "a name is module:function, as in myapp.tasks:send"
        raise UnknownTask(f"no task is called {name}{missing}; {hint}")
    return found


def _called(function: TaskFunction[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return a call with its arguments as the function's annotations have them: a date is text in JSON."""
    positional, named = function.parameters.rebuild(args, kwargs)
    return function(*positional, **named)
