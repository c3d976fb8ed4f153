"""A queue whose clock the test holds: scripts are driven by the store's own Calls, with a simulated `now`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import redis

from fairque.core.codec import Ending
from fairque.core.ids import encode_id
from fairque.core.outcome import Again, Bury, Done, Failure, Outcome, Postpone, Release
from fairque.core.settings import RedisSettings
from fairque.store import claims, tasks
from fairque.store.call import Call
from fairque.store.driver import Driver
from fairque.store.records import Grant

T = TypeVar("T")

EVERYONE: Final = claims.Lists("*", "")
AGING: Final = 60_000
"""ms of waiting that a level is worth."""
LEASE: Final = 15.0
DONE: Final = Done(b"1")
BURY: Final = Bury(Failure("E", "no"))
RELEASE: Final = Release()


class Scene:
    """One queue and everything that can be done to it. `now` is in ms and moves only when the test moves it."""

    def __init__(self, url: str, prefix: str, client: redis.Redis) -> None:
        self.root = tasks.root_of(prefix, "q")
        self.now = 1_000_000_000_000
        self.client = client
        self._url, self._prefix = url, prefix
        self._driver = Driver(RedisSettings(url=url))
        self._numbers = itertools.count(1)
        self.run(tasks.open_queue(self.root, AGING))

    @classmethod
    def beside(cls, scene: Scene) -> Scene:
        """Return another queue of the same test."""
        return cls(scene._url, f"{scene._prefix}-2", scene.client)

    def run(self, call: Call[T]) -> T:
        """Send a call."""
        return self._driver.run(call)

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def at(self) -> str:
        """Return the time as scripts take it."""
        return str(self.now)

    # --- tasks ------------------------------------------------------------------------------------------------------

    def push(self, user: str, *ids: str, level: int = 3, when: str = "") -> list[tasks.Accepted]:
        """Push chosen ids of one user, in chunks."""
        entries = [tasks.Entry(user, task_id, level, self.name("n"), when, b"call") for task_id in ids]
        return self.push_entries(entries)

    def push_entries(self, entries: Sequence[tasks.Entry]) -> list[tasks.Accepted]:
        """Push what may be of several users, in chunks."""
        answers: list[tasks.Accepted] = []
        for at in range(0, len(entries), tasks.CHUNK):
            chunk = self.run(tasks.push(self.root, entries[at : at + tasks.CHUNK], self.at()))
            answers += chunk
        return answers

    def push_many(self, user: str, count: int, *, level: int = 3) -> list[str]:
        """Push so many tasks; return their ids."""
        ids = [self.name(f"{user}-") for _ in range(count)]
        self.push(user, *ids, level=level)
        return ids

    def delete(self, user: str, task_id: str) -> bool:
        """Delete a task."""
        return self.run(tasks.delete(self.root, user, task_id, self.name("request"), self.at()))

    # --- claims -----------------------------------------------------------------------------------------------------

    def settle(
        self,
        ended: Iterable[tuple[Grant, Outcome]] = (),
        *,
        want: int = 0,
        worker: str = "w",
        lists: claims.Lists = EVERYONE,
        lease: float = LEASE,
        block: float = 0.0,
        keep: float = 60.0,
    ) -> claims.Settled:
        """Settle runs and claim."""
        outcomes = [
            claims.end(
                grant.member,
                grant.token,
                outcome,
                ending=Ending("m:f", 0, 0, worker, msgspec.Raw(b"1")) if isinstance(outcome, Done) else None,
                keep=keep,
                keep_failed=keep,
            )
            for grant, outcome in ended
        ]
        return self.run(
            claims.settle(
                self.root,
                worker,
                self.name("r"),
                lists=lists,
                want=want,
                lease=lease,
                block=block,
                ended=outcomes,
                now=self.at(),
            )
        )

    def claim(
        self, want: int = 1, *, worker: str = "w", lists: claims.Lists = EVERYONE, lease: float = LEASE
    ) -> list[Grant]:
        """Claim up to `want` tasks."""
        return self.settle(want=want, worker=worker, lists=lists, lease=lease).grants

    def serve(self, want: int = 1, *, worker: str = "w", lists: claims.Lists = EVERYONE) -> list[Grant]:
        """Claim up to `want` tasks and finish them."""
        grants = self.claim(want, worker=worker, lists=lists)
        self.end(grants, DONE)
        return grants

    def end(self, grants: Iterable[Grant], outcome: Outcome, *, keep: float = 60.0) -> list[int]:
        """End these runs alike; return the places of the stale ones."""
        return self.settle([(grant, outcome) for grant in grants], keep=keep).stale

    def drain(self, want: int = 200) -> list[str]:
        """Serve all that is ready; return the ids in order."""
        order: list[str] = []
        while grants := self.serve(want):
            order += [grant.task_id for grant in grants]
        return order

    def register(self, users: Sequence[str]) -> str:
        """Register a list of users; return its name."""
        for call in claims.register(self.root, users, self.at()):
            self.run(call)
        return claims.digest(users)

    def beat(self, worker: str = "w", lists: claims.Lists = EVERYONE) -> list[str]:
        """Say that a worker is alive."""
        return self.run(claims.beat(self.root, worker, self.name("b"), b"{}", lists=lists, served={}, now=self.at()))

    # --- what stands in Redis ---------------------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """Return a key of this queue."""
        return f"{self.root}:queue:{name}"

    def lane(self, user: str, level: int) -> list[bytes]:
        """Return the entries of a lane."""
        lane = "critical" if level == 6 else f"normal:{level}"
        entries: Any = self.client.lrange(self.key(f"user:{encode_id(user)}:{lane}"), 0, -1)
        return list(entries)

    def stat(self, name: str) -> float:
        """Return one of the queue's own numbers."""
        return float(self.client.hget(self.key("stats"), name) or 0)

    def tags(self, name: str = "ring") -> dict[str, float]:
        """Return a table of tags."""
        found: Any = self.client.zrange(self.key(name), 0, -1, withscores=True)
        return {user.decode(): tag for user, tag in found}

    def dump(self, *, without: Sequence[str] = ()) -> dict[bytes, bytes]:
        """Return every key under the prefix with its bytes."""
        keys = sorted(self.client.scan_iter(match=f"*{self._prefix}*", count=1000))
        kept = [key for key in keys if not any(self.key(name).encode() in key for name in without)]
        return {key: bytes(self.client.dump(key) or b"") for key in kept}

    def name(self, letter: str) -> str:
        """Return a name that was not used before."""
        return f"{letter}{next(self._numbers)}"


def again(seconds: float) -> Again:
    """Return the outcome of a run that is to be tried again."""
    return Again(seconds, Failure("E", "no"))


def postpone(seconds: float) -> Postpone:
    """Return the outcome of a run that could not be run here."""
    return Postpone(seconds)


def users_of(grants: Iterable[Grant]) -> list[str]:
    """Return whose tasks these are."""
    return [grant.user_id for grant in grants]


def ids_of(grants: Iterable[Grant]) -> list[str]:
    """Return the ids of these tasks."""
    return [grant.task_id for grant in grants]
