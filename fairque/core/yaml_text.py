"""Reads and writes YAML text, stricter than PyYAML: a key given twice is refused, and errors never quote the text.

PyYAML is imported on first use: most processes read their configuration once, some never.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from fairque.core.wording import masked

if TYPE_CHECKING:
    import yaml

DEEPEST: Final = 50
"""Levels of nesting; a configuration has four, and PyYAML's C loader crashes the process on 100,000."""


class YamlTextError(ValueError):
    """The text is not YAML that fairque takes; the message says where (line and column) and what."""


def read_yaml(text: str) -> object:
    """Return the document as plain values; None where it is empty.

    Raises: YamlTextError.
    """
    import yaml  # noqa: PLC0415

    try:
        _check_depth(yaml.parse(text, Loader=_loader()))
        return yaml.load(text, Loader=_loader())  # noqa: S506  # a SafeLoader
    except YamlTextError:
        raise
    except yaml.MarkedYAMLError as error:
        fault = _place(error.problem_mark) + _quiet(error.problem or error.context or "not YAML")
    except yaml.YAMLError:
        fault = "is not text: it has characters that YAML does not allow"
    except Exception as error:  # what int(), date(), ... raise for `!!int x` or the 31st of February
        fault = f"a value cannot be read ({type(error).__name__})"
    raise YamlTextError(fault)  # outside the handlers, so that no traceback shows the text


def read_flow_list(text: str) -> list[str] | None:
    """Return the items of `[a, "b,c"]` as they are written, never as numbers or dates; None if it is no such list."""
    import yaml  # noqa: PLC0415

    try:
        _check_depth(yaml.parse(text, Loader=yaml.BaseLoader))
        items = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # makes strings, lists and mappings only
    except (yaml.YAMLError, YamlTextError):
        return None
    return items if isinstance(items, list) and all(isinstance(item, str) for item in items) else None


def write_yaml(document: object) -> str:
    """Return the document as YAML, keys in the order given."""
    import yaml  # noqa: PLC0415

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _check_depth(events: Iterable[Any]) -> None:
    import yaml  # noqa: PLC0415

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise YamlTextError(f"{_place(event.start_mark)}nested deeper than {DEEPEST} levels")


@cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml  # noqa: PLC0415

    # In C where PyYAML was built with it: a list of 100,000 users reads in 0.41 s instead of 4.7 s (3 runs).
    base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class StrictLoader(base):  # type: ignore[misc, valid-type]
        """A SafeLoader that refuses a key given twice, where PyYAML would silently take the last."""

        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            self.checked: set[yaml.MappingNode] = set()

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            """See each mapping before `<<` is merged into it, for a merged key may be given again."""
            if node not in self.checked:
                self.checked.add(node)
                _refuse_twins(node)
            super().flatten_mapping(node)

    return StrictLoader


def _refuse_twins(node: yaml.MappingNode) -> None:
    seen: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if not isinstance(key.value, str):
            continue
        line = key.start_mark.line + 1
        if (key.tag, key.value) in seen:
            first = seen[key.tag, key.value]
            raise YamlTextError(f"{_place(key.start_mark)}the key {masked(key.value)!r} stands on line {first} already")
        seen[key.tag, key.value] = line


def _place(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""


def _quiet(problem: str) -> str:
    """PyYAML's sentence without what it quotes from the text: `password: *secret` is an alias to it."""
    return re.sub(r"(['\"]).{2,}\1", "'…'", problem, flags=re.DOTALL)
