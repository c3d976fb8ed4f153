"""Calls about XCom: values that runs leave for other runs of their flow, or of their user."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from fairque.core.codec import decode_ending
from fairque.core.ids import encode_id
from fairque.store.call import Call
from fairque.store.records import Grant, read_record

Scope = Literal["run", "user"]
SCOPES: Final[tuple[Scope, ...]] = ("run", "user")


class Value(NamedTuple):
    """What was found under a key, as JSON, and whether it was left for all tasks of the user."""

    json: bytes
    of_user: bool


def push(root: str, grant: Grant, key: str, value: bytes, ttl: float, scope: Scope, now: str = "") -> Call[bool]:
    """Keep a value, given as JSON, for `ttl` seconds; answers False where the run no longer holds its lease."""
    keep_ms = max(1, int(ttl * 1000))
    return Call("xcom", root, (now, grant.member, grant.token, scope, encode_id(key), keep_ms, value), bool)


def pull(root: str, grant: Grant, key: str) -> Call[Value | None]:
    """Find what a run asks for by a key: left in its run (or the result of its flow's task of that key), or else left
    for its user.
    """
    user = encode_id(grant.user_id)

    def read(reply: list[Any]) -> Value | None:
        match reply:
            case []:
                return None
            case [b"task", task_id, record]:
                found = read_record(user.encode(), task_id.decode(), record)
                return Value(bytes(decode_ending(found.body).result), of_user=False)
        scope, value = reply
        return Value(value, of_user=scope == b"user")

    return Call("pull", root, (user, encode_id(grant.task_id), grant.nonce, encode_id(key)), read)
