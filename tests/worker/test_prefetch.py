"""What a worker holds ahead: nothing where tasks are long; and what it took in error goes back to where others are."""

from __future__ import annotations

import pytest

from fairque import TaskState
from tests.waiting import wait_until
from tests.worker.stage import House, gates, note, stand_at


def get_used_to_short_tasks(house: House) -> None:
    """Let the worker see enough short runs to hold tasks ahead."""
    for _ in range(5):
        for handle in house.queue.push_batch([note("nobody").with_(user_id="user:0") for _ in range(100)]):
            handle.result(timeout=10)


def test_long_tasks_are_claimed_one_a_slot_and_the_rest_is_left_to_others(house: House) -> None:
    house.started("w1", max_concurrent_tasks=2)
    house.queue.push_batch([stand_at(house.name, str(n)).with_(user_id="user:1") for n in range(5)])
    house.gate.wait_for(2)
    assert house.queue.get_stats()["started"] == 2
    house.started("w2", max_concurrent_tasks=3)
    house.gate.wait_for(5)
    assert house.queue.get_stats()["queued"] == 0


def test_a_worker_full_of_long_tasks_leaves_a_short_one_to_others(house: House) -> None:
    house.started("w1", max_concurrent_tasks=10)
    house.queue.push_batch([stand_at(house.name, str(n)).with_(user_id="user:1") for n in range(10)])
    house.gate.wait_for(10)
    short = house.queue.push(note(house.name, "short"), user_id="user:2")
    assert short.state() is TaskState.QUEUED
    house.started("w2")
    assert short.result(timeout=10) == "short"


@pytest.mark.parametrize("slots", [2, 10, 40])
def test_tasks_stuck_behind_long_ones_are_given_back_in_place_and_run_elsewhere(house: House, slots: int) -> None:
    house.started("w1", max_concurrent_tasks=slots)
    get_used_to_short_tasks(house)
    house.queue.push_batch([stand_at(house.name, f"long {n}").with_(user_id="user:1") for n in range(slots)])
    shorts = house.queue.push_batch([note(f"{house.name}/s", str(n)).with_(user_id="user:1") for n in range(30)])
    house.gate.wait_for(slots)
    house.started("w2", max_concurrent_tasks=1)
    wait_until(
        lambda: all(handle.state() is TaskState.FINISHED for handle in shorts),
        description="all short tasks have been run by the worker that is free",
        timeout=5,
    )
    found = [house.queue.get_task(handle.task_id) for handle in shorts]
    assert {one.failures + one.lost for one in found if one} == {0}
    assert max(one.attempt for one in found if one) <= 3
    assert len(house.gate.came) == slots


def test_tasks_given_back_keep_their_order_i12(house: House) -> None:
    house.started("w1", max_concurrent_tasks=2)
    get_used_to_short_tasks(house)
    house.queue.push_batch(
        [stand_at(house.name, f"long {n}").with_(user_id="user:1") for n in range(2)]
        + [stand_at(f"{house.name}/s", str(n)).with_(user_id="user:1") for n in range(20)]
    )
    house.gate.wait_for(2)
    wait_until(lambda: house.queue.get_stats()["queued"] == 20, description="twenty tasks have been given back")
    seconds = gates[f"{house.name}/s"]
    seconds.open()
    house.started("w2", max_concurrent_tasks=1)
    seconds.wait_for(20)
    assert seconds.came == [str(n) for n in range(20)]


@pytest.mark.parametrize("timeout", [None, 0])
def test_a_worker_stopped_in_the_middle_of_a_drain_keeps_and_loses_nothing_i4(
    house: House, timeout: float | None
) -> None:
    house.queue.push_batch([note(house.name, str(n)).with_(user_id=f"user:{n % 7}") for n in range(5_000)])
    stopped_between = 0
    for turn in range(10):
        worker = house.started("w1", max_concurrent_tasks=4)
        house.gate.wait_for(450 * (turn + 1))
        worker.stop(timeout)
        stats = house.queue.get_stats()
        assert (stats["started"], stats["queued"] + stats["finished_total"]) == (0, 5_000)
        stopped_between += 0 < stats["queued"] < 5_000
    assert stopped_between
    with house.worker("w1") as worker:
        worker.drain(timeout=20)
    stats = house.queue.get_stats()
    assert (stats["finished_total"], stats["lost_total"], stats["retried_total"]) == (5_000, 0, 0)
    assert {*house.gate.came} == {str(n) for n in range(5_000)}
    assert len(house.gate.came) == 5_000 or timeout == 0  # what ran just then was given back, and ran again
