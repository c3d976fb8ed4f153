"""What is there when all is over: every task as the queue shows it, and what should be gone."""

from __future__ import annotations

import redis

from fairque.core.ids import decode_id
from fairque.queue.reading import state_of
from fairque.store.records import read_record
from tests.chaos.evidence import Final
from tests.chaos.journal import Key

HASHES = ("runs", "busy", "held", "suspects")
ZSETS = ("leases", "ring", "due", "parked")


def read_final(client: redis.Redis, root: str) -> dict[Key, Final]:
    """Return every task that there is a record of."""
    final: dict[Key, Final] = {}
    prefix = f"{root}:queue:user:"
    runs: dict[bytes, bytes] = client.hgetall(f"{root}:queue:runs")  # type: ignore[assignment]
    for key in client.scan_iter(match=f"{_literal(prefix)}*:tasks", count=1000):
        user = key.removeprefix(prefix.encode()).removesuffix(b":tasks")
        for field, stored in client.hscan_iter(key, count=1000):
            record = read_record(user, decode_id(field.decode()), stored, runs.get(user + b"|" + field))
            final[record.user_id, record.task_id] = Final(state_of(record).value, record.lost)
    return final


def read_left(client: redis.Redis, root: str) -> dict[str, int]:
    """Return the sizes of keys that are empty in a queue where nothing waits and nothing runs."""
    left = {name: int(client.hlen(f"{root}:queue:{name}")) for name in HASHES}
    left |= {name: int(client.zcard(f"{root}:queue:{name}")) for name in ZSETS}
    for lane in ("critical", "normal:"):
        for key in client.scan_iter(match=f"{_literal(root)}:queue:user:*:{lane}*", count=1000):
            left[key.decode().removeprefix(root)] = int(client.llen(key))
    return left


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("*", "[*]")
