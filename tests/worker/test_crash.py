"""Workers die or fall silent: every task still ends once, by one accepted outcome."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from fairque import TaskFailed, TaskState
from fairque.core.outcome import Failure
from tests.waiting import wait_until
from tests.worker.programs import Board, Fleet, kill_the_worker, stand_at, work
from tests.worker.stage import House

LEASE = 1.0
"""Seconds: the shortest there is."""


def test_after_kill_9_every_task_ends_exactly_once_i8_i9(house: House, fleet: Fleet, board: Board) -> None:
    handles = house.queue.push_batch([work(n, 0.05).with_(user_id=f"user:{n % 5}") for n in range(100)])
    victim = fleet.start("victim", slots=4, lease=LEASE)
    fleet.start("survivor", slots=4, lease=LEASE)
    wait_until(lambda: sum(c.pid == victim.pid for c in board.came()) >= 10, description="the victim is in mid-run")
    victim.process.kill()
    results = [handle.result(timeout=20) for handle in handles]

    lost = house.queue.get_stats()["lost_total"]
    assert lost > 0, "the victim held nothing: the fault did not happen"
    assert [result[0] for result in results] == list(range(100))
    executions = board.came()
    for n, attempt, pid in results:
        assert (str(n), attempt, pid) in executions
    assert len({(came.who, came.attempt) for came in executions}) == len(executions), "an attempt was granted twice"
    doubled = {int(who) for who, count in Counter(came.who for came in executions).items() if count > 1}
    found = [house.queue.get_task(handle.task_id) for handle in handles]
    assert doubled <= {n for n, task in enumerate(found) if task and task.lost}
    assert sum(task.lost for task in found if task) == lost
    stats = house.queue.get_stats()
    assert (stats["finished_total"], stats["retried_total"], stats["failed"], stats["queued"]) == (100, 0, 0, 0)


def test_the_outcome_of_a_worker_that_was_silent_beyond_its_lease_is_not_accepted_i6(
    house: House, fleet: Fleet, board: Board
) -> None:
    handle = house.queue.push(stand_at("gate", "x"), user_id="user:1")
    sleeper = fleet.start("sleeper", lease=LEASE)
    board.wait_for(1)
    os.kill(sleeper.pid, signal.SIGSTOP)
    other = fleet.start("other", lease=LEASE)
    board.wait_for(2)
    os.kill(sleeper.pid, signal.SIGCONT)
    wait_until(lambda: "lost the lease" in sleeper.output, description="the sleeper has noticed")
    board.open("gate")
    assert handle.result(timeout=10) == f"x {other.pid}"
    wait_until(lambda: "was not accepted" in sleeper.output, description="the sleeper's outcome has been refused")
    assert handle.result(timeout=0) == f"x {other.pid}"
    assert house.queue.get_stats()["finished_total"] == 1

    other.process.kill()
    other.wait()
    again = house.queue.push(stand_at("gate", "y"), user_id="user:1")
    assert again.result(timeout=10) == f"y {sleeper.pid}"


def test_tasks_that_a_silent_worker_had_not_started_are_dropped_by_it(house: House, fleet: Fleet, board: Board) -> None:
    handles = [house.queue.push(stand_at("gate", str(n)), user_id="user:1") for n in range(6)]
    sleeper = fleet.start("sleeper", slots=2, lease=LEASE)
    board.wait_for(2)
    os.kill(sleeper.pid, signal.SIGSTOP)
    fleet.start("other", slots=6, lease=LEASE)
    board.wait_for(7)  # the four that nobody had, and one of the two that were lost: suspects run one at a time
    board.open("gate")
    results = [handle.result(timeout=10) for handle in handles]
    os.kill(sleeper.pid, signal.SIGCONT)
    wait_until(lambda: sleeper.output.count("was not accepted") == 2, description="both outcomes have been refused")
    assert [handle.result(timeout=0) for handle in handles] == results
    assert Counter(came.who for came in board.came()) == {"0": 2, "1": 2, "2": 1, "3": 1, "4": 1, "5": 1}


def test_a_task_that_kills_its_worker_three_times_has_failed_and_the_others_go_on_i11(
    house: House, fleet: Fleet, board: Board
) -> None:
    poison = house.queue.push(kill_the_worker(), user_id="user:1")
    others = [house.queue.push(work(n, 0.3), user_id="user:2") for n in range(8)]
    for n in range(3):
        assert fleet.start(f"w{n}", slots=4, lease=LEASE).wait() == -signal.SIGKILL
    fleet.start("w3", slots=4, lease=LEASE)
    with pytest.raises(TaskFailed, match="lost") as caught:
        poison.result(timeout=10)
    assert isinstance(caught.value.failure, Failure)
    assert caught.value.failure.type == "lost"
    assert board.kills() == [1, 2, 3]
    assert [handle.result(timeout=20)[0] for handle in others] == list(range(8))
    assert poison.state() is TaskState.FAILED
