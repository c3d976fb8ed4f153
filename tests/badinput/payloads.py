"""The table of values that are given to a task, or returned by one: what comes back equal and what is refused."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from fairque.core.encoding import MAX_BODY_BYTES, MAX_DEPTH
from tests.core.travel import nested

SECRET: Final = "sesame"
"""Stands in every value that is refused, and in no error and no log."""


class Value(NamedTuple):
    """`make(around)` builds the value, `around` being how many bytes of JSON stand around a string at its entry.

    Given to a task it comes back equal, or is refused. As a result it may also come back `as_json` has it.
    """

    name: str
    make: Callable[[int], Any]
    given: bool
    returned: bool
    as_json: Any = None


def _back(name: str, value: Any) -> Value:
    return Value(name, lambda _: value, given=True, returned=True)


def _gone(name: str, value: Any) -> Value:
    return Value(name, lambda _: value, given=False, returned=False)


def _changed(name: str, value: Any, as_json: Any) -> Value:
    return Value(name, lambda _: value, given=False, returned=True, as_json=as_json)


def _circle(kind: type) -> Any:
    inner: Any = [SECRET]
    circle = inner if kind is list else {"inner": inner}
    inner.append(circle)
    return circle


_WHEN: Final = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

VALUES: Final = (
    Value("at-the-limit", lambda around: "x" * (MAX_BODY_BYTES - around), given=True, returned=True),
    Value("one-over", lambda around: SECRET + "x" * (MAX_BODY_BYTES - around - 5), given=False, returned=False),
    Value("4-MiB-of-two-bytes-each", lambda _: SECRET + "\u00e9" * (2 * 1024 * 1024), given=False, returned=False),
    _back("deep", nested(MAX_DEPTH - 1)),
    _gone("too-deep", [SECRET, nested(MAX_DEPTH)]),
    _gone("depth-1001", [SECRET, nested(1_000)]),
    _gone("depth-100000", [SECRET, nested(99_999)]),
    _back("brackets-in-text", ["[{" * 100, {"]}": '"]'}]),
    _gone("nan", [SECRET, math.nan]),
    _gone("inf", {"a": math.inf, "b": SECRET}),
    _gone("minus-inf", [SECRET, {"a": [-math.inf]}]),
    _gone("1e400", [SECRET, float("1e400")]),
    _back("minus-zero", -0.0),
    _back("2^53+1", 2**53 + 1),
    _back("2^63", 2**63),
    _back("-2^63-1", -(2**63) - 1),
    _back("10^400", 10**400),
    _gone("10^5000", [SECRET, 10**5000]),
    _back("empty-list", []),
    _back("empty-dict", {}),
    _back("null", None),
    _back("empty-text", ""),
    _back("false", False),
    _back("zero", 0),
    _back("all-kept-apart", [[], {}, None, "", 0, 0.0, False, [None], {"": {}}]),
    _gone("lone-surrogate", SECRET + "\ud800"),
    _gone("lone-surrogate-key", {"a": {"\udfff": SECRET}}),
    _back("nul-in-text", "a\0b"),
    _back("byte-order-mark", "\ufeffa"),
    _back("line-separators", "\u2028\u2029\x85"),
    _back("prototype", {"__proto__": {"constructor": 1}}),
    _back("yaml-tag", "!!python/object/apply:os.system ['true']"),
    _back("protocol", "\r\n*1\r\n$8\r\nFLUSHALL\r\n"),
    _back("lua", "redis.call('FLUSHALL') return {err='x'}"),
    _gone("circular-list", _circle(list)),
    _gone("circular-dict", _circle(dict)),
    _gone("lambda", [SECRET, lambda: None]),
    _gone("object", [SECRET, object()]),
    _gone("iterator", iter([SECRET])),
    _gone("module", [SECRET, math]),
    _gone("long-path", {"a" * 99: {"b" * 99: {"c" * 99: {"d" * 99: [SECRET, math.nan]}}}}),
    _changed("set", {SECRET}, [SECRET]),
    _changed("tuple", (SECRET,), [SECRET]),
    _changed("datetime", _WHEN, "2026-11-21T09:30:00Z"),
    _changed("bytes", b"a\0b", "YQBi"),
    _changed("invalid-utf8", b"\xff\xfe", "//4="),
    _changed("pickle", pickle.dumps({"a": 1}, protocol=0), "KGRwMApWYQpwMQpJMQpzLg=="),
    _changed("int-keys", {1: SECRET}, {"1": SECRET}),
)
