"""What Redis says when it refuses, in fairque's words."""

from __future__ import annotations

from fairque.errors import FairqueError, QueueFull, QueueRefusal, RedisUnavailable, StoredDataError, TaskRunning

_BY_CODE: dict[str, type[FairqueError]] = {
    "OOM": QueueFull,
    "RUNNING": TaskRunning,
    "WRONGTYPE": StoredDataError,
    "NOAUTH": RedisUnavailable,
    "WRONGPASS": RedisUnavailable,
    "READONLY": RedisUnavailable,
    "MASTERDOWN": RedisUnavailable,
    "CLUSTERDOWN": RedisUnavailable,
}
_REMEDIES = {
    "OOM": "Redis is at maxmemory: let workers drain the queue, or raise the limit",
    "NOAUTH": "Redis wants a password: set redis.password (or FAIRQUE_REDIS__PASSWORD)",
    "WRONGPASS": "Redis does not accept this user name and password",
    "READONLY": "this Redis is a replica: point redis.url at its primary",
}


def translate(message: str, address: str) -> FairqueError:
    """Return the exception for an error reply of Redis, such as `OOM command not allowed ...`."""
    code, _, rest = message.partition(" ")
    family = _BY_CODE.get(code, QueueRefusal)
    text = _REMEDIES.get(code, rest if code in _BY_CODE else message)
    return family(f"{address}: {text}" if issubclass(family, RedisUnavailable) else text)
