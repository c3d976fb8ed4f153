"""Whatever a client was about when it died, others carry on: each task ends once, nothing is lost (I1-I3, I6, I7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import redis

from fairque import AsyncTaskQueue, FairQueueConfig, Task, TaskQueue
from fairque.store import claims, scripts, tasks
from tests.contract.facade import Blocking, Loop
from tests.contract.jobs import echo
from tests.explore.fate import Died, Fate, doom
from tests.explore.survivor import USER, Survivor, job

Ids = tuple[str, ...]
ONE: Final[Ids] = ("t",)
BATCH: Final[Ids] = ("t0", "t1", "t2", "t3", "t4")


class Point(NamedTuple):
    """One death: in which scenario, at which moment, and what is wrong with what came of it ('': nothing)."""

    scenario: str
    colour: str
    moment: str
    wrong: str


@dataclass(frozen=True)
class Scenario:
    """What a client is about: `act` is told what `prepare` returns. Others carry on; they know whether Redis has done
    the script that matters. In the end so many tasks have ended, of these ids, with these attempts.
    """

    script: str
    prepare: Callable[[Survivor], Any]
    act: Callable[[Any, Any], object]
    carry_on: Callable[[Survivor, Any, bool], object] = lambda *_: None
    ended: Callable[[bool], int] = lambda _: 1
    attempts: Callable[[bool], set[int]] = lambda _: {1}
    ids: Ids = ONE


def push_too(survivor: Survivor, task: Task[Any], done: bool) -> None:
    """A program that does not know whether its task was accepted pushes it again."""
    assert survivor.queue.push(task).created is not done


def delete_too(survivor: Survivor, _: Any, done: bool) -> None:
    """A program that does not know whether its task was deleted deletes it again."""
    assert survivor.queue.delete_task("t", user_id=USER) is not done


def retry_too(survivor: Survivor, _: Any, done: bool) -> None:
    """A program that does not know whether its task was queued again asks for it again."""
    assert survivor.queue.retry("t", user_id=USER) is not done


def batch() -> list[Task[Any]]:
    """Return several chunks of tasks."""
    return [job(task_id) for task_id in BATCH]


COLOURS: Final = ("sync", "sync, warm", "async", "async, warm")
"""`warm`: the client has been used before, else it meets the queue first."""
SCENARIOS: Final[dict[str, Scenario]] = {
    "push": Scenario("push", lambda _: job("t"), lambda queue, task: queue.push(task), push_too),
    "push, scheduled": Scenario("push", lambda _: job("t", delay=60), lambda queue, task: queue.push(task), push_too),
    "push, no id chosen": Scenario(
        "push",
        lambda _: echo("t").with_(user_id=USER),
        lambda queue, task: queue.push(task),
        lambda survivor, task, _: survivor.queue.push(task),
        ended=lambda done: 1 + done,
    ),
    "push_batch": Scenario(
        "push",
        lambda _: batch(),
        lambda queue, listed: queue.push_batch(listed),
        lambda survivor, listed, _: survivor.push(*listed),
        ended=lambda _: 5,
        ids=BATCH,
    ),
    "pop": Scenario(
        "settle",
        lambda survivor: survivor.push(job("t")),
        lambda queue, _: queue.pop(),
        attempts=lambda done: {1 + done},
    ),
    "pop, waiting": Scenario(
        "settle",
        lambda _: None,
        lambda queue, _: queue.pop(timeout=0.02),
        lambda survivor, *_: survivor.push(job("t")),
    ),
    "pop_many": Scenario(
        "settle",
        lambda survivor: survivor.push(*batch()),
        lambda queue, _: queue.pop_many(5),
        ended=lambda _: 5,
        attempts=lambda done: {1, 1 + done},
        ids=BATCH,
    ),
    "finish": Scenario(
        "settle",
        lambda survivor: survivor.popped(job("t")),
        lambda queue, task: queue.finish(task),
        attempts=lambda done: {2 - done},
    ),
    "fail": Scenario(
        "settle",
        lambda survivor: survivor.popped(job("t")),
        lambda queue, task: queue.fail(task, "no"),
        attempts=lambda _: {2},
    ),
    "fail, for good": Scenario(
        "settle",
        lambda survivor: survivor.popped(job("t", max_retries=0)),
        lambda queue, task: queue.fail(task, "no"),
        attempts=lambda done: {2 - done},
    ),
    "release": Scenario(
        "settle",
        lambda survivor: survivor.popped(job("t")),
        lambda queue, task: queue.release(task),
        attempts=lambda _: {2},
    ),
    "heartbeat": Scenario(
        "renew",
        lambda survivor: survivor.popped(job("t")),
        lambda queue, task: queue.heartbeat(task),
        attempts=lambda _: {2},
    ),
    "delete_task": Scenario(
        "delete",
        lambda survivor: survivor.push(job("t")),
        lambda queue, _: queue.delete_task("t", user_id=USER),
        delete_too,
        ended=lambda _: 0,
    ),
    "cancel": Scenario(
        "cancel",
        lambda survivor: survivor.push(job("t")),
        lambda queue, _: queue.cancel("t", user_id=USER),
        lambda survivor, *_: survivor.queue.cancel("t", user_id=USER),
        attempts=lambda _: {0},
    ),
    "cancel, running": Scenario(
        "cancel",
        lambda survivor: survivor.popped(job("t")),
        lambda queue, _: queue.cancel("t", user_id=USER),
        attempts=lambda done: {2 - done},
    ),
    "retry": Scenario(
        "requeue",
        lambda survivor: survivor.failed(job("t")),
        lambda queue, _: queue.retry("t", user_id=USER),
        retry_too,
        ended=lambda _: 2,
        attempts=lambda _: {2},
    ),
    "requeue_failed": Scenario(
        "requeue",
        lambda survivor: survivor.failed(job("t")),
        lambda queue, _: queue.requeue_failed(),
        lambda survivor, *_: survivor.queue.requeue_failed(),
        ended=lambda _: 2,
        attempts=lambda _: {2},
    ),
    "purge_failed": Scenario(
        "purge",
        lambda survivor: survivor.failed(job("t")),
        lambda queue, _: queue.purge_failed(USER),
        lambda survivor, *_: survivor.queue.purge_failed(USER),
        attempts=lambda _: set(),
    ),
    "erase_user": Scenario(
        "erase",
        lambda survivor: survivor.push(job("t")),
        lambda queue, _: queue.erase_user(USER),
        lambda survivor, *_: survivor.queue.erase_user(USER),
        ended=lambda _: 0,
    ),
}


class Graveyard:
    """Where clients die: each scenario, at each moment, on a queue of its own."""

    def __init__(self, client: redis.Redis, config: Callable[[], FairQueueConfig]) -> None:
        self._client, self._config = client, config
        for name in scripts.names():
            client.script_load(scripts.load(name).text)

    def points(self, name: str, colour: str) -> Iterator[Point]:
        """Let a client die at each moment of a scenario."""
        for moment in count():
            fate = Fate()
            wrong = self._die(SCENARIOS[name], colour, fate, moment)
            if not fate.dead.is_set():
                assert not wrong, f"{name} with nobody's death: {wrong}"
                return
            yield Point(name, colour, fate.moments[-1], wrong)

    def _die(self, scenario: Scenario, colour: str, fate: Fate, moment: int) -> str:
        with ExitStack() as stack, patch.object(tasks, "CHUNK", 2), patch.object(claims, "MAX_WANT", 2):
            config = self._config()
            survivor = Survivor(config, self._client)
            stack.callback(survivor.close)
            prepared = scenario.prepare(survivor)
            queue = self._doomed(config, colour, fate, stack)
            fate.arm(moment)
            with suppress(Died):
                scenario.act(queue, prepared)
            done = scenario.script in fate.executed
            try:
                scenario.carry_on(survivor, prepared, done)
                survivor.finish_all()
                survivor.check(scenario.ended(done), scenario.attempts(done), scenario.ids)
            except AssertionError as wrong:
                return str(wrong) or "not as it must be"
            return ""

    def _doomed(self, config: FairQueueConfig, colour: str, fate: Fate, stack: ExitStack) -> Any:
        queue: Any
        if "async" in colour:
            loop = Loop()
            stack.callback(loop.close)
            inner: Any = AsyncTaskQueue(config)
            queue = stack.enter_context(Blocking(inner, loop))
        else:
            inner = queue = stack.enter_context(TaskQueue(config))
        doom(inner, fate)
        if "warm" in colour:
            queue.get_stats()
            for link in inner._driver._free:
                link._known.update(scripts.names())
        return queue
