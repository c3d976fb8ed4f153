"""What Redis says when it refuses, in fairque's words."""

from __future__ import annotations

from fairque.errors import (
    BacklogFull,
    FairqueError,
    QueueBusy,
    QueueFull,
    QueueRefusal,
    RedisUnavailable,
    StoredDataError,
    TaskRunning,
)

_BY_CODE: dict[str, type[FairqueError]] = {
    "OOM": QueueFull,
    "BACKLOG": BacklogFull,
    "NOTIDLE": QueueBusy,
    "RUNNING": TaskRunning,
    "WRONGTYPE": StoredDataError,
    "READONLY": RedisUnavailable,
    "MASTERDOWN": RedisUnavailable,
    "CLUSTERDOWN": RedisUnavailable,
}
_IN_A_SCRIPT = "user_script:"
"""A script came upon something that it could not work with."""
_REMEDIES = {
    "OOM": "Redis is at maxmemory: let workers drain the queue, or raise the limit",
    "NOPERM": "this Redis user may not do what fairque needs: commands on the keys {prefix:*}, EVAL and EVALSHA",
    "READONLY": "this Redis is a replica: point redis.url at its primary",
}


def translate(code: str, message: str, address: str) -> FairqueError:
    """Return the exception for an error reply of Redis; `code` is its first word, such as OOM or WRONGTYPE."""
    family = _BY_CODE.get(code) or (StoredDataError if _IN_A_SCRIPT in message else QueueRefusal)
    text = _REMEDIES.get(code, message.removeprefix(f"{code} ") if code in _BY_CODE else message)
    return family(f"{address}: {text}" if issubclass(family, RedisUnavailable) else text)
