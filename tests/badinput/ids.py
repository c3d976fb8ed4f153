"""The table of ids: what may name a user, a task, a queue, a worker or a schedule, and what may not."""

from __future__ import annotations

from typing import Final, NamedTuple

USER, TASK, QUEUE, WORKER, SCHEDULE = "user", "task", "queue", "worker", "schedule"


class Id(NamedTuple):
    """A value by a readable name, and what it may be the id of; of everything else it is refused."""

    name: str
    value: object
    names: frozenset[str]


def _id(name: str, value: object, *kinds: str) -> Id:
    return Id(name, value, frozenset(kinds))


_MOST: Final = (USER, TASK, WORKER, SCHEDULE)
_ALL: Final = (*_MOST, QUEUE)

IDS: Final = (
    _id("empty", ""),
    _id("blank", " "),
    _id("blanks", "   "),
    _id("blank-before", " a"),
    _id("blank-behind", "a "),
    _id("blank-inside", "a b", USER, TASK, SCHEDULE),
    _id("lane", "a:critical", *_MOST),
    _id("level", "a:normal:x", *_MOST),
    _id("hash-tag", "{a}", *_MOST),
    _id("torn-tag", "a}b{", *_MOST),
    _id("brace", "}", *_MOST),
    _id("comma", "a,b", *_MOST),
    _id("bar", "a|b", *_MOST),
    _id("encoded-colon", "a%3Acritical", *_MOST),
    _id("percent", "%", *_MOST),
    _id("newline", "a\nb"),
    _id("protocol", "a\r\n*1\r\n$8\r\nFLUSHALL\r\n"),
    _id("nul", "a\0b"),
    _id("tab", "a\tb"),
    _id("everyone", "*", TASK, WORKER, SCHEDULE),
    _id("glob", "[a-z]", *_MOST),
    _id("one-letter-glob", "?", *_MOST),
    _id("path", "../../x", *_MOST),
    _id("prototype", "__proto__", *_ALL),
    _id("constructor", "constructor", *_ALL),
    _id("quotes", "a\"b\\'c", *_MOST),
    _id("composed", "\u00e9", *_MOST),
    _id("decomposed", "e\u0301", *_MOST),
    _id("latin", "admin", *_ALL),
    _id("look-alike", "\u0430dmin", *_MOST),
    _id("right-to-left", "a\u202eb"),
    _id("zero-width", "a\u200bb"),
    _id("no-break-space", "a\u00a0b"),
    _id("emoji", "\U0001f98a", *_MOST),
    _id("lone-surrogate", "a\ud800"),
    _id("upper", "ALICE", *_ALL),
    _id("lower", "alice", *_ALL),
    _id("dot-before", ".a", *_ALL),
    _id("dash-before", "-a", *_ALL),
    _id("dash-behind", "a-", *_ALL),
    _id("reserved", "tasks", *_ALL),
    _id("number-text", "0", *_ALL),
    _id("uuid-lower", "0b7cd0a4-34a4-4b1c-9a6e-1f1f6c2f3a11", *_ALL),
    _id("uuid-upper", "0B7CD0A4-34A4-4B1C-9A6E-1F1F6C2F3A11", *_ALL),
    _id("64-bytes", "x" * 64, *_ALL),
    _id("65-bytes", "x" * 65, *_MOST),
    _id("128-bytes", "x" * 128, *_MOST),
    _id("129-bytes", "x" * 129, USER, TASK, SCHEDULE),
    _id("200-bytes", "x" * 200, USER, TASK, SCHEDULE),
    _id("201-bytes", "x" * 201, USER, TASK),
    _id("256-bytes", "x" * 256, USER, TASK),
    _id("256-bytes-of-two", "\u00e9" * 128, USER, TASK, WORKER),
    _id("257-bytes", "x" * 257),
    _id("257-bytes-of-two", "\u00e9" * 128 + "x"),
    _id("10-million-bytes", "x" * 10_000_000),
    _id("int", 3),
    _id("float", 3.0),
    _id("bool", True),
    _id("none", None),
    _id("bytes", b"a"),
    _id("list", ["a"]),
    _id("dict", {"a": 1}),
    _id("nan", float("nan")),
)


def safe(kind: str) -> list[str]:
    """Return all values that may be the id of such a thing."""
    return [str(row.value) for row in IDS if kind in row.names]
