"""Those who push: on threads of their own, through a proxy, writing down what was answered and what stayed in doubt."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairque import Priority, Task, TaskHandle, TaskQueue
from fairque.errors import PartialPush, RedisUnavailable
from tests.chaos import jobs
from tests.chaos.history import Diary, Push, Trouble
from tests.chaos.scene import Scene

BATCH = 40
PAUSE = 0.02
"""Seconds after which what was interrupted is pushed on with."""
LEVELS = (Priority.NORMAL,) * 6 + (Priority.LOW, Priority.HIGH, Priority.CRITICAL)


class Market:
    """How much waits for whom: read by producers, written by the director."""

    def __init__(self, users: list[str], level: int) -> None:
        self._waiting = dict.fromkeys(users, 0)
        self._level = level
        self.open = threading.Event()
        """Set while more is wanted."""
        self.closed = False

    def tell(self, queued: Mapping[str, int]) -> None:
        for user in self._waiting:
            self._waiting[user] = queued.get(user, 0)
        if self.hungry():
            self.open.set()
        else:
            self.open.clear()

    def hungry(self) -> list[str]:
        """Return the users that should get more to do."""
        return [user for user, waiting in self._waiting.items() if waiting < self._level]

    def rush(self) -> None:
        """Make everybody hungry."""
        self.tell({})

    def note(self, user: str, pushed: int) -> None:
        self._waiting[user] += pushed

    def close(self) -> None:
        self.closed = True
        self.open.set()


class Pusher:
    """Pushes, and writes down what came of it."""

    def __init__(self, name: str, scene: Scene, url: str, place: Path) -> None:
        self.name = name
        self.acked = 0
        self.diary = Diary(place / f"{name}.diary")
        self._queue = TaskQueue(scene.config(url))
        self._serials = itertools.count(1)

    def serial(self) -> str:
        return f"{self.name}-{next(self._serials)}"

    def push_one(self, task: Task[Any]) -> None:
        """Push one task by itself; whether an unanswered one was made stays in doubt."""
        try:
            handle: TaskHandle[Any] | None = self._queue.push(task)
        except RedisUnavailable:
            handle = None
        self._note([task], [handle])

    def push_many(self, tasks: list[Task[Any]], gives_up: Callable[[], bool]) -> None:
        """Push a batch. One that was interrupted is pushed on with until it is answered, or given up."""
        again = False
        while tasks:
            try:
                handles: list[Any] = self._queue.push_batch(tasks)
            except PartialPush as lost:
                self._note(tasks, [*lost.handles], again=again)  # type: ignore[list-item]
                again = True
                tasks = [task for task in lost.remaining if isinstance(task, Task)]  # these have their ids
                if not gives_up():
                    continue
                handles = [None] * len(tasks)
            except RedisUnavailable:
                handles = [None] * len(tasks)
            self._note(tasks, handles, again=again)
            return

    def close(self) -> None:
        self._queue.close()
        self.diary.close()

    def _note(self, tasks: list[Task[Any]], handles: Sequence[TaskHandle[Any] | None], *, again: bool = False) -> None:
        for task, handle in zip(tasks, handles, strict=False):
            self.acked += handle is not None
            self.diary.write(
                Push(
                    serial=task.args[0],
                    producer=self.name,
                    user=task.user_id or "",
                    level=int(task.priority),
                    job=task.name,
                    acked=handle is not None,
                    id="" if handle is None else handle.task_id,
                    delayed=task.delay is not None,
                    again=again,
                )
            )


class Producer:
    """A pusher on a thread of its own: batches, and now and then a single task, for whoever has little waiting."""

    def __init__(self, pusher: Pusher, market: Market, rng: random.Random) -> None:
        self.pusher = pusher
        self._market = market
        self._random = rng
        self._thread = threading.Thread(target=self._live, name=pusher.name)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)

    def _live(self) -> None:
        try:
            self._work()
        except Exception as error:  # whatever it is: no producer may fall silent unseen
            self.pusher.diary.write(Trouble(self.pusher.name, 0, repr(error)))
            raise

    def _work(self) -> None:
        while self._market.open.wait() and not self._market.closed:
            users = self._market.hungry()
            if not users:
                self._market.open.clear()
                continue
            user = self._random.choice(users)
            size = 1 if self._random.random() < 0.2 else self._random.randrange(2, BATCH)
            self._market.note(user, size)
            tasks = [self._task(user).with_(user_id=user) for _ in range(size)]
            if size == 1:
                self.pusher.push_one(tasks[0])
            else:
                self.pusher.push_many(tasks, self._gives_up)

    def _gives_up(self) -> bool:
        time.sleep(PAUSE)
        return self._market.closed or self._random.random() < 0.2

    def _task(self, user: str) -> Task[Any]:
        serial, chance = self.pusher.serial(), self._random.random()
        task: Task[Any]
        if user.startswith("narrow") and chance < 0.5:
            task = jobs.narrow(serial, self._random.uniform(0, 0.03))
        elif chance < 0.55:
            task = jobs.slow(serial, self._random.uniform(0, 0.06))
        elif chance < 0.58:
            task = jobs.slow(serial, self._random.uniform(0.1, 0.4))
        elif chance < 0.61:
            task = jobs.flaky(serial, self._random.randrange(1, 3))
        elif chance < 0.62:
            task = jobs.doomed(serial)
        elif chance < 0.66:
            task = jobs.coroutine(serial)
        elif chance < 0.68:
            task = jobs.quick(serial).with_(delay=self._random.uniform(0.05, 0.5))
        else:
            task = jobs.quick(serial)
        return task.with_(priority=self._random.choice(LEVELS))
