"""What Redis says when it refuses, in fairque's words."""

from __future__ import annotations

from fairque.core.ids import decode_id
from fairque.errors import (
    BacklogFull,
    FairqueError,
    FlowGone,
    QueueBusy,
    QueueFull,
    QueueRefusal,
    RedisUnavailable,
    ScheduleMoved,
    StaleLease,
    StoredDataError,
    TaskConflict,
    TaskRunning,
    UnknownTask,
)

_BY_CODE: dict[str, type[FairqueError]] = {
    "OOM": QueueFull,
    "BACKLOG": BacklogFull,
    "NOTIDLE": QueueBusy,
    "RUNNING": TaskRunning,
    "PARENT": UnknownTask,
    "CONFLICT": TaskConflict,
    "STALE": StaleLease,
    "CHANGED": ScheduleMoved,
    "GONE": FlowGone,
    "WRONGTYPE": StoredDataError,
    "READONLY": RedisUnavailable,
    "MASTERDOWN": RedisUnavailable,
    "CLUSTERDOWN": RedisUnavailable,
}
_IN_A_SCRIPT = "user_script:"
"""A script came upon something that it could not work with."""
_ABOUT = {
    "PARENT": "depends_on: no task {!r} of this user is known: it was never pushed, was deleted, or has expired",
    "CONFLICT": "{} has not ended: let it end, cancel it, or give this one another id",
    "CHANGED": "schedule {} is being changed by others all the time: try again",
    "GONE": "run {} is not there any more: it was handed in too slowly, or has ended; enqueue it again",
}
"""What to say where Lua only names what it is about."""
_REMEDIES = {
    "OOM": "Redis is at maxmemory: let workers drain the queue, or raise the limit",
    "NOPERM": "this Redis user may not do what fairque needs: commands on the keys {prefix:*}, EVAL and EVALSHA",
    "READONLY": "this Redis is a replica: point redis.url at its primary",
}


def translate(code: str, message: str, address: str) -> FairqueError:
    """Return the exception for an error reply of Redis; `code` is its first word, such as OOM or WRONGTYPE."""
    family = _BY_CODE.get(code) or (StoredDataError if _IN_A_SCRIPT in message else QueueRefusal)
    text = _REMEDIES.get(code, message.removeprefix(f"{code} ") if code in _BY_CODE else message)
    if code in _ABOUT:
        text = _ABOUT[code].format(decode_id(text))
    return family(f"{address}: {text}" if issubclass(family, RedisUnavailable) else text)
