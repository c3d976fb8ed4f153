"""Names that travel: which user and task ids fairque takes, how they enter a key, how a generated id is made.

Ids are compared byte by byte: no case folding, no Unicode normalisation, so `é` composed and decomposed are two users.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from fairque.errors import TaskValidationError

MAX_ID_BYTES: Final = 256
"""Longest user or task id, in bytes of UTF-8."""

MAX_NAME_BYTES: Final = 512
"""Longest name of a task function, in bytes of UTF-8."""

EVERYONE: Final = "*"
"""Stands for all users in a worker's lists, so no user may be called that."""

# What separates ids from each other inside keys and members, and the braces of a cluster's hash tag (I23):
# `a:critical` must not forge a lane, `{a}` must not move a key to another slot.
_ESCAPES: Final = str.maketrans({char: f"%{ord(char):02X}" for char in "%:|{}"})


def check_user_id(value: object) -> str:
    """Return `value` if it may name a user.

    A user id is a string of 1 to 256 bytes of printable characters (spaces inside are allowed), and not `*`.

    Raises:
        TaskValidationError: with what is wrong; the value itself is shown only when it is short and printable.
    """
    user_id = check_printable(value, "user_id")
    if user_id == EVERYONE:
        raise TaskValidationError("user_id: '*' means every user in a worker's lists; a user cannot be called that")
    return user_id


def check_task_id(value: object) -> str:
    """Return `value` if it may name a task: the same rule as for users, but `*` is a task id like any other.

    Raises:
        TaskValidationError: with what is wrong.
    """
    return check_printable(value, "task_id")


def check_printable(value: object, what: str) -> str:
    """Return `value` if it is text by the rule of ids; `what` names it in the message.

    Raises:
        TaskValidationError: with what is wrong.
    """
    if not isinstance(value, str):
        raise TaskValidationError(f"{what}: expected a string, got {type(value).__name__}")
    if not value:
        raise TaskValidationError(f"{what}: is empty")
    if len(value) > MAX_ID_BYTES:
        raise TaskValidationError(f"{what}: longer than {MAX_ID_BYTES} bytes")
    # isprintable() is one C pass that leaves out control characters (log and protocol injection), lone surrogates
    # (not encodable) and invisible or direction-changing characters (two ids that look the same).
    if not value.isprintable():
        raise TaskValidationError(f"{what}: has a character that is not printable: {value[:40]!a}")
    if len(value.encode()) > MAX_ID_BYTES:
        raise TaskValidationError(f"{what}: longer than {MAX_ID_BYTES} bytes")
    if value[0] == " " or value[-1] == " ":
        raise TaskValidationError(f"{what}: is blank or starts or ends with a space: {value[:40]!r}")
    return value


def check_name(name: object) -> str:
    """Return `name` if it may name a task function: 1 to 512 bytes of printable characters without blanks or `|`.

    Raises:
        TaskValidationError: it may not.
    """
    if (
        not isinstance(name, str)
        or not name.isprintable()
        or " " in name
        or "|" in name
        or not 0 < len(name.encode()) <= MAX_NAME_BYTES
    ):
        raise TaskValidationError(f"name: expected 1 to {MAX_NAME_BYTES} printable characters without blanks or '|'")
    return name


@lru_cache(maxsize=65536)
def encode_id(value: str) -> str:
    """Return the id as it stands inside keys: `:`, `|`, `{`, `}` and `%` are percent-encoded, all else is itself."""
    return value.translate(_ESCAPES)


def decode_id(value: str) -> str:
    """Return the id that `encode_id` made `value` of."""
    return _unquoted(value) if "%" in value else value


_unquoted: Final = lru_cache(maxsize=65536)(unquote)


@lru_cache(maxsize=65536)
def fingerprint(root: str, user_id: str) -> str:
    """Return 8 hexadecimal digits that stand for a user inside the generated ids of one queue.

    They let a task be found by its id alone at the price of one index field per *user*, where an index of all ids
    would cost about 95 bytes per *task*. The root is part of the hash, so ids of two queues do not correlate.
    `scripts/lua/lib/who.lua` computes the same digits: SHA-1 is what Lua inside Redis has, and nothing secret hangs
    on it.
    """
    return hashlib.sha1((root + encode_id(user_id)).encode(), usedforsecurity=False).hexdigest()[:8]


def format_task_id(at_ms: int, counter: int, noise: int, user_print: str) -> str:
    """Return a UUIDv7 (RFC 9562, section 5.7): 48 bits of time, 12 of counter, 30 of noise, 32 of the user's print.

    `at_ms` is epoch milliseconds, `counter` 0-4095, `noise` 0 to 2**30 - 1, `user_print` from `fingerprint`.
    """
    return _time_text(at_ms) + _COUNTS[counter] + _noise_text(noise) + user_print


# Ids are made many at a time, and then have these in common.
_COUNTS: Final = tuple(f"-7{count:03x}-" for count in range(4096))


@lru_cache(maxsize=16)
def _time_text(at_ms: int) -> str:
    time = f"{at_ms & 0xFFFFFFFFFFFF:012x}"
    return f"{time[:8]}-{time[8:]}"


@lru_cache(maxsize=16)
def _noise_text(noise: int) -> str:
    return f"{0x8000 | noise >> 16:04x}-{noise & 0xFFFF:04x}"


def user_print_of(task_id: str) -> str | None:
    """Return the user's fingerprint inside a generated id, or None for an id that fairque did not generate."""
    dashes_and_version = (task_id[8:9], task_id[13:15], task_id[18:19], task_id[23:24])
    if len(task_id) != 36 or dashes_and_version != ("-", "-7", "-", "-"):
        return None
    return task_id[-8:]
