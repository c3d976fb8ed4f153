"""Lays settings from the environment and from flags over a document, and remembers where each came from.

Pure: the environment is a mapping that the caller passes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from fairque.core.checking import Problem, Section, entry_of, fields_of, item_of, nearest, section_in, without_none
from fairque.core.settings import Settings
from fairque.core.wording import Kind
from fairque.core.yaml_text import read_flow_list

PREFIX: Final = "FAIRQUE_"


class Entry(NamedTuple):
    """One setting from outside the document: `("worker", "id")`, or `("tasks",)` at the top."""

    path: tuple[str, ...]
    value: object
    label: str
    """What an error calls it."""


def from_environ(environ: Mapping[str, str]) -> tuple[list[Entry], list[str]]:
    """Return the settings in `FAIRQUE_SECTION__KEY` variables, and a line for each that names no setting.

    Variables outside the known sections (`FAIRQUE_TEST_REDIS_URL`) are somebody else's.
    """
    entries: list[Entry] = []
    lines: list[str] = []
    for name in sorted(environ):
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if not name.startswith(PREFIX) or _is_foreign(path):
            continue
        if (kind := _kind_at(path)) is not None:
            entries.append(Entry(path, _from_text(without_none(kind), environ[name]), name))
        else:
            meant = nearest(".".join(path), _paths())
            hint = PREFIX + meant.upper().replace(".", "__") if meant else ""
            lines.append(f"{name}: unknown key" + (f"; did you mean {hint}?" if hint else ""))
    return entries, lines


def from_overrides(overrides: Mapping[str, object]) -> tuple[list[Entry], list[str]]:
    """Return the settings in `{"redis.url": ...}`, None meaning not given, and a line for each that is none."""
    entries: list[Entry] = []
    lines: list[str] = []
    for name, value in overrides.items():
        path = tuple(name.split("."))
        if _kind_at(path) is None:
            meant = nearest(name, _paths())
            lines.append(f"override {name}: unknown key" + (f"; did you mean {meant}?" if meant else ""))
        elif value is not None:
            entries.append(Entry(path, value, f"override {name}"))
    return entries, lines


class Document:
    """A file's document under the layers laid over it; tells each problem in the words of its source."""

    def __init__(self, content: Mapping[Any, object], source: str = "") -> None:
        """Copy `content` two levels deep; `source` stands before the problems that come from it."""
        self.content: dict[Any, object] = {key: _copied(value) for key, value in content.items()}
        self.lines: list[str] = []
        self._before = f"{source}: " if source else ""
        self._labels: dict[str, str] = {}
        self._singular: dict[str, str] = {}
        for one, many in Settings.singular.items():
            self._spread(one, many)

    def lay_over(self, entries: Iterable[Entry]) -> None:
        """Let the entries win over what is there."""
        entries = list(entries)
        self._begin_worker(entries)
        self._make_room(entries)
        for entry in entries:
            for where, target in self._targets(entry.path[:-1]):
                target[entry.path[-1]] = entry.value
                self._labels[f"{where}{entry.path[-1]}"] = entry.label

    def tell(self, problems: Iterable[Problem]) -> tuple[str, ...]:
        """All the lines, those of `lines` first; the same fault of several workers in one variable is told once."""
        return tuple(dict.fromkeys([*self.lines, *map(self._line, problems)]))

    def _spread(self, one: str, many: str) -> None:
        if one not in self.content:
            return
        alone = self.content.pop(one)
        if many in self.content:
            self.lines.append(f"{self._before}{one}: cannot stand beside {many}: put all in {many}")
            return
        self.content[many] = [alone if alone is not None else {}]
        self._singular[f"{many}[0]"] = one

    def _begin_worker(self, entries: list[Entry]) -> None:
        """Where the document has no worker, one is made if the layer gives it an id."""
        if not self.content.get("workers") and any(entry.path == ("worker", "id") for entry in entries):
            self.content["workers"] = [{}]
            self._singular["workers[0]"] = "worker"

    def _make_room(self, entries: list[Entry]) -> None:
        for *section, key in {entry.path for entry in entries}:
            owner = _section_at(tuple(section))
            for _, target in self._targets(tuple(section)):
                for void in owner.supersedes.get(key, ()):
                    target.pop(void, None)

    def _targets(self, section: tuple[str, ...]) -> Iterator[tuple[str, dict[Any, object]]]:
        if not section:
            yield "", self.content
            return
        name = Settings.singular.get(section[0], section[0])
        if name != section[0]:
            items = self.content.get(name)
            found = [(f"{name}[{i}].", item) for i, item in enumerate(items)] if isinstance(items, list) else []
        else:
            if self.content.get(name) is None:
                self.content[name] = {}
            found = [(f"{name}.", self.content[name])]
        yield from ((where, target) for where, target in found if isinstance(target, dict))

    def _line(self, problem: Problem) -> str:
        path, text = problem
        for known, label in self._labels.items():
            if path == known or path.startswith(f"{known}["):
                return f"{label}{path[len(known) :]}: {text}"
        for many, one in self._singular.items():
            if path == many or path.startswith(f"{many}."):
                path = one + path[len(many) :]
        return f"{self._before}{Problem(path, text)}"


def _copied(value: object) -> object:
    if isinstance(value, list):
        return [dict(item) if isinstance(item, dict) else item for item in value]
    return dict(value) if isinstance(value, dict) else value


def _sections() -> dict[str, type[Section]]:
    fields = fields_of(Settings)
    lists = {one: item_of(fields[many].type) for one, many in Settings.singular.items()}
    plain = {name: section for name, field in fields.items() if (section := section_in(field.type)) is not None}
    return plain | lists


def _section_at(path: tuple[str, ...]) -> type[Section]:
    return _sections()[path[0]] if path else Settings


def _kind_at(path: tuple[str, ...]) -> Kind:
    """Return the type of the setting there; None if there is none. Sections themselves cannot be given."""
    if len(path) > 2 or (len(path) == 2 and path[0] not in _sections()):
        return None
    field = fields_of(_section_at(path[:-1])).get(path[-1])
    if field is None or section_in(field.type) or section_in(item_of(field.type)) or entry_of(field.type):
        return None
    return field.type


def _is_foreign(path: tuple[str, ...]) -> bool:
    if len(path) == 1:
        return _kind_at(path) is None
    return path[0] not in _sections() and path[0] not in Settings.singular.values()


def _paths() -> list[str]:
    return [f"{name}.{key}" for name, section in _sections().items() for key in fields_of(section)]


def _from_text(kind: Kind, text: str) -> object:
    """Return the value that the text stands for; the text itself where it stands for none, for the checks to refuse."""
    if item_of(kind) is not None:
        if text.lstrip().startswith("["):
            items = read_flow_list(text)
            return text if items is None else items
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return msgspec.convert(text, kind, strict=False)
    except ValueError:  # also what UTF-8 cannot hold
        return text
