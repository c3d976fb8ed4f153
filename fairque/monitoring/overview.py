"""One look at a queue: totals, each user with what waits, runs and was served, and the workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairque.core.service import START, wait_percentile
from fairque.queue.queue import TaskQueue
from fairque.store.readings import Sizes, Stats


class UserLine(msgspec.Struct, frozen=True, kw_only=True):
    """One user. `served`, `share` and the waits are about the runs that ended in the last hour or so."""

    user_id: str
    queued: int = 0
    critical: int = 0
    started: int = 0
    deferred: int = 0
    scheduled: int = 0
    failed: int = 0
    weight: float = 1
    served: int = 0
    share: float = 0.0
    """Its part of all runs, 0 to 1."""
    wait_p50_ms: float | None = None
    """None: nothing of it ran."""
    wait_p95_ms: float | None = None

    @property
    def at_hand(self) -> int:
        """Tasks that are ready or running."""
        return self.queued + self.started


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A queue at one moment. Users come with the longest backlog first."""

    queue: str
    stats: Stats
    users: tuple[UserLine, ...]
    workers: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def look(queue: TaskQueue, user_id: str | None = None) -> Overview:
    """Read a queue, or of its users only one."""
    sizes = queue.users() if user_id is None else {user_id: queue.get_queue_sizes(user_id)}
    lines = user_lines(sizes, queue.served())
    if user_id is not None:
        lines = tuple(line for line in lines if line.user_id == user_id)
    return Overview(queue=queue.name, stats=queue.get_stats(), users=lines, workers=tuple(queue.workers()))


def user_lines(sizes: Mapping[str, Mapping[str, int]], served: Mapping[str, Mapping[str, int]]) -> tuple[UserLine, ...]:
    """Join what users have now with what they got."""
    total = sum(measures.get(START, 0) for measures in served.values())
    lines = [_line(user, sizes.get(user, Sizes()._asdict()), served.get(user, {}), total) for user in {*sizes, *served}]
    return tuple(sorted(lines, key=lambda line: (-line.at_hand, -line.failed, -line.served, line.user_id)))


def _line(user_id: str, sizes: Mapping[str, int], measures: Mapping[str, int], total: int) -> UserLine:
    served = measures.get(START, 0)
    return UserLine(
        user_id=user_id,
        **sizes,
        served=served,
        share=round(served / total, 4) if total else 0.0,
        wait_p50_ms=_ms(wait_percentile(measures, 0.5)),
        wait_p95_ms=_ms(wait_percentile(measures, 0.95)),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
