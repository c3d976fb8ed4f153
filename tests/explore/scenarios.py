"""What clients are about when they die, and how others carry on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from fairque import Task, chain, group
from fairque.core.graph import Wired
from fairque.errors import TaskConflict
from tests.contract.jobs import echo
from tests.explore.survivor import USER, Survivor, job

Ids = tuple[str, ...]
ONE: Final[Ids] = ("t",)
BATCH: Final[Ids] = ("t0", "t1", "t2", "t3", "t4")


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


def enqueue_too(survivor: Survivor, graph: Wired, done: bool) -> None:
    """A program that does not know whether its graph was accepted enqueues it again. What was handed in and never began
    is dropped before.
    """
    survivor.drop_staged()
    if done:
        with suppress(TaskConflict):
            survivor.queue.enqueue(graph)
            raise AssertionError("it is there twice")
    else:
        survivor.queue.enqueue(graph)


def chain_in_the_way(survivor: Survivor) -> Wired:
    """Return a graph one of whose ids is taken."""
    survivor.push(job("t4"))
    return chain_of(BATCH)


def enqueue_in_vain(queue: Any, graph: Wired) -> None:
    """Enqueue what is refused."""
    with suppress(TaskConflict):
        queue.enqueue(graph)


def chain_of(ids: Iterable[str]) -> Wired:
    """Return tasks each of which waits for the one before it."""
    return chain(*map(job, ids))


def batch() -> list[Task[Any]]:
    """Return several chunks of tasks."""
    return [job(task_id) for task_id in BATCH]


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
    "enqueue": Scenario(
        "enqueue",
        lambda _: chain_of(BATCH[:2]),
        lambda queue, graph: queue.enqueue(graph),
        enqueue_too,
        ended=lambda _: 2,
        ids=BATCH[:2],
    ),
    "enqueue, in parts": Scenario(
        "launch",
        lambda _: chain_of(BATCH),
        lambda queue, graph: queue.enqueue(graph),
        enqueue_too,
        ended=lambda _: 5,
        ids=BATCH,
    ),
    "enqueue, edges by themselves": Scenario(
        "launch",
        lambda _: group(*map(job, BATCH[:4])) >> job("t4"),
        lambda queue, graph: queue.enqueue(graph),
        enqueue_too,
        ended=lambda _: 5,
        ids=BATCH,
    ),
    "enqueue, refused": Scenario(
        "abandon",
        chain_in_the_way,
        enqueue_in_vain,
        lambda survivor, *_: survivor.drop_staged(),
        ids=("t4",),
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
