"""Arguments: what would not come back equal is refused when it is pushed, and what comes back is rebuilt.

A parameter's annotation decides how its argument comes back (msgspec: dataclass, Struct, datetime, UUID, Decimal,
bytes, tuple, set, Enum, ...). Without one, an argument must be what JSON itself has: None, bool, int, float, str, and
lists and dicts with string keys of these.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, get_type_hints

import msgspec

from fairque.core.encoding import MAX_DEPTH
from fairque.core.wording import clipped
from fairque.errors import TaskValidationError

_LONGEST: Final = 200
"""Characters of a path, or of what msgspec or Python say of a value: either may quote it."""

_UNTYPED: Final = frozenset({Any, object, list, dict, inspect.Parameter.empty})


class Parameters:
    """What a function's annotations say of its arguments: how each is checked on its way out and rebuilt on its way in.

    Annotations that cannot be resolved or that msgspec does not know count as none.

    Raises:
        TaskValidationError: Python does not know what arguments it takes, as of some functions in C.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            self._signature = inspect.signature(function)
        except (TypeError, ValueError) as error:
            raise TaskValidationError(f"@task: {clipped(str(error), _LONGEST)}") from None
        hints = _hints(function)
        positional, named = [], {}
        self._variadic: Any = None
        self._rest: Any = None
        required = 0
        for parameter in self._signature.parameters.values():
            kind = _kept(hints.get(parameter.name, Any))
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._variadic = kind
            elif parameter.kind is parameter.VAR_KEYWORD:
                self._rest = kind
            else:
                if parameter.kind is not parameter.KEYWORD_ONLY:
                    positional.append(kind)
                    required += parameter.default is parameter.empty
                else:
                    required = 1_000_000 if parameter.default is parameter.empty else required
                if parameter.kind is not parameter.POSITIONAL_ONLY:
                    named[parameter.name] = kind
        self._positional, self._named, self._required = positional, named, required
        self._typed = any(kind not in _PLAIN for kind in [*positional, *named.values(), self._variadic, self._rest])
        safe = required == len(positional) and all(kind in _SAFE for kind in positional)
        self._exact = tuple(positional) if safe else None
        self.returns = _kept(hints.get("return", Any))

    def check(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Refuse a call that the function would not take, or an argument that would not come back equal.

        Raises:
            TaskValidationError: with the argument's path, as in `args[0]["when"]: datetime needs an annotation`.
        """
        if not kwargs and tuple(map(type, args)) == self._exact:
            return
        if kwargs or not self._required <= len(args) <= len(self._positional):
            try:
                self._signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TaskValidationError(f"arguments: {clipped(str(error), _LONGEST)}") from None
        for place, (value, kind) in enumerate(zip(args, self._kinds(args), strict=True)):
            if type(value) is not kind or kind not in _SAFE:
                _check(value, kind, f"args[{place}]")
        for name, value in kwargs.items():
            _check(value, self._named.get(name, self._rest), f"kwargs[{name!r}]")

    def rebuild(self, args: list[Any], kwargs: dict[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return decoded arguments as their annotations have them.

        Raises:
            TaskValidationError: an argument does not fit (the function has changed since the push).
        """
        if not self._typed:
            return args, kwargs
        path = ""
        rebuilt, named = list[Any](), dict[str, Any]()
        try:
            for place, (value, kind) in enumerate(zip(args, self._kinds(args), strict=True)):
                path = f"args[{place}]"
                rebuilt.append(_rebuild(value, kind))
            for name, value in kwargs.items():
                path = f"kwargs[{name!r}]"
                named[name] = _rebuild(value, self._named.get(name, self._rest))
        except msgspec.ValidationError as error:
            raise _refusal(path, str(error)) from None
        return rebuilt, named

    def taken(self, name: str, found: bytes | Sequence[bytes]) -> Any:
        """Return what a parameter gets from a parent, or from several as a list: results as JSON, made what its
        annotation says.

        Raises:
            TaskValidationError: it does not fit, with its path: `kwargs['rows']`.
        """
        encoded = found if isinstance(found, bytes) else b"[%b]" % b",".join(found)
        kind = self._named.get(name, self._rest)
        try:
            value = msgspec.json.decode(encoded)
            return value if kind in (Any, None) else msgspec.convert(value, kind, str_keys=True)
        except msgspec.MsgspecError as error:
            raise _refusal(f"kwargs[{name!r}]", str(error)) from None

    def _kinds(self, args: Sequence[Any]) -> Sequence[Any]:
        extra = len(args) - len(self._positional)
        return self._positional[: len(args)] if extra <= 0 else [*self._positional, *[self._variadic] * extra]


_SAFE: Final = frozenset({str, bool, int, type(None)})
"""A value of exactly this type comes back equal, if it can be encoded at all."""
_PLAIN: Final = frozenset({*_SAFE, Any, None})
"""Kinds of parameter for which what JSON gives back is the argument; a float may come back as an int."""


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:
        return {}


def _kept(annotation: Any) -> Any:
    """Return the annotation if msgspec can rebuild it, else Any."""
    if annotation in (str, bool, int, float, type(None)):
        return annotation
    try:
        if annotation in _UNTYPED:
            return Any
        msgspec.json.Decoder(annotation)
    except (TypeError, NameError):
        return Any
    return annotation


def _rebuild(value: Any, kind: Any) -> Any:
    return value if kind in _PLAIN else msgspec.convert(value, kind, str_keys=True)


def _check(value: Any, kind: Any, path: str) -> None:
    if kind is Any:
        for fault in _not_json(value, path, 0):
            raise _refusal(*fault)
        return
    try:
        back = msgspec.convert(msgspec.json.decode(msgspec.json.encode(value)), kind, str_keys=True)
        if back == value:
            return
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise _refusal(path, str(error)) from None
    for fault in _not_json(value, path, 0):
        raise _refusal(*fault)
    raise _refusal(path, f"would not come back equal as {kind}")


def _refusal(path: str, fault: str) -> TaskValidationError:
    return TaskValidationError(f"{clipped(path, _LONGEST // 2)}: {clipped(fault, _LONGEST)}")


Fault = tuple[str, str]
"""The path of what is wrong, and what is."""


def _not_json(value: Any, path: str, depth: int) -> Iterator[Fault]:
    """Yield what in `value` JSON would not give back as it is."""
    kind = type(value)
    if kind is str:
        if not (value.isascii() or _is_encodable(value)):
            yield path, "has a character that UTF-8 cannot hold"
    elif kind is float:
        if not math.isfinite(value):
            yield path, f"{value} does not survive JSON"
    elif kind in (list, dict):
        if depth >= MAX_DEPTH:
            yield path, f"nested deeper than {MAX_DEPTH}"
            return
        yield from _not_json_inside(value, path, depth + 1)
    elif kind not in _SAFE:
        yield path, f"{kind.__name__} needs an annotation"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_json_inside(value: list[Any] | dict[Any, Any], path: str, depth: int) -> Iterator[Fault]:
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from _not_json(item, f"{path}[{place}]", depth)
        return
    for key, item in value.items():
        if type(key) is str:
            yield from _not_json(key, f"{path} key", depth)
        else:
            yield path, f"the key {key!r:.40} is not a string; annotate the parameter, as in dict[int, str]"
        yield from _not_json(item, f"{path}[{key!r:.40}]", depth)


def check_payload(payload: dict[str, Any]) -> None:
    """Refuse a payload that would not come back equal. Raises `TaskValidationError` with the path."""
    _check(payload, Any, "payload")


def not_plain(value: Any, path: str) -> Iterator[Fault]:
    """Yield what in an argument that stands in a file JSON would not give back as it is, each with its path."""
    for place, fault in _not_json(value, path, 0):
        yield place, fault.replace("needs an annotation", "is not JSON: put it in quotes").partition("; annotate")[0]
