"""`AsyncWorker`: a worker in a program that has an event loop, beside the program's own coroutines."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fairque import AsyncTaskQueue, AsyncWorker, TaskState, task
from tests.waiting import wait_until
from tests.worker.programs import ROOT
from tests.worker.stage import PATIENCE, House, add, config_of, gates, stand_at
from tests.worker.three_ways import WAYS, asked, where

PROGRAM = """
import asyncio, sys
from fairque import AsyncWorker, FairQueueConfig

async def main():
    worker = AsyncWorker(FairQueueConfig.create_default(worker_id="w"))
    ticks = asyncio.create_task(tick())
    await worker.run()
    print("ended in order", not ticks.done())
    ticks.cancel()

async def tick():
    while True:
        await asyncio.sleep(0.01)

asyncio.run(main())
"""


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@task
async def where_am_i(gate: str) -> list[str]:
    """Run until the gate is open, and say on which thread and loop."""
    gates[gate].came.append("coroutine")
    await until(lambda: gates[gate].is_open)
    return [threading.current_thread().name, str(id(asyncio.get_running_loop()))]


@task
def on_which_thread() -> str:
    return threading.current_thread().name


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(main(), 60)

    asyncio.run(bounded())


def test_coroutines_run_on_the_programs_loop_beside_its_own_and_the_rest_elsewhere(house: House) -> None:
    async def main() -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        beside = asyncio.create_task(tick())
        async with AsyncTaskQueue(house.config) as queue, AsyncWorker(house.config) as worker:
            assert worker.id == "w1"
            coroutine = await queue.push(where_am_i(house.name), user_id="u")
            await until(lambda: house.gate.came)
            plain = await queue.push(on_which_thread(), user_id="u")
            child = await queue.push(where(), user_id="u")
            assert (await plain.result(timeout=20)).startswith("w1-runner-")
            assert await child.result(timeout=20) != os.getpid()
            before = ticks
            await until(lambda: ticks > before + 10)
            house.gate.open()
            here = [threading.current_thread().name, str(id(asyncio.get_running_loop()))]
            assert await coroutine.result(timeout=20) == here
        beside.cancel()

    run(main)
    assert house.queue.workers() == []


def test_a_plain_task_that_takes_long_blocks_no_coroutine(house: House) -> None:
    async def main() -> None:
        async with AsyncTaskQueue(house.config) as queue, AsyncWorker(house.config):
            handle = await queue.push(stand_at(house.name), user_id="u")
            await until(lambda: house.gate.came)
            house.gate.open()
            await handle.result(timeout=20)

    run(main)


def test_it_drains(house: House) -> None:
    async def main() -> None:
        handles = house.queue.push_batch([add(n, n).with_(user_id=f"u{n % 3}") for n in range(100)])
        worker = AsyncWorker(house.config)
        await worker.drain(30)
        assert {handle.state() for handle in handles} == {TaskState.FINISHED}
        house.queue.push(where_am_i(house.name), user_id="u")
        with pytest.raises(TimeoutError, match="not drained"):
            await worker.drain(0.3)
        house.gate.open()
        await worker.stop()
        await worker.start()
        await worker.stop()

    run(main)


@pytest.mark.parametrize("way", WAYS)
def test_stopping_gives_back_what_runs_on_any_way(house: House, way: str) -> None:
    async def main() -> None:
        handle = house.queue.push(asked(way, house.url, house.name, "hang"))
        worker = AsyncWorker(config_of(house.url, house.name))
        await worker.start()
        await until(lambda: handle.state() is TaskState.STARTED)
        await worker.stop(0)
        assert handle.state() is TaskState.QUEUED

    run(main)
    assert house.queue.get_stats()["retried_total"] == 0


def test_a_run_that_is_cancelled_stops_in_order(house: House) -> None:
    async def main() -> None:
        worker = AsyncWorker(house.config)
        running = asyncio.create_task(worker.run())
        await until(house.queue.workers)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main)
    assert house.queue.workers() == []


def test_a_signal_ends_it_in_order_and_the_program_goes_on(house: House, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "FAIRQUE_REDIS__URL": house.url,
        "FAIRQUE_QUEUE__PREFIX": house.name,
    }
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_until(house.queue.workers, description="the worker is known", timeout=20)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("ended in order True\n", 0)
    assert house.queue.workers() == []
