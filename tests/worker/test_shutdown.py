"""A worker process is told to stop: what runs may end, the rest goes back to its place, and no retry is spent."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from fairque import TaskHandle, TaskState
from tests.waiting import wait_until
from tests.worker.programs import Board, Fleet, WorkerProcess, quick, stand_at
from tests.worker.stage import House

STOPS = [signal.SIGTERM, signal.SIGINT]


def states(handles: list[TaskHandle[Any]]) -> list[str]:
    return [handle.state().value for handle in handles]


def holding_more_than_it_runs(house: House, fleet: Fleet, board: Board) -> tuple[WorkerProcess, list[TaskHandle[Any]]]:
    """Return a worker of two slots that holds twelve tasks of one user, the first two running, and these tasks."""
    worker = fleet.start("w1", slots=2, horizon=1.0)
    for handle in house.queue.push_batch([quick().with_(user_id="user:0") for _ in range(50)]):
        handle.result(timeout=15)
    handles = house.queue.push_batch([stand_at("gate", str(n)).with_(user_id="user:1") for n in range(12)])
    board.wait_for(2)
    wait_until(lambda: house.queue.get_stats()["started"] == 12, description="the worker holds all twelve")
    return worker, [*handles]


@pytest.mark.parametrize("stop", STOPS)
def test_the_first_signal_gives_back_what_was_not_started_and_lets_the_rest_finish(
    house: House, fleet: Fleet, board: Board, stop: signal.Signals
) -> None:
    worker, handles = holding_more_than_it_runs(house, fleet, board)
    worker.signal(stop)
    wait_until(lambda: house.queue.get_stats()["queued"] == 10, description="ten have been given back")
    late = house.queue.push(stand_at("gate", "late"), user_id="user:2")
    board.open("gate")
    assert worker.wait() == 0
    assert "ended in order" in worker.output
    assert "Traceback" not in worker.output
    assert states(handles) == ["finished"] * 2 + ["queued"] * 10
    assert late.state() is TaskState.QUEUED
    assert house.queue.workers() == []

    second = fleet.start("w2", slots=1)
    wait_until(lambda: states(handles) == ["finished"] * 12, description="the other worker has done the rest")
    order = [came.who for came in board.came() if came.pid == second.pid and came.who != "late"]
    assert order == [str(n) for n in range(2, 12)]
    stats = house.queue.get_stats()
    assert (stats["retried_total"], stats["lost_total"]) == (0, 0)


@pytest.mark.parametrize("stop", STOPS)
def test_a_second_signal_gives_everything_back_at_once_without_a_retry(
    house: House, fleet: Fleet, board: Board, stop: signal.Signals
) -> None:
    worker, handles = holding_more_than_it_runs(house, fleet, board)
    worker.signal(stop)
    wait_until(lambda: house.queue.get_stats()["queued"] == 10, description="ten have been given back")
    worker.signal(stop)
    began = time.monotonic()
    assert worker.wait() == 0
    assert time.monotonic() - began < 5
    stats = house.queue.get_stats()
    assert (stats["queued"], stats["started"], stats["retried_total"], stats["lost_total"]) == (12, 0, 0, 0)
    board.open("gate")
    second = fleet.start("w2", slots=1)
    wait_until(lambda: states(handles) == ["finished"] * 12, description="all twelve are done")
    assert [came.who for came in board.came() if came.pid == second.pid] == [str(n) for n in range(12)]


def test_what_does_not_end_in_time_is_given_back(house: House, fleet: Fleet, board: Board) -> None:
    handle = house.queue.push(stand_at("gate", "x"), user_id="user:1")
    worker = fleet.start("w1", grace=0.3)
    board.wait_for(1)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert handle.state() is TaskState.QUEUED


def test_an_idle_worker_ends_at_once(house: House, fleet: Fleet) -> None:
    worker = fleet.start("w1")
    wait_until(house.queue.workers, description="the worker is known")
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert time.monotonic() - began < 5


def test_a_signal_in_any_moment_of_the_start_ends_it_in_order(house: House, fleet: Fleet) -> None:
    workers = [fleet.start(f"w{n}") for n in range(4)]
    for worker in workers:
        wait_until(
            lambda: any(one["id"] == worker.id for one in house.queue.workers()) or worker.process.poll() is not None,  # noqa: B023
            description="the worker has just made itself known",
        )
        worker.signal(signal.SIGTERM)
    assert [worker.wait() for worker in workers] == [0] * 4
