"""Says in words what a setting must be and what was given instead, without ever showing a password."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import msgspec
import msgspec.inspect

Kind = Any
"""A type as a field declares it, such as `Annotated[int, Meta(ge=1)]`; the type system has no word for that."""

LONGEST: Final = 60
"""Characters of a wrong value that an error shows."""

_NAMES: Final = {list: "a list", tuple: "a list", dict: "a mapping", type(None): "empty", bytes: "binary data"}


def masked(text: str) -> str:
    """Return the text without what stands before the `@` of a URL, or of one that lacks its beginning (`u:word@h`)."""
    return re.sub(r"(://|:).*@", r"\1***@", text, flags=re.DOTALL)


def clipped(text: str, most: int = LONGEST) -> str:
    """Return the text, or its first `most` characters where it is longer."""
    return text if len(text) <= most else text[:most] + "…"


def shown(value: object) -> str:
    """Return a wrong value, short and on one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"the text {clipped(masked(value))!r}"
        case int() if abs(value) >= 10**18:
            return "a number of more than 18 digits"
        case int() | float():
            return str(value)
    return _NAMES.get(type(value), f"a {type(value).__name__}")


def expected(kind: Kind, raw: object, *, secret: bool) -> str:
    """Return `must be a whole number from 1 to 1000, not 0`; a secret's value is left out."""
    info = _info(kind)
    said = f"must be {_words(info)}" + ("" if secret else f", not {shown(raw)}")
    plain = info.type if isinstance(info, msgspec.inspect.Metadata) else info
    if isinstance(plain, msgspec.inspect.StrType) and not isinstance(raw, str | list | dict | None):
        said += " (put it in quotes: YAML reads unquoted 1:30, 007, on and 2026-01-01 as numbers, booleans and dates)"
    return said


@cache
def _info(kind: Kind) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(kind)


def _words(info: msgspec.inspect.Type) -> str:
    match info:
        case msgspec.inspect.Metadata(extra_json_schema={"description": str(words)}):
            return words
        case msgspec.inspect.IntType():
            return "a whole number" + _range(info)
        case msgspec.inspect.FloatType():
            return "a number" + _range(info)
        case msgspec.inspect.LiteralType(values):
            return f"one of {', '.join(map(str, values))}"
        case msgspec.inspect.BoolType():
            return "true or false"
    return "text"


def _range(info: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    low, high = info.ge, info.le
    if low is None:
        return "" if high is None else f" up to {high:.15g}"
    return f" of at least {low:.15g}" if high is None else f" from {low:.15g} to {high:.15g}"
