"""All keys of one queue, read, taken down and put back in one round trip each: a test's way to go back in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import redis

Copy = dict[bytes, bytes]
"""Every key of a queue with the bytes of its DUMP. The ends of keys' lives are not in it."""
Value = bytes | tuple[bytes, ...] | frozenset[bytes] | dict[bytes, bytes]
"""A string, a list, a set, or a hash or sorted set (member -> score)."""
Contents = dict[bytes, Value]
"""Every key of a queue with what it holds: equal if and only if no write made a difference."""

READ: Final = """
local found = {}
for i, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  local kind, value = redis.call('TYPE', key).ok, nil
  if kind == 'hash' then
    value = redis.call('HGETALL', key)
  elseif kind == 'zset' then
    value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'list' then
    value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'set' then
    value = redis.call('SMEMBERS', key)
  else
    value = redis.call('GET', key)
  end
  found[4 * i - 3], found[4 * i - 2], found[4 * i - 1] = key, kind, value
  found[4 * i] = ARGV[1] and redis.call('DUMP', key) or false
end
return found
"""
PUT: Final = """
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  redis.call('UNLINK', key)
end
for i = 1, #ARGV, 2 do
  redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1])
end
"""
MEND: Final = """
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('UNLINK', ARGV[i])
  else
    redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1], 'REPLACE')
  end
end
"""


class Shelf:
    """The keys under one root."""

    def __init__(self, client: redis.Redis, root: str) -> None:
        self._root = root
        self._read, self._put, self._mend = map(client.register_script, (READ, PUT, MEND))

    def take(self) -> Copy:
        """Return what stands there, to be put back."""
        return copy_of(self._read(keys=[self._root], args=["dump"]))

    def read(self) -> Contents:
        """Return what stands there, to be looked at."""
        return contents_of(self._read(keys=[self._root]))

    def put(self, copy: Copy) -> None:
        """Let exactly this stand there."""
        self._put(keys=[self._root], args=[part for pair in copy.items() for part in pair])

    def mend(self, copy: Copy, keys: Iterable[bytes]) -> None:
        """Let these keys stand there as in the copy."""
        self._mend(keys=[self._root], args=[part for key in keys for part in (key, copy.get(key, b""))])


def copy_of(flat: Any) -> Copy:
    """Return what the script READ has found, to be put back."""
    return dict(zip(flat[::4], flat[3::4], strict=True))


def contents_of(flat: Any) -> Contents:
    """Return what the script READ has found, to be looked at."""
    return {key: _value_of(kind, value) for key, kind, value in zip(flat[::4], flat[1::4], flat[2::4], strict=True)}


def _value_of(kind: bytes, value: Any) -> Value:
    if kind in (b"hash", b"zset"):
        return dict(zip(value[::2], value[1::2], strict=True))
    if kind == b"set":
        return frozenset(value)
    return tuple(value) if kind == b"list" else bytes(value)
