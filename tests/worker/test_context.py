"""What a run tells of itself while it goes on, and asks: progress and heartbeats, on all three ways."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

import pytest
import redis

from fairque import StaleLease, Task, TaskHandle, TaskState, current_task, task
from fairque.core.ids import encode_id
from fairque.core.outcome import Progress
from fairque.core.settings import QueueSettings
from fairque.errors import TaskFailed, TaskValidationError
from fairque.store.call import Call
from fairque.store.records import Grant
from fairque.worker.context import TaskContext
from fairque.worker.holding import Holding
from tests.waiting import POLL, wait_until
from tests.worker.stage import House
from tests.worker.three_ways import PATIENCE, WAYS

T = TypeVar("T")


def _may_end(client: redis.Redis, gate: str) -> bool:
    return bool(client.exists(gate))


@task(max_retries=0)
def report(url: str, gate: str) -> str:
    client = redis.Redis.from_url(url)
    current_task().progress(10, "begun")
    current_task().progress(40.5, "under way")
    wait_until(lambda: _may_end(client, gate), description="the gate is open", timeout=PATIENCE)
    return "done"


@task(max_retries=0)
def report_and_fail() -> None:
    current_task().progress(70, "nearly")
    raise ValueError("not quite")


@task(max_retries=0)
async def report_later(url: str, gate: str) -> str:
    client = redis.Redis.from_url(url)
    current_task().progress(40.5, "under way")
    while not _may_end(client, gate):
        await asyncio.sleep(POLL)
    return "done"


@task(max_retries=0)
def ask(url: str, gate: str) -> str:
    """Renew the lease until it is lost."""
    client = redis.Redis.from_url(url)
    context = current_task()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            context.heartbeat()
        except StaleLease:
            client.set(gate, f"stale {context.should_stop}")
            return "stale"
        client.set(gate, "kept", nx=True)
    return "kept"


@task(max_retries=0)
async def ask_later(url: str, gate: str) -> str:
    return await asyncio.to_thread(ask(url, gate))


def asked(way: str, plain: Task[str], coroutine: Task[str]) -> Task[str]:
    return coroutine if way == "coroutine" else plain.with_(executor=way)


@pytest.mark.parametrize("way", WAYS)
def test_progress_is_seen_while_it_runs(house: House, redis_client: redis.Redis, way: str) -> None:
    house.started()
    gate = f"{house.name}:gate"
    handle: TaskHandle[str] = house.queue.push(
        asked(way, report(house.url, gate), report_later(house.url, gate)), user_id="u"
    )
    wait_until(
        lambda: handle.progress() == Progress(40.5, "under way"), description="the last word is seen", timeout=20
    )
    redis_client.set(gate, "open")
    assert handle.result(timeout=10) == "done"
    assert handle.progress() == Progress(40.5, "under way"), "it is kept with the result"


def test_progress_is_kept_with_a_failure(house: House) -> None:
    house.started()
    handle = house.queue.push(report_and_fail(), user_id="u")
    with pytest.raises(TaskFailed):
        handle.result(timeout=10)
    assert handle.progress() == Progress(70, "nearly")


@pytest.mark.parametrize("way", WAYS)
def test_a_heartbeat_tells_whether_the_run_still_counts(house: House, redis_client: redis.Redis, way: str) -> None:
    house.started(lease_seconds=60)
    gate = f"{house.name}:gate"
    handle = house.queue.push(asked(way, ask(house.url, gate), ask_later(house.url, gate)), user_id="u")
    wait_until(lambda: redis_client.get(gate) == b"kept", description="the lease was renewed", timeout=20)
    assert handle.state() is TaskState.STARTED
    redis_client.hdel(house.key("runs"), f"{encode_id('u')}|{encode_id(handle.task_id)}")
    wait_until(lambda: redis_client.get(gate) == b"stale True", description="the loss was noticed", timeout=20)


@pytest.mark.parametrize(
    ("percent", "message"), [(-1, ""), (100.5, ""), (float("nan"), ""), ("50", ""), (True, ""), (50, b"bytes"), (50, 7)]
)
def test_progress_is_a_number_from_0_to_100_and_a_text(percent: Any, message: Any) -> None:
    holding, context = alone()
    with pytest.raises(TaskValidationError):
        context.progress(percent, message)
    assert holding.progress is None


def test_a_message_is_cut_and_can_always_be_stored() -> None:
    holding, context = alone()
    context.progress(100, "\ud800" + "x" * 2000)
    assert holding.progress == Progress(100.0, "\\ud800" + "x" * 999)


class Nobody:
    """Hears nothing."""

    queue = QueueSettings()
    lease = 0.0

    def run(self, call: Call[T]) -> T:
        raise AssertionError(f"{call.script}: nobody is there to carry it")

    def report(self, holding: Holding) -> None:
        pass


def alone() -> tuple[Holding, TaskContext]:
    """Return the context of a run that nobody else knows."""
    holding = Holding(Grant(b"u|t", b"1", "u", "t", 3, 1, 0, 0, "", 0, 0, 1.0, b""), 0.0)
    return holding, TaskContext(holding, Nobody())
