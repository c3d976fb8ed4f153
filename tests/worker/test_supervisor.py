"""`fairque worker --processes`: a child that dies is replaced, what it held runs again at once, none stays behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from fairque import TaskFailed
from tests.cli.program import is_alive
from tests.waiting import wait_until
from tests.worker.family import Family, be_told
from tests.worker.own_server import own_server
from tests.worker.programs import Board, Fleet, kill_the_worker, stand_at, work
from tests.worker.stage import House

AT_ONCE = 2.0
"""Seconds from the death of a child to the next run of what it held; its lease would last for 15."""

KILLS = 5


@pytest.fixture
def start(fleet: Fleet, house: House) -> Iterator[Callable[..., Family]]:
    """Give a maker of families; at the end they are killed."""
    made: list[Family] = []

    def start(processes: int, **settings: Any) -> Family:
        made.append(Family(fleet, house.queue, processes, **settings))
        return made[-1]

    yield start
    for family in made:
        family.close()


Start = Callable[..., Family]


def test_each_child_is_a_worker_with_an_id_of_its_own(start: Start, house: House, board: Board) -> None:
    family = start(3)
    children = family.wait_for(3)
    assert sorted(children) == ["family.1", "family.2", "family.3"]
    assert len({*children.values(), family.process.pid}) == 4
    for n in range(6):
        house.queue.push(stand_at("gate", str(n)), user_id="user:1")
    assert {came.pid for came in board.wait_for(6)} == set(children.values()), "two slots each"


def test_what_a_killed_child_held_runs_again_at_once_and_the_child_is_replaced_i9(
    start: Start, house: House, board: Board
) -> None:
    family = start(3)
    family.wait_for(3)
    pauses = []
    for n in range(KILLS):
        handle = house.queue.push(stand_at(f"gate{n}", str(n)), user_id="user:1")
        victim = board.wait_for(2 * n + 1)[-1].pid
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        again = board.wait_for(2 * n + 2)[-1]
        pauses.append(round(time.monotonic() - began, 3))
        assert (again.who, again.attempt) == (str(n), 2)
        assert again.pid != victim
        board.open(f"gate{n}")
        assert handle.result(timeout=10) == f"{n} {again.pid}"
        family.wait_for(3, but=victim)
    assert max(pauses) < AT_ONCE, pauses
    stats = house.queue.get_stats()
    assert (stats["lost_total"], stats["finished_total"]) == (KILLS, KILLS)
    assert (stats["retried_total"], stats["failed"]) == (0, 0)
    assert sorted(family.children()) == ["family.1", "family.2", "family.3"]
    assert family.log.count("was killed by SIGKILL") == KILLS
    assert family.log.count("the 1 tasks that it held are free") == KILLS


def test_what_waits_in_a_killed_child_is_free_at_once_and_the_living_keep_theirs(
    start: Start, house: House, board: Board
) -> None:
    family = start(2, max_concurrent_tasks=8)
    family.wait_for(2)
    handles = [house.queue.push(stand_at("gate", str(n)), user_id=f"user:{n % 3}") for n in range(16)]
    before = board.wait_for(16)
    victim, survivor = family.children().values()
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: house.queue.get_stats()["lost_total"] == 8, description="its eight are lost", timeout=AT_ONCE)
    board.open("gate")
    assert all(handle.result(timeout=10) for handle in handles)
    mine = {came.who for came in before if came.pid == survivor}
    assert len(mine) == 8
    assert [came for came in board.came() if came.attempt > 1 and came.who in mine] == []
    assert house.queue.get_stats()["finished_total"] == 16


def test_a_task_that_kills_its_worker_has_failed_after_three_without_waiting_for_leases_i11(
    start: Start, house: House, board: Board
) -> None:
    family = start(2)
    family.wait_for(2)
    poison = house.queue.push(kill_the_worker(), user_id="user:1")
    others = [house.queue.push(work(n, 0.1), user_id="user:2") for n in range(20)]
    with pytest.raises(TaskFailed, match="lost"):
        poison.result(timeout=12)
    assert board.kills() == [1, 2, 3]
    assert [handle.result(timeout=20)[0] for handle in others] == list(range(20))
    assert family.log.count("was killed by SIGKILL") == 3


# --- told to stop ---------------------------------------------------------------------------------------------------


def standing(start: Start, house: House, board: Board, **settings: Any) -> tuple[Family, list[int], list[Any]]:
    """Return a family of two in which four tasks run, the pids of all three, and the tasks."""
    family = start(2, **settings)
    family.wait_for(2)
    handles = [house.queue.push(be_told("gate", str(n)), user_id="user:1") for n in range(4)]
    board.wait_for(4)
    return family, [family.process.pid, *family.children().values()], handles


def all_gone(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("everyone", [False, True])
def test_a_signal_lets_running_tasks_finish_even_if_it_was_sent_to_everyone(
    start: Start, house: House, board: Board, number: signal.Signals, *, everyone: bool
) -> None:
    family, pids, handles = standing(start, house, board)
    family.tell(number, everyone=everyone)
    late = house.queue.push(stand_at("gate", "late"), user_id="user:2")
    assert [came.who[:4] for came in board.wait_for(8)[4:]] == ["told"] * 4
    board.open("gate")
    assert family.wait() == 0
    assert all_gone(pids)
    assert [handle.state().value for handle in [*handles, late]] == ["finished"] * 4 + ["queued"]
    stats = house.queue.get_stats()
    assert (stats["lost_total"], stats["retried_total"], stats["started"]) == (0, 0, 0)
    assert house.queue.workers() == []
    assert "Traceback" not in family.log


def test_a_second_signal_gives_everything_back_at_once(start: Start, house: House, board: Board) -> None:
    family, pids, handles = standing(start, house, board)
    family.tell(signal.SIGTERM)
    assert [came.who[:4] for came in board.wait_for(8)[4:]] == ["told"] * 4
    family.tell(signal.SIGTERM)
    assert family.wait(5) == 0
    assert all_gone(pids)
    given_back(house, handles)


def test_children_whose_supervisor_is_killed_give_everything_back_and_end(
    start: Start, house: House, board: Board
) -> None:
    family, pids, handles = standing(start, house, board)
    os.kill(family.process.pid, signal.SIGKILL)
    assert family.wait() == -signal.SIGKILL
    wait_until(lambda: all_gone(pids), description="the children have ended", timeout=5)
    given_back(house, handles)


def test_a_child_that_overstays_is_killed_and_what_it_held_is_free(
    start: Start, house: House, board: Board, fleet: Fleet
) -> None:
    family, pids, handles = standing(start, house, board, graceful_shutdown_timeout=0.2)
    os.kill(family.children()["family.1"], signal.SIGSTOP)
    family.tell(signal.SIGTERM)
    assert family.wait(20) == 0
    assert all_gone(pids)
    assert "1 children have not ended in time" in family.log
    assert "the 2 tasks that it held are free" in family.log
    assert [handle.state().value for handle in handles].count("queued") == 2, "the other child gave its own back"
    fleet.start("other", slots=4)
    wait_until(house.queue.workers, description="another worker is there")
    wait_until(lambda: house.queue.get_stats()["lost_total"] == 2, description="two are lost", timeout=AT_ONCE)


# --- Redis is away --------------------------------------------------------------------------------------------------


def test_a_child_that_dies_while_redis_is_away_is_replaced_and_its_leases_lapse_by_themselves(
    tmp_path: Path,
) -> None:
    with own_server(tmp_path / "data") as server:
        house, fleet = House(server.url, "away"), Fleet(server.url, "away", tmp_path)
        board = Board(redis.Redis.from_url(server.url), fleet.board)
        family = Family(fleet, house.queue, 2, lease_seconds=2)
        try:
            family.wait_for(2)
            handle = house.queue.push(stand_at("gate", "x"), user_id="user:1")
            (first,) = board.wait_for(1)
            with server.away():
                os.kill(first.pid, signal.SIGKILL)
                wait_until(lambda: "lapse by themselves" in family.log, description="the supervisor has given up")
            again = board.wait_for(2)[-1]
            assert (again.who, again.attempt) == ("x", 2)
            assert len(family.wait_for(2, but=first.pid)) == 2
            board.open("gate")
            assert handle.result(timeout=10).startswith("x ")
            family.tell(signal.SIGTERM)
            assert family.wait() == 0
        finally:
            family.close()
            house.close()


def given_back(house: House, handles: list[Any]) -> None:
    """See that all are back in their places, and no retry was spent nor a loss counted."""
    assert [handle.state().value for handle in handles] == ["queued"] * len(handles)
    stats = house.queue.get_stats()
    assert (stats["lost_total"], stats["retried_total"], stats["started"]) == (0, 0, 0)
    assert house.queue.workers() == []
