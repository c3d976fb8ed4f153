"""Reads plain mappings into frozen sections of settings and finds everything that is wrong, not just the first.

`msgspec.convert` stops at the first fault, so a section is read field by field here. A new section, or a list of
sections, needs no code in this file: it declares its fields, its secrets and its rules.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, ClassVar, Final, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, force_setattr

from fairque.core.wording import Kind, clipped, expected, shown
from fairque.errors import ConfigError

MOST_PER_LIST: Final = 5
"""So many faults of one list are told one by one; a list of 100,000 users may be wrong 100,000 times."""


class Problem(NamedTuple):
    """One thing that is wrong: where, as a path such as `workers[0].id` (empty: the whole), and what."""

    path: str
    text: str

    def under(self, outer: str) -> Problem:
        """Return the same problem, seen from the section around it."""
        dot = "." if outer and self.path and not self.path.startswith("[") else ""
        return Problem(f"{outer}{dot}{self.path}", self.text)

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class Rule(NamedTuple):
    """What types cannot say: `find` gets the values of `reads` and yields problems, placed under the first of them.

    It runs whenever each of those fields could be read on its own, whatever else is wrong. The items of a list of
    sections may then lack attributes: ask for them with `getattr(item, name, None)`.
    """

    reads: tuple[str, ...]
    find: Callable[..., Iterable[Problem]]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen group of settings, checked however it is made; `repr` masks its secrets.

    Raises: ConfigError with all the problems of this section.
    """

    rules: ClassVar[tuple[Rule, ...]] = ()
    secrets: ClassVar[frozenset[str]] = frozenset()
    supersedes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Key -> the keys that it makes void where they come from a weaker source (a file against the environment)."""

    def __post_init__(self) -> None:
        values, problems = _fields(type(self), {name: getattr(self, name) for name in self.__struct_fields__})
        if problems:
            raise ConfigError(problems=tuple(map(str, problems)))
        for name, value in values.items():
            force_setattr(self, name, value)  # a list became a tuple, 3 became 3.0

    def presentable(self, name: str) -> object:
        """Return the value of a field, fit for a log."""
        value = getattr(self, name)
        return "***" if name in self.secrets and value is not None else value

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={self.presentable(name)!r}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> Iterable[tuple[str, Any]]:  # type: ignore[override]  # msgspec says Generator
        return [(name, self.presentable(name)) for name in self.__struct_fields__]


S = TypeVar("S", bound=Section)


def parse(section: type[S], raw: object) -> tuple[S | None, list[Problem]]:
    """Return the section that `raw` describes, or None and everything that is wrong with it."""
    value, problems = _section(section, raw)
    return (None if problems else cast(S, value)), problems


@cache
def fields_of(section: type[Section]) -> Mapping[str, FieldInfo]:
    """Return the fields of a section by name, with their types resolved."""
    return {field.name: field for field in msgspec.structs.fields(section)}


def section_in(kind: object) -> type[Section] | None:
    """Return the section that a field's type is, if it is one."""
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def item_of(kind: object) -> Kind:
    """Return X, where a field's type is `tuple[X, ...]`; else None."""
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def entry_of(kind: object) -> type[Section] | None:
    """Return S, where a field's type is `dict[str, S]` with a section S; else None."""
    return section_in(get_args(kind)[1]) if get_origin(kind) is dict else None


def without_none(kind: Kind) -> Kind:
    """Return X, where a field's type is `X | None`; else the type itself."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    return next(part for part in get_args(kind) if part is not NoneType)


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Return the known word that the writer probably meant."""
    close = difflib.get_close_matches(str(word), words := list(known), n=1)
    return next(iter([*close, *(name for name in words if name.startswith(f"{word}_"))]), None)


_UNUSABLE: Final = object()
_Read = tuple[object, list[Problem]]


def _section(section: type[Section], raw: object) -> _Read:
    """Read a section; with problems it is a namespace of what could be read, for the rules around it."""
    if isinstance(raw, section):
        return raw, []
    if raw is None:
        raw = {}  # in YAML: a heading with all its keys commented out
    if not isinstance(raw, Mapping):
        return _UNUSABLE, [Problem("", f"must be a mapping, not {shown(raw)}")]
    values, problems = _fields(section, raw)
    return (SimpleNamespace(**values) if problems else section(**values)), problems


def _fields(section: type[Section], raw: Mapping[Any, object]) -> tuple[dict[str, object], list[Problem]]:
    known = fields_of(section)
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for name, field in known.items():
        if name in raw:
            value, faults = _value(field.type, raw[name], secret=name in section.secrets)
            problems += [fault.under(name) for fault in faults]
            if value is not _UNUSABLE:
                values[name] = value
        elif field.required:
            problems.append(Problem(name, "is missing"))
        else:
            values[name] = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    problems += [_unknown(key, known) for key in raw if key not in known]
    for rule in section.rules:
        if all(name in values for name in rule.reads):
            found = rule.find(*(values[name] for name in rule.reads))
            problems += [problem.under(rule.reads[0]) for problem in found]
    return values, problems


def _unknown(key: object, known: Iterable[str]) -> Problem:
    meant = nearest(key, known)
    name = clipped(key) if isinstance(key, str) and key.isidentifier() else shown(key)
    return Problem(
        name, f"unknown key; did you mean {meant}?" if meant else f"unknown key; known are {', '.join(known)}"
    )


def _value(kind: Kind, raw: object, *, secret: bool) -> _Read:
    if (section := section_in(kind)) is not None:
        return _section(section, raw)
    if (item := item_of(kind)) is not None:
        return _list(item, raw, secret=secret)
    if (entry := entry_of(kind)) is not None:
        return _mapping(entry, raw)
    try:
        return msgspec.convert(raw, kind), []
    except ValueError:  # also what UTF-8 cannot hold
        return _UNUSABLE, [Problem("", expected(without_none(kind), raw, secret=secret))]


def _list(item: Kind, raw: object, *, secret: bool) -> _Read:
    if not isinstance(raw, list | tuple):
        return _UNUSABLE, [Problem("", f"must be a list{'' if secret else f', not {shown(raw)}'}")]
    values: list[object] = []
    problems: list[Problem] = []
    for index, one in enumerate(raw):
        value, faults = _value(item, one, secret=secret)
        values.append(value)
        problems += [fault.under(f"[{index}]") for fault in faults]
    if problems and section_in(item) is None:
        return _UNUSABLE, first_few(problems)
    return tuple(values), problems


def _mapping(section: type[Section], raw: object) -> _Read:
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        return _UNUSABLE, [Problem("", f"must be a mapping, not {shown(raw)}")]
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for key, one in raw.items():
        if isinstance(key, str):
            values[key], faults = _section(section, one)
            problems += [fault.under(f"[{key!r}]") for fault in faults]
        else:
            problems.append(Problem("", f"a key must be text, not {shown(key)} (put it in quotes)"))
    return (_UNUSABLE, first_few(problems)) if problems else (values, [])


def first_few(problems: list[Problem]) -> list[Problem]:
    """Return the first problems of a list, and how many more there are."""
    if len(problems) <= MOST_PER_LIST:
        return problems
    return [*problems[:MOST_PER_LIST], Problem("", f"{len(problems) - MOST_PER_LIST:,} more items are wrong")]
