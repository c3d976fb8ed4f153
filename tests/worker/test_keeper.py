"""The keeper: leases are renewed while tasks run, lists stay registered, the worker is seen for as long as it lives."""

from __future__ import annotations

import os
import time

import pytest
import redis

from fairque.store import claims
from fairque.worker import keeper
from tests.waiting import wait_until
from tests.worker.stage import House, add, stand_at

SHORT = 1.0
"""Seconds: the shortest lease there is."""


def test_a_long_task_outlives_its_lease_because_it_is_renewed_i10(house: House, redis_client: redis.Redis) -> None:
    handle = house.queue.push(stand_at(house.name, "x"), user_id="user:1")
    house.started("w1", lease_seconds=SHORT)
    house.started("w2", lease_seconds=SHORT)
    house.gate.wait_for(1)
    began, ends = time.monotonic(), set[float]()

    def members() -> list[bytes]:
        found = redis_client.zrange(house.key("leases"), 0, -1)
        return [member for member in found if isinstance(member, bytes)]

    def long_enough() -> bool:
        ends.update(redis_client.zscore(house.key("leases"), member) or 0 for member in members())
        return time.monotonic() - began > 2.5 * SHORT

    wait_until(long_enough, description="the first lease would have lapsed long ago")
    house.gate.open()
    assert handle.result(timeout=10) == "x"
    assert len(ends) >= 4
    found = house.queue.get_task(handle.task_id)
    assert found is not None
    assert (found.attempt, found.lost, house.gate.came) == (1, 0, ["x"])


def test_a_worker_is_seen_with_what_it_runs_and_gone_when_it_has_stopped(house: House) -> None:
    worker = house.started("w1", assigned_users=("user:1",), steal_targets=("user:2",), max_concurrent_tasks=3)
    (seen,) = house.queue.workers()
    assert (seen["id"], seen["pid"], seen["running"], seen["slots"]) == ("w1", os.getpid(), 0, 3)
    assert (seen["assigned_users"], seen["steal_targets"]) == (["user:1"], ["user:2"])
    assert abs(seen["last_seen"] - time.time()) < 5
    house.queue.push_batch([stand_at(house.name).with_(user_id="user:1") for _ in range(2)])
    wait_until(lambda: house.queue.workers()[0]["running"] == 2, description="it is seen to run two")
    assert house.queue.get_stats()["workers"] == 1
    house.gate.open()
    wait_until(lambda: house.queue.workers()[0]["running"] == 0, description="it is seen to be idle")
    worker.stop()
    assert house.queue.workers() == []
    assert house.queue.get_stats()["workers"] == 0


def test_a_list_whose_registration_vanished_is_registered_again(
    house: House, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "IDLE_BEAT", keeper.BEAT)
    house.started(assigned_users=("user:1", "user:2"))
    scope = claims.digest(("user:1", "user:2"))
    doomed = [house.key(name) for name in ("scopes", "named", f"scope:{scope}", f"scope-users:{scope}")]
    redis_client.delete(*doomed)
    redis_client.hset(house.key("stats"), "scopes", 0)
    wait_until(lambda: redis_client.zscore(house.key("scopes"), scope), description="the list is known again")
    assert house.queue.push(add(1, 1), user_id="user:2").result(timeout=10) == 2


def test_a_queue_that_was_emptied_under_its_worker_is_served_on(house: House, redis_client: redis.Redis) -> None:
    house.queue.push(stand_at(house.name, "gone"), user_id="user:1")
    house.started(assigned_users=("user:1",), max_concurrent_tasks=2)
    house.gate.wait_for(1)
    redis_client.delete(*redis_client.keys(f"{{{house.name}:*"))
    house.gate.open()
    scope = claims.digest(("user:1",))
    wait_until(lambda: redis_client.zscore(house.key("scopes"), scope), description="the list is known again")
    assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    assert house.queue.get_stats()["started"] == 0


def test_a_worker_without_tasks_and_news_is_quiet(house: House, redis_client: redis.Redis) -> None:
    house.started()
    began, beats = time.monotonic(), set[object]()

    def long_enough() -> bool:
        beats.add(redis_client.zscore(house.key("workers-seen"), "w1"))
        return time.monotonic() - began > 3.5 * keeper.BEAT

    wait_until(long_enough, description="three beats of a busy worker")
    assert len(beats) <= 2, "its first beat may have come before all its threads had"
    (last,) = house.queue.workers()
    handle = house.queue.push(stand_at(house.name, "x"), user_id="user:1")
    beats.clear()
    began = time.monotonic()
    wait_until(long_enough, description="three beats of a busy worker")
    assert len(beats) >= 3
    assert redis_client.zrange(house.key("workers-at-work"), 0, -1) == [b"w1"]
    house.gate.open()
    assert handle.result(timeout=10) == "x"
    wait_until(lambda: not redis_client.exists(house.key("workers-at-work")), description="its beat says it is done")
    assert house.queue.workers()[0]["last_seen"] > last["last_seen"]
    assert house.queue.served()["user:1"]["n"] == 1


def test_two_idle_workers_of_one_id_speak_up_in_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "IDLE_BEAT", 3 * keeper.BEAT)
    house.started("w1")
    began, spoke = time.monotonic(), list[object]()
    wait_until(lambda: time.monotonic() - began > keeper.BEAT / 2, description="they are not in step")
    house.started("w1")

    def speaks() -> int:
        (said,) = house.queue.workers()
        if spoke[-1:] != [said["started_at"]]:
            spoke.append(said["started_at"])
        return len(spoke)

    wait_until(lambda: speaks() >= 6, description="both are heard three times", timeout=9 * keeper.BEAT)


def test_what_a_worker_served_is_counted_once(house: House) -> None:
    with house.worker() as worker:
        house.queue.push_batch([add(n, n).with_(user_id=f"user:{n % 2}") for n in range(30)])
        worker.drain(timeout=10)
    assert {user: measures["n"] for user, measures in house.queue.served().items()} == {"user:0": 15, "user:1": 15}
