"""A queue whose clock the test holds: scripts are driven by the store's own Calls, with a simulated `now`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import redis

from fairque.core.codec import Ending
from fairque.core.ids import encode_id
from fairque.core.limits import Caps, UserSettings
from fairque.core.outcome import Again, Bury, Done, Failure, Outcome, Postpone, Release
from fairque.core.settings import RedisSettings
from fairque.store import claims, limits, tasks
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

    def __init__(self, url: str, prefix: str, client: redis.Redis, *, cost: str = "count") -> None:
        self.root = tasks.root_of(prefix, "q")
        self.now, self.kept_bytes = 1_000_000_000_000, claims.KEPT_BYTES
        self.client = client
        self._url, self._prefix, self._cost = url, prefix, cost
        self._driver = Driver(RedisSettings(url=url))
        self._numbers = itertools.count(1)
        self.run(tasks.open_queue(self.root, AGING, cost))

    @classmethod
    def beside(cls, scene: Scene) -> Scene:
        """Return another queue of the same test."""
        return cls(scene._url, f"{scene._prefix}-2", scene.client, cost=scene._cost)

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

    def push(self, user: str, *ids: str, level: int = 3, when: str = "", label: str = "m:f") -> list[tasks.Accepted]:
        """Push chosen ids of one user, in chunks. The label is a task's name, and behind a blank its cost."""
        body = f"{label}|call".encode()
        entries = [tasks.Entry(user, task_id, level, self.name("n"), when, body) for task_id in ids]
        return self.push_entries(entries)

    def push_entries(self, entries: Sequence[tasks.Entry]) -> list[tasks.Accepted]:
        """Push what may be of several users, in chunks."""
        answers: list[tasks.Accepted] = []
        for at in range(0, len(entries), tasks.CHUNK):
            chunk = self.run(tasks.push(self.root, entries[at : at + tasks.CHUNK], self.at()))
            answers += chunk
        return answers

    def push_many(self, user: str, count: int, *, level: int = 3, label: str = "m:f") -> list[str]:
        """Push so many tasks; return their ids."""
        ids = [self.name(f"{user}-") for _ in range(count)]
        self.push(user, *ids, level=level, label=label)
        return ids

    def delete(self, user: str, task_id: str) -> bool:
        """Delete a task."""
        return self.run(tasks.delete(self.root, user, task_id, self.name("request"), self.at()))

    # --- weights and caps -------------------------------------------------------------------------------------------

    def limit_user(self, user: str, *, mode: limits.Mode = "set", **values: Any) -> UserSettings:
        """Change a user's weight and caps; what stands for all (`*`) is looked at anew by whoever is held."""
        subject = limits.of_user(user)
        there = self.run(limits.change(self.root, subject, UserSettings, mode, values, self.at()))
        if user == "*":
            held = (user.decode() for user in self.held())
            for call in limits.free(self.root, held, self.at()):
                self.run(call)
        return there

    def limit_task(self, name: str, *, mode: limits.Mode = "set", **values: Any) -> Caps:
        """Change the caps of the tasks of one name."""
        return self.run(limits.change(self.root, limits.of_task(name), Caps, mode, values, self.at()))

    def limit_queue(self, *, mode: limits.Mode = "set", **values: Any) -> Caps:
        """Change the caps of the whole queue."""
        return self.run(limits.change(self.root, limits.QUEUE, Caps, mode, values, self.at()))

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
        ran: float | None = None,
    ) -> claims.Settled:
        """Settle runs and claim."""
        outcomes = [
            claims.end(
                grant.member,
                grant.token,
                outcome,
                ran=0 if ran is None and isinstance(outcome, Release) else ran,
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
                kept_bytes=self.kept_bytes,
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

    def end(
        self, grants: Iterable[Grant], outcome: Outcome, *, keep: float = 60.0, ran: float | None = None
    ) -> list[int]:
        """End these runs alike; return the places of the stale ones."""
        return self.settle([(grant, outcome) for grant in grants], keep=keep, ran=ran).stale

    def renew(self, *grants: Grant) -> list[bool]:
        """Renew the leases of these runs."""
        leases = [(grant.member, grant.token) for grant in grants]
        return self.run(claims.renew(self.root, leases, LEASE, self.at()))

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

    def beat(self, worker: str = "w", lists: claims.Lists = EVERYONE, *, holds: bool = False) -> claims.Beaten:
        """Say that a worker is alive."""
        said = (worker, self.name("b"), b"{}")
        return self.run(claims.beat(self.root, *said, lists=lists, served={}, holds=holds, now=self.at()))

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

    def held(self) -> dict[bytes, bytes]:
        """Return the users with ready tasks that a cap bars, and which."""
        found: Any = self.client.hgetall(self.key("held"))
        return dict(found)

    def woken(self, *names: str) -> list[str]:
        """Return which of these have a wake-up hint, and take the hints away."""
        return [name for name in names if self.client.delete(self.key(f"wake:{name}"))]

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
