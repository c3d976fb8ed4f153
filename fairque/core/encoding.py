"""Values as JSON, by msgspec, within bounds: what is too large, too deep or no JSON is refused, by its path."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from fairque.core.wording import clipped
from fairque.errors import TaskValidationError

MAX_BODY_BYTES: Final = 1024 * 1024
"""Largest stored call, result and XCom value, in bytes of JSON."""
MAX_DEPTH: Final = 100
"""Deepest nesting of an argument or a result: far below what the decoder's recursion can take on any thread."""

encode: Final = msgspec.json.Encoder().encode

_FAULTS: Final = (TypeError, ValueError, OverflowError, RecursionError, MemoryError)


def encode_bounded(what: str, value: object, depth: int = MAX_DEPTH) -> bytes:
    """Return a value as JSON that any thread can decode. `what` names it in messages.

    Raises:
        TaskValidationError: it is not encodable, too large or too deep.
    """
    try:
        encoded = encode(value)
    except _FAULTS as error:
        raise _not_encodable(what, error) from None
    return _within_bounds(what, encoded, depth)


def encode_value(what: str, value: object) -> bytes:
    """Return what a task gives out as JSON. `what` names it in messages, with the path of what is at fault.

    Raises:
        TaskValidationError: it is not encodable, holds NaN or infinity (JSON has neither), or is too large or too deep.
    """
    try:
        encoded = encode(value)
    except _FAULTS as error:
        raise _not_encodable(_path_of_fault(what, value), error) from None
    encoded = _within_bounds(what, encoded, MAX_DEPTH)
    # The encoder writes NaN and infinity as null, so only a value with a null in it need be looked through.
    if value is not None and b"null" in encoded and not _finite(value):
        where = _path_of_fault(what, value)
        raise TaskValidationError(f"{where}: has a NaN or an infinity, which JSON cannot hold")
    return encoded


def _not_encodable(where: str, error: Exception) -> TaskValidationError:
    return TaskValidationError(f"{where}: cannot be stored as JSON: {clipped(str(error), 150)}")


def _within_bounds(what: str, encoded: bytes, depth: int) -> bytes:
    if len(encoded) > MAX_BODY_BYTES:
        raise TaskValidationError(f"{what}: {len(encoded):,} bytes as JSON; at most {MAX_BODY_BYTES:,} are taken")
    # So many levels take twice as many brackets: most values are too short to be looked at.
    if len(encoded) > 2 * depth and encoded.count(b"[") + encoded.count(b"{") > depth and _is_deeper(encoded, depth):
        raise TaskValidationError(f"{what}: nested deeper than {MAX_DEPTH}")
    return encoded


def _path_of_fault(what: str, value: Any) -> str:
    """Return the path of the innermost part that cannot be stored."""
    path = what
    for _ in range(MAX_DEPTH):
        found = next(((step, part) for step, part in _parts(value) if not _is_sound(part)), None)
        if found is None:
            break
        path, value = path + found[0], found[1]
    return clipped(path, 100)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is right inside a value, each with the step that leads there."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"[{key!r:.40}]", item
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield f"[{place}]", item
    else:
        for name in _fields(value):
            yield f".{name}", getattr(value, name)


def _is_sound(value: Any) -> bool:
    try:
        encode(value)
        return _finite(value)
    except _FAULTS:
        return False


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_finite(item) for item in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_finite(item) for item in value)
    return all(_finite(getattr(value, name)) for name in _fields(value))


def _fields(value: Any) -> Iterable[str]:
    names: Iterable[str] = getattr(value, "__struct_fields__", getattr(value, "__dataclass_fields__", ()))
    return names


_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def _is_deeper(encoded: bytes, most: int) -> bool:
    """Whether JSON is nested deeper than that. Its strings are taken out (18 ms of 800 KB) only where they matter."""
    return not _vanishes(encoded, most) and not _vanishes(_STRINGS.sub(b"", encoded), most)


def _vanishes(encoded: bytes, most: int) -> bool:
    """Whether no bracket is left when the innermost pairs have been taken away so many times (0.5 ms of 800 KB)."""
    brackets = encoded.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(most):
        brackets = brackets.replace(b"[]", b"")
    return not brackets
