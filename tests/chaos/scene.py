"""Who plays: users with their weights and caps, and workers with their lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fairque import FairQueueConfig
from fairque.core.ids import EVERYONE
from fairque.core.limits import UserSettings
from fairque.core.settings import FairnessSettings, QueueSettings, RedisSettings, WorkerSettings

NARROW = "tests.chaos.jobs:narrow"
"""The task name that has a cap."""


class Lists(msgspec.Struct, frozen=True):
    """Whom a worker serves first, and from whom it steals."""

    assigned: tuple[str, ...]
    steal: tuple[str, ...] = ()

    def place_of(self, user: str) -> str:
        """Return in which list a user is: `assigned`, `steal` or neither."""
        for name, users in (("assigned", self.assigned), ("steal", self.steal)):
            if user in users:
                return name
        if EVERYONE in self.assigned:
            return "assigned"
        return "steal" if EVERYONE in self.steal else ""


class Scene(msgspec.Struct, frozen=True):
    """The cast of a run."""

    users: Mapping[str, UserSettings]
    workers: Mapping[str, Lists]
    caps: Mapping[str, int]
    """Task name -> how many may run at once."""
    lease: float
    slots: int
    prefix: str = "chaos"

    @property
    def root(self) -> str:
        return f"{{{self.prefix}:default}}"

    def weight(self, user: str) -> float:
        settings = self.users.get(user)
        return 1.0 if settings is None or settings.weight is None else settings.weight

    def equals(self) -> list[list[str]]:
        """Return the users in groups that the same workers serve by the same lists."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for user in self.users:
            groups.setdefault(tuple(lists.place_of(user) for lists in self.workers.values()), []).append(user)
        return list(groups.values())

    def config(self, url: str) -> FairQueueConfig:
        """Return the configuration of everybody who speaks to the server at `url`."""
        return FairQueueConfig(
            redis=RedisSettings(url=url, connect_timeout=2.0, socket_timeout=3.0),
            queue=QueueSettings(prefix=self.prefix),
            fairness=FairnessSettings(),
            tasks=("tests.chaos.jobs",),
            users=dict(self.users),
            workers=tuple(self._worker(worker, lists) for worker, lists in self.workers.items()),
        )

    def write(self, place: Path) -> Path:
        """Write the configuration of the workers, but for where Redis is."""
        path = place / "chaos.yaml"
        self.config("redis://nowhere").to_yaml(path)
        return path

    def _worker(self, worker: str, lists: Lists) -> WorkerSettings:
        return WorkerSettings(
            id=worker,
            assigned_users=lists.assigned,
            steal_targets=lists.steal,
            max_concurrent_tasks=self.slots,
            lease_seconds=self.lease,
            graceful_shutdown_timeout=10,
        )


def _users(weights: Mapping[str, float], tight: Sequence[str]) -> dict[str, UserSettings]:
    users = {user: UserSettings(weight=weight) for user, weight in weights.items()}
    return users | {user: UserSettings(max_concurrency=2) for user in tight}


NORTH = ("north:1", "north:2", "north:3")
SOUTH = ("south:1", "south:2", "south:3")
WEST = ("west:1", "west:2", "tight")
NARROW_USERS = ("narrow:1", "narrow:2")

LONG = Scene(
    users=_users(
        dict(
            zip((*NORTH, *SOUTH, *WEST[:2], *NARROW_USERS, "poison"), (1, 2, 4, 1, 1, 3, 1, 0.5, 1, 1, 1), strict=True)
        ),
        tight=("tight",),
    ),
    workers={
        "w1": Lists(NORTH, (EVERYONE,)),
        "w2": Lists(NORTH, (EVERYONE,)),
        "w3": Lists(SOUTH, (EVERYONE,)),
        "w4": Lists(NARROW_USERS, NORTH),
        "w5": Lists((EVERYONE,)),
        "w6": Lists(WEST, (EVERYONE,)),
    },
    caps={NARROW: 3},
    lease=1.5,
    slots=4,
)

SHORT = Scene(
    users=_users(dict(zip((*NORTH, *SOUTH), (1, 2, 4, 1, 1, 3), strict=True)) | {"poison": 1}, tight=("tight",)),
    workers={"w1": Lists(NORTH, (EVERYONE,)), "w2": Lists(SOUTH, NORTH), "w3": Lists((EVERYONE,))},
    caps={NARROW: 2},
    lease=1.0,
    slots=4,
)
