"""A worker's life, from its first word to its goodbye, and its death at each moment of it (I1, I2, I6, I7)."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from typing import Final

import redis
from msgspec.structs import replace

from fairque import FairQueueConfig, Worker, current_task, task
from fairque.core.limits import UserSettings
from fairque.core.settings import WorkerSettings
from tests.contract.jobs import echo
from tests.explore.crashes import Point
from tests.explore.fate import Died, Fate, doom
from tests.explore.survivor import USER, Survivor
from tests.waiting import wait_until

IDS: Final = ("fails", "ends", "again", "stays")
SHORT: Final = WorkerSettings(
    id="mortal", assigned_users=(USER,), steal_targets=("v",), max_concurrent_tasks=2, lease_seconds=1
)
gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)
"""By queue: where a task waits."""


@task(name="explore.fails", max_retries=0)
def fails() -> None:
    raise ValueError("no")


@task(name="explore.again", max_retries=1, retry_backoff=0.001)
def again() -> None:
    if current_task().attempt == 1:
        raise ValueError("not yet")


@task(name="explore.stays")
def stays(gate: str) -> None:
    current_task().progress(50)
    gates[gate].wait(20)


JOBS: Final = (fails(), echo("ends"), again())
COMMANDS: Final = ("open", "server", "limit", "scope", "beat", "settle", "BLPOP", "renew", "progress", "leave")
"""What a worker says in its life."""


class Life:
    """What a worker goes through; it may die at this command."""

    def __init__(self, client: redis.Redis, config: Callable[[], FairQueueConfig], command: str) -> None:
        self._client, self._config, self._command = client, config, command
        self.executed: set[str] = set()
        """What it said when it lived to the end."""

    def points(self) -> Iterator[Point]:
        """Let a worker die at each moment of it, one after the other."""
        for moment in count():
            fate = Fate(self._command)
            wrong = self._live(fate, moment)
            if not fate.dead.is_set():
                assert not wrong, f"with nobody's death: {wrong}"
                self.executed = set(fate.executed)
                return
            yield Point("a worker's life", self._command, fate.moments[-1], wrong)

    def _live(self, fate: Fate, moment: int) -> str:
        plain = self._config()
        config = replace(plain, workers=(SHORT,), users={USER: UserSettings(weight=2)})
        with ExitStack() as stack, silence():
            survivor = Survivor(plain, self._client)
            stack.callback(survivor.close)
            gate = gates[config.queue.prefix]
            stack.callback(gate.set)
            survivor.push(*(job.with_(task_id=name, user_id=USER) for name, job in zip(IDS, JOBS, strict=False)))
            worker = Worker(config)
            stack.callback(bury, worker)
            doom(worker, fate)
            fate.arm(moment)
            with suppress(Died):
                worker.start()
                wait_until(lambda: fate.dead.is_set() or self._rests(survivor, fate), description="it sleeps")
            survivor.push(stays(config.queue.prefix).with_(task_id="stays", user_id=USER))
            wait_until(lambda: fate.dead.is_set() or self._runs(survivor, fate), description="it is woken")
            with suppress(Died):
                worker.stop(0)
            gate.set()
            try:
                survivor.finish_all()
                survivor.check(len(IDS), None, IDS)
            except AssertionError as wrong:
                return str(wrong)
            return ""

    def _rests(self, survivor: Survivor, fate: Fate) -> bool:
        stats = survivor.queue.get_stats()
        return stats["finished_total"] + stats["failed_total"] == len(JOBS) and "BLPOP" in fate.executed

    def _runs(self, survivor: Survivor, fate: Fate) -> bool:
        return survivor.queue.get_stats()["started"] == 1 and self._said(fate)

    def _said(self, fate: Fate) -> bool:
        """What a keeper says only now and then is waited for."""
        return self._command not in ("renew", "progress") or self._command in fate.executed


def bury(worker: Worker) -> None:
    """Close what the end of a process would close."""
    service = worker._service
    crew = service._crew
    if crew is not None:
        for one in (crew.loop.runners, crew._coroutines, crew._bell, crew._link, crew.keeper):
            one.close()
    service._driver.close()


@contextmanager
def silence() -> Iterator[None]:
    """Let the threads of the dead die quietly."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not Died:
            before(args)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
