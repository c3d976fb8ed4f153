"""A queue with something of everything in it, and each way to damage what Redis holds of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import redis

from fairque import TaskQueue
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.tasks import root_of
from tests.badinput.ground import Ground
from tests.badinput.jobs import echo

VICTIM, BYSTANDER = "victim", "bystander"
STATES: Final = ("finished", "failed", "started", "scheduled", "high", "canceled", "queued", "deferred")
"""The ids of the victim's tasks."""
_WORKER: Final = {"host": "h", "pid": 1, "running": 0, "lists": ["*"], "tasks": ["badinput.echo"], "tasks_total": 1}


def build(ground: Ground) -> None:
    """Fill the queue: tasks in all states, graphs, settings of all kinds, a worker and what it served."""
    queue = ground.queues["sync"]
    for name in STATES[:3]:
        queue.push(echo(name).with_(task_id=name, max_retries=0), user_id=VICTIM)
        task = queue.pop()
        assert task is not None
        if name == "finished":
            queue.finish(task, name)
        elif name == "failed":
            queue.fail(task, name)
    for name in STATES[3:7]:
        delay, priority = 60 if name == "scheduled" else 0, 5 if name == "high" else 3
        options = {"delay": delay, "priority": priority, "unique_key": f"key of {name}", "expires_in": 3600}
        queue.push(echo(name).with_(task_id=name, **options), user_id=VICTIM)
    queue.cancel("canceled", user_id=VICTIM)
    queue.push(echo("deferred").with_(task_id="deferred", depends_on=["scheduled"]), user_id=VICTIM)
    queue.enqueue(echo("first").with_(delay=60) >> echo("second"), user_id=VICTIM, run_id="graph")
    queue.push(echo("theirs").with_(task_id="theirs"), user_id=BYSTANDER)
    for user in (VICTIM, BYSTANDER):
        queue.set_user(user, weight=2, max_concurrency=50, rate="1000/s")
    driver, root = Driver(ground.config.redis), root_of(ground.prefix, "default")
    said = msgspec.json.encode(_WORKER)
    driver.run(claims.beat(root, "w9", "beat-1", said, lists=claims.SERVES_ALL, served={(VICTIM, "n"): 3}))
    driver.close()


class Place(NamedTuple):
    """One value in Redis: of a field, else a member or an item that is a value itself."""

    key: bytes
    kind: bytes
    item: bytes
    value: bytes

    @property
    def stored(self) -> bytes:
        return self.value if self.kind == b"hash" else self.item

    @property
    def name(self) -> str:
        return (self.key.partition(b"}:queue:")[2] + b" " + self.item).decode(errors="replace")

    @property
    def is_victims(self) -> bool:
        """Whether it is of the victim alone."""
        of_a_user = f":user:{VICTIM}:".encode() in self.key
        return of_a_user or VICTIM.encode() in self.item.split(b"|")

    def write(self, client: redis.Redis, stored: bytes) -> None:
        match self.kind:
            case b"hash":
                client.hset(self.key, self.item, stored)
            case b"zset":
                client.zrem(self.key, self.item)
                client.zadd(self.key, {stored: float(self.value)})
            case b"list":
                client.lset(self.key, int(self.value) - 1, stored)  # type: ignore[arg-type]


def places(ground: Ground) -> list[Place]:
    """Return all that can be damaged."""
    found = []
    for (key, item), value in ground.snapshot().items():
        kind = ground.client.type(key)
        if kind in {b"hash", b"zset", b"list"}:
            found.append(Place(key, kind, item, value))
    return found


@contextmanager
def damaged(client: redis.Redis, place: Place, stored: bytes) -> Iterator[None]:
    """Damage a place for the block."""
    place.write(client, stored)
    yield
    if place.kind == b"zset":
        client.zrem(place.key, stored)
    place.write(client, place.stored)


def _flipped(at: float) -> Callable[[bytes], bytes]:
    def flip(stored: bytes) -> bytes:
        place = min(int(at * len(stored)), len(stored) - 1)
        return stored[:place] + bytes([stored[place] ^ 0x40]) + stored[place + 1 :] if stored else b"@"

    return flip


DAMAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "garbage": lambda _: b"\xff\xfegarbage \x00%",
    "empty": lambda _: b"",
    "text": lambda _: b"hello",
    "half": lambda stored: stored[: len(stored) // 2],
    "doubled": lambda stored: stored * 2,
    "digits": lambda _: b"9" * 400,
    "negative": lambda _: b"-1",
    "nan": lambda _: b"nan",
    "separators": lambda _: b":|:|:|:|:|:|:|:|:|:|",
    "json-bomb": lambda _: b"[" * 100_000,
    "bomb-in-its-body": lambda stored: stored.partition(b"|[")[0] + b"|" + b"[" * 100_000,
    **{f"bit-at-{at}": _flipped(at) for at in (0, 0.1, 0.4, 0.7, 1)},
}

Reader = Callable[[TaskQueue], Any]


def _get(name: str) -> Reader:
    return lambda queue: queue.get_task(name, user_id=VICTIM)


def _explain(name: str) -> Reader:
    return lambda queue: queue.explain(name, user_id=VICTIM)


def _result(name: str) -> Reader:
    return lambda queue: queue.get_result(name, user_id=VICTIM, timeout=0)


def _graph(queue: TaskQueue) -> Any:
    run = queue.flow("graph", user_id=VICTIM)
    return run and run.graph()


READERS: Final[dict[str, Reader]] = {
    **{f"get_task {name}": _get(name) for name in STATES},
    **{f"explain {name}": _explain(name) for name in STATES[2:]},
    **{f"get_result {name}": _result(name) for name in ("finished", "failed", "canceled", "queued")},
    "flow": _graph,
    "flows": lambda queue: queue.flows(),
    "get_queue_sizes": lambda queue: queue.get_queue_sizes(VICTIM),
    "get_user": lambda queue: queue.get_user(VICTIM),
    "failed": lambda queue: queue.failed(VICTIM),
    "users": lambda queue: queue.users(),
    "workers": lambda queue: queue.workers(),
    "served": lambda queue: queue.served(),
    "get_stats": lambda queue: queue.get_stats(),
    "all_limits": lambda queue: queue.all_limits(),
    "get_limits": lambda queue: queue.get_limits(),
    "get_fairness": lambda queue: queue.get_fairness(),
    "fairness": lambda queue: queue.fairness(),
}
NEIGHBOURS: Final[dict[str, Reader]] = {
    "get_task": lambda queue: queue.get_task("theirs", user_id=BYSTANDER).args,  # type: ignore[union-attr]
    "get_queue_sizes": lambda queue: queue.get_queue_sizes(BYSTANDER),
}
"""What tells the same, whatever of the victim's is damaged."""
