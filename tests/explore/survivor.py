"""Another client of the same queue, which carries on where one has died."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import redis

from fairque import FairQueueConfig, Task, TaskQueue
from fairque.store import claims
from tests.contract.jobs import echo

USER: Final = "u"
TABLES: Final = ("leases", "runs", "busy", "ring", "held", "suspects", "due", "releases")
"""What a queue keeps of tasks that wait or run."""


def job(task_id: str, **options: Any) -> Task[Any]:
    """Return a task of a chosen id."""
    return echo(task_id).with_(task_id=task_id, user_id=USER, **options)


class Survivor:
    """It may also turn the clock: leases lapse and tasks are due at its word."""

    def __init__(self, config: FairQueueConfig, client: redis.Redis) -> None:
        self.queue = TaskQueue(config)
        self._client, self._root = client, f"{{{config.queue.prefix}:{config.queue.name}}}:queue:"

    def push(self, *tasks: Task[Any]) -> None:
        """Push tasks."""
        self.queue.push_batch(tasks)

    def popped(self, task: Task[Any]) -> Task[Any]:
        """Return a task as it is popped."""
        self.queue.push(task)
        popped = self.queue.pop()
        assert popped is not None
        return popped

    def failed(self, task: Task[Any]) -> None:
        """Let a task fail for good."""
        self.queue.fail(self.popped(task.with_(max_retries=0)), "no")

    def pass_time(self) -> None:
        """Let every lease lapse, and everything be due."""
        for table in ("leases", "due"):
            members: Any = self._client.zrange(self._root + table, 0, -1)
            if members:
                self._client.zadd(self._root + table, dict.fromkeys(members, 1), xx=True)

    def drop_staged(self) -> None:
        """Let the time be over in which somebody may go on with a graph that was not handed in whole."""
        due = self._root + "flows-due"
        while members := self._client.zrange(due, 0, -1):
            self._client.zadd(due, dict.fromkeys(members, 1))  # type: ignore[type-var]
            self.queue._driver.run(claims.settle(self._root.removesuffix(":queue:"), "survivor", "drop"))

    def finish_all(self) -> list[Task[Any]]:
        """Run whatever waits, and whatever is given up by the dead; return what was run."""
        ran: list[Task[Any]] = []
        for _ in range(50):
            stats = self.queue.get_stats()
            if sum(stats[name] for name in ("queued", "scheduled", "started", "deferred")) == 0:
                return ran
            self.pass_time()
            for task in self.queue.pop_many(10):
                ran.append(task)
                self.queue.finish(task, "survivor")
        raise AssertionError(f"it goes on and on: {self.queue.get_stats()}")

    def check(self, ended: int, attempts: Iterable[int] | None, ids: Iterable[str]) -> None:
        """Each task has ended once, by one accepted outcome, and nothing is left of any that waited or ran."""
        stats = self.queue.get_stats()
        assert stats["finished_total"] + stats["failed_total"] + stats["canceled_total"] == ended, stats
        assert [table for table in TABLES if self._client.exists(self._root + table)] == []
        found = [self.queue.get_task(task_id, user_id=USER) for task_id in ids]
        known = [task for task in found if task is not None]
        assert stats["lost_total"] == sum(task.lost for task in known), stats
        if attempts is not None:
            assert {task.attempt for task in known} <= set(attempts), known

    def close(self) -> None:
        """Close the connections."""
        self.queue.close()
