"""Coroutines: many at once on one loop, in the context of their run, and none of them harms the others."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from typing import Any

import pytest

from fairque import Task, TaskFailed, TaskHandler, current_task, task
from fairque.worker import coroutines, slot
from tests.waiting import wait_until
from tests.worker.stage import PATIENCE, House, gates

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


async def until_open(gate: str, who: Any) -> None:
    """As `Gate.enter`, for coroutines."""
    gates[gate].came.append(who)
    deadline = time.monotonic() + PATIENCE
    while not gates[gate].is_open:
        if time.monotonic() > deadline:
            raise TimeoutError("nobody opened the gate")
        await asyncio.sleep(0.02)


@task
async def stand_at(gate: str, who: int) -> int:
    await until_open(gate, who)
    return who


@task
async def who_am_i(paint: str) -> list[str]:
    """Say by which task this coroutine, one that it starts and a thread of its loop are run, and what they see."""
    before = colour.get()
    colour.set(paint)
    await asyncio.sleep(0)

    async def within() -> str:
        return current_task().task_id

    beside, below = await asyncio.gather(within(), asyncio.to_thread(lambda: current_task().task_id))
    return [current_task().task_id, beside, below, before, colour.get(), threading.current_thread().name]


ERRORS: dict[str, BaseException] = {
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "CancelledError": asyncio.CancelledError(),
}


@task(max_retries=0)
async def leave(how: str) -> None:
    async def below() -> None:
        raise SystemExit(3)

    if how == "below":
        await asyncio.create_task(below())
    raise ERRORS[how]


@task(max_retries=0, timeout=0.1)
async def block(name: str) -> None:
    """Block the loop, as a coroutine never should."""
    with doors[name]:
        pass


doors: dict[str, threading.Lock] = {}


@task
async def add(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


@task(max_retries=0, timeout=0.1)
async def swallow() -> str:
    """Take no notice of being cancelled, and return."""
    try:
        await asyncio.sleep(PATIENCE)
    except asyncio.CancelledError:
        return "all the same"
    return "undisturbed"


def test_two_hundred_run_at_once_on_one_thread(house: House) -> None:
    house.started(max_concurrent_tasks=200)
    handles = house.queue.push_batch([stand_at(house.name, n).with_(user_id=f"u{n % 7}") for n in range(200)])
    house.gate.wait_for(200)
    loops = [thread.name for thread in threading.enumerate() if "loop-of-coroutines" in thread.name]
    assert loops == ["w1-loop-of-coroutines"]
    house.gate.open()
    assert [handle.result(timeout=20) for handle in handles] == list(range(200))


def test_each_has_its_own_context(house: House) -> None:
    house.started(max_concurrent_tasks=2)
    handles = house.queue.push_batch([who_am_i(f"paint {n}").with_(user_id="u") for n in range(20)])
    for n, handle in enumerate(handles):
        mine, beside, below, before, after, thread = handle.result(timeout=20)
        assert (mine, beside, below) == (handle.task_id,) * 3
        assert (before, after, thread) == ("none", f"paint {n}", "w1-loop-of-coroutines")


@pytest.mark.parametrize("how", [*ERRORS, "below"])
def test_nothing_that_one_raises_ends_the_loop_of_the_others(house: House, how: str) -> None:
    house.started(max_concurrent_tasks=2)
    beside = house.queue.push(stand_at(house.name, 1), user_id="u")
    house.gate.wait_for(1)
    with pytest.raises(TaskFailed, match="SystemExit" if how == "below" else how):
        house.queue.push(leave(how), user_id="u").result(timeout=20)
    house.gate.open()
    assert beside.result(timeout=20) == 1


def test_one_that_swallows_its_cancellation_and_returns_has_finished(house: House) -> None:
    house.started()
    assert house.queue.push(swallow(), user_id="u").result(timeout=20) == "all the same"


def test_one_that_blocks_the_loop_does_not_stop_those_that_come_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "GRACE", (0.1, 0.1))
    monkeypatch.setattr(coroutines, "DEAF", 0.1)
    house.started(max_concurrent_tasks=1)
    door = doors[house.name] = threading.Lock()
    with door:
        with pytest.raises(TaskFailed, match="its thread did not come back"):
            house.queue.push(block(house.name), user_id="u").result(timeout=20)
        assert house.queue.push(add(1, 2), user_id="u").result(timeout=20) == 3


class Handler(TaskHandler):
    """Processes payload tasks as coroutines."""

    async def process_task(self, task: Task[Any]) -> Any:
        await asyncio.sleep(0)
        assert task.payload is not None
        return [task.payload["n"], current_task().task_id, threading.current_thread().name]


def test_a_handler_may_be_a_coroutine(house: House) -> None:
    house.started(handler=Handler())
    handle = house.queue.push(Task.create(user_id="u", payload={"n": 1}))
    assert handle.result(timeout=20) == [1, handle.task_id, "w1-loop-of-coroutines"]


@task(executor="process")
async def in_a_child() -> list[Any]:
    await asyncio.sleep(0)
    return [os.getpid(), current_task().attempt]


def test_a_coroutine_may_run_in_a_child_process(house: House) -> None:
    house.started()
    pid, attempt = house.queue.push(in_a_child(), user_id="u").result(timeout=30)
    assert (pid != os.getpid(), attempt) == (True, 1)


def test_the_loop_ends_with_its_worker(house: House) -> None:
    with house.worker() as worker:
        assert house.queue.push(add(1, 2), user_id="u").result(timeout=20) == 3
        worker.stop()
    wait_until(
        lambda: not [thread for thread in threading.enumerate() if "loop-of-coroutines" in thread.name],
        description="the loop's thread has ended",
    )
