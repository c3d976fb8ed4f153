"""What if: `--set users.heavy.weight=3` changes one value of a trace before it is checked.

A path is written as problems tell it: names with dots between, places of lists in brackets, and names that have dots
themselves in brackets and quotes, `users['a.b'].weight`. The value is YAML; nothing (or null) takes the key out.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fairque.core.wording import shown
from fairque.core.yaml_text import YamlTextError, read_yaml
from fairque.errors import ConfigError

_STEP: Final = re.compile(
    r"""(?P<dot>\.)?(?:(?P<name>[^\s.\[\]=]+)|\[(?:(?P<place>\d{1,6})|(["'])(?P<quoted>.+?)\4)\])"""
)


class Change(NamedTuple):
    """One change: the path (keys and places), the value, and how it was written."""

    path: tuple[str | int, ...]
    value: Any
    text: str


def read_change(text: str) -> Change:
    """Return the change that `PATH=VALUE` stands for.

    Raises:
        ConfigError: it is none.
    """
    steps: list[str | int] = []
    at = 0
    while (step := _STEP.match(text, at)) and bool(step["dot"]) == bool(steps and step["name"]):
        steps.append(int(step["place"]) if step["place"] else step["name"] or step["quoted"])
        at = step.end()
    if not steps or text[at : at + 1] != "=":
        raise ConfigError(f"--set {text}: expected PATH=VALUE, such as users.heavy.weight=3 or workers[0].slots=20")
    try:
        return Change(tuple(steps), read_yaml(text[at + 1 :]), text)
    except YamlTextError as error:
        raise ConfigError(f"--set {text}: the value is not YAML: {error}") from error


def workers_change(document: Any, count: int) -> Change:
    """Return the change to `count` copies of the only worker.

    Raises:
        ConfigError: the trace has several.
    """
    workers = document.get("workers") if isinstance(document, Mapping) else None
    if isinstance(workers, list) and len(workers) > 1:
        raise ConfigError(
            f"--workers {count}: the trace has {len(workers)}: say which, --set 'workers[0].count={count}'"
        )
    return Change(("workers", 0, "count"), count, f"workers[0].count={count}")


def changed(document: Any, changes: Iterable[Change]) -> Any:
    """Return a copy of a trace's document with the changes made, in order.

    Raises:
        ConfigError: with every path that leads nowhere.
    """
    new, problems = copy.deepcopy(document), []
    for change in changes:
        try:
            _set(new, change.path, change.value)
        except LookupError as error:
            problems.append(f"--set {change.text}: {error.args[0]}")
    if problems:
        raise ConfigError(problems=tuple(problems))
    return new


def _set(inside: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Set what stands at a path. Mappings on the way that are not there, or empty, are made."""
    match inside, path[0]:
        case list(), int(place) if place < len(inside):
            if len(path) > 1:
                _set(inside[place], path[1:], value)
            elif value is None:
                del inside[place]
            else:
                inside[place] = value
        case dict(), str(name):
            if len(path) > 1:
                if inside.get(name) is None:
                    inside[name] = {}
                _set(inside[name], path[1:], value)
            elif value is None:
                inside.pop(name, None)
            else:
                inside[name] = value
        case list(), first:
            raise LookupError(f"a list of {len(inside)} has no [{first}]; its places are numbers from 0 on")
        case _, first:
            raise LookupError(f"there is no {first} in {shown(inside)}")
