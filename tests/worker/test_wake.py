"""A push wakes a worker that may serve it, and no other; nobody waits for the end of a block of two seconds."""

from __future__ import annotations

import time

import redis

from fairque.store import claims
from tests.waiting import wait_until
from tests.worker.stage import House, add, note, stand_at

QUICK = 1.0
"""Seconds: well under the 2 s after which a sleeper looks by itself, well over what a wake-up takes."""


def sleeps(house: House, client: redis.Redis, worker: str, scope: str = "*") -> bool:
    return client.zscore(house.key(f"sleep:{scope}"), worker) is not None


def wait_for_sleep(house: House, client: redis.Redis, *workers: str, scope: str = "*") -> None:
    for worker in workers:
        wait_until(lambda: sleeps(house, client, worker, scope), description=f"{worker} sleeps")  # noqa: B023


def test_an_idle_worker_starts_a_pushed_task_at_once(house: House, redis_client: redis.Redis) -> None:
    house.started()
    for n in range(5):
        wait_for_sleep(house, redis_client, "w1")
        began = time.monotonic()
        assert house.queue.push(add(n, n), user_id="user:1").result(timeout=10) == 2 * n
        assert time.monotonic() - began < QUICK


def test_an_idle_worker_starts_a_delayed_task_when_its_time_has_come_i16(
    house: House, redis_client: redis.Redis
) -> None:
    house.started()
    wait_for_sleep(house, redis_client, "w1")
    began = time.monotonic()
    assert house.queue.push(add(1, 1).with_(delay=0.5), user_id="user:1").result(timeout=10) == 2
    assert 0.499 <= time.monotonic() - began < 0.5 + QUICK


def test_a_worker_that_cannot_serve_the_user_is_not_woken(house: House, redis_client: redis.Redis) -> None:
    scopes = {name: claims.digest((user,)) for name, user in (("w1", "user:1"), ("w2", "user:2"))}
    house.started("w1", assigned_users=("user:1",))
    house.started("w2", assigned_users=("user:2",))
    for name, scope in scopes.items():
        wait_for_sleep(house, redis_client, name, scope=scope)
    handle = house.queue.push(stand_at(house.name, "x"), user_id="user:2")
    assert sleeps(house, redis_client, "w1", scopes["w1"])
    assert not redis_client.exists(house.key("wake:w1"))
    house.gate.wait_for(1)
    house.gate.open()
    assert handle.result(timeout=10) == "x"


def test_a_steal_target_wakes_its_thief(house: House, redis_client: redis.Redis) -> None:
    house.started(assigned_users=("user:1",), steal_targets=("user:2",))
    wait_for_sleep(house, redis_client, "w1", scope=claims.digest(("user:2",)))
    began = time.monotonic()
    assert house.queue.push(add(1, 1), user_id="user:2").result(timeout=10) == 2
    assert time.monotonic() - began < QUICK


def test_a_bulk_wakes_all_the_workers_that_it_needs(house: House, redis_client: redis.Redis) -> None:
    names = [f"w{n}" for n in range(12)]
    for name in names:
        house.started(name, max_concurrent_tasks=1)
    wait_for_sleep(house, redis_client, *names)
    began = time.monotonic()
    house.queue.push_batch([stand_at(house.name, str(n)).with_(user_id=f"user:{n}") for n in range(12)])
    house.gate.wait_for(12)
    assert time.monotonic() - began < QUICK


def test_one_task_among_many_idle_workers_is_started_once_and_at_once(house: House, redis_client: redis.Redis) -> None:
    names = [f"w{n}" for n in range(8)]
    for name in names:
        house.started(name)
    for n in range(5):
        wait_for_sleep(house, redis_client, *names)
        began = time.monotonic()
        assert house.queue.push(note(house.name, str(n)), user_id="user:1").result(timeout=10) == str(n)
        assert time.monotonic() - began < QUICK
    assert house.gate.came == list("01234")


def test_a_worker_with_a_free_slot_is_woken_though_it_is_busy(house: House, redis_client: redis.Redis) -> None:
    house.started(max_concurrent_tasks=2)
    house.queue.push(stand_at(house.name, "long"), user_id="user:1")
    house.gate.wait_for(1)
    for n in range(5):
        wait_for_sleep(house, redis_client, "w1")
        began = time.monotonic()
        assert house.queue.push(add(n, n), user_id="user:2").result(timeout=10) == 2 * n
        assert time.monotonic() - began < QUICK


def test_a_full_worker_does_not_take_the_hint_that_another_needs(house: House, redis_client: redis.Redis) -> None:
    house.started("full", max_concurrent_tasks=1)
    house.queue.push(stand_at(house.name, "long"), user_id="user:1")
    house.gate.wait_for(1)
    house.started("free")
    wait_for_sleep(house, redis_client, "free")
    assert not sleeps(house, redis_client, "full")
    began = time.monotonic()
    assert house.queue.push(add(1, 1), user_id="user:2").result(timeout=10) == 2
    assert time.monotonic() - began < QUICK
