"""A worker's life: started, drained, stopped, and whom it serves."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from fairque import TaskQueue, TaskState, Worker, chain, group
from fairque.errors import ConfigError, FairqueError, StoredDataError
from tests.waiting import wait_until
from tests.worker.stage import House, add, config_of, note, stand_at


def test_a_task_is_run_and_its_result_comes_back(house: House) -> None:
    handle = house.queue.push(add(1, 2), user_id="user:1")
    house.started()
    assert handle.result(timeout=10) == 3
    assert handle.state() is TaskState.FINISHED


def test_a_worker_serves_its_own_users_and_steals_from_others(house: House) -> None:
    first = house.queue.push_function_task("user:1", add, args=(1, 2))
    second = house.queue.push(add(20, y=22), user_id="user:2")
    assert second.state() is TaskState.QUEUED
    house.started(assigned_users=("user:1",), steal_targets=("user:2",))
    assert second.result(timeout=10) == 42
    assert house.queue.get_result(first, timeout=10) == 3


def test_assigned_users_come_before_steal_targets_i14(house: House) -> None:
    for user in ("user:2", "user:1", "user:2", "user:1"):
        house.queue.push(note(house.name, user), user_id=user)
    with house.worker(assigned_users=("user:1",), steal_targets=("user:2",), max_concurrent_tasks=1) as worker:
        worker.drain(timeout=10)
    assert house.gate.came == ["user:1", "user:1", "user:2", "user:2"]


def test_a_worker_leaves_those_alone_whom_it_does_not_serve_i14(house: House) -> None:
    strangers = house.queue.push(add(1, 1), user_id="user:3")
    own = house.queue.push(add(1, 1), user_id="user:1")
    with house.worker(assigned_users=("user:1",), steal_targets=("user:2",)) as worker:
        worker.drain(timeout=10)
    assert own.state() is TaskState.FINISHED
    assert strangers.state() is TaskState.QUEUED


def test_workers_with_crossed_lists_finish_everything_once(house: House) -> None:
    left, right = ("user:1", "user:3"), ("user:2", "user:4")
    users = [*left, *right]
    handles = house.queue.push_batch(
        [note(house.name, f"{user}/{n}").with_(user_id=user) for n in range(50) for user in users]
    )
    with (
        house.worker("w1", assigned_users=left, steal_targets=right),
        house.worker("w2", assigned_users=right, steal_targets=left) as second,
        house.worker("w3", assigned_users=(), steal_targets=("*",)),
    ):
        second.drain(timeout=20)
        assert all(handle.state() is TaskState.FINISHED for handle in handles)
    assert sorted(house.gate.came) == sorted(f"{user}/{n}" for n in range(50) for user in users)


def test_as_many_tasks_run_at_once_as_there_are_slots(house: House) -> None:
    house.queue.push_batch([stand_at(house.name).with_(user_id="user:1") for _ in range(7)])
    house.started(max_concurrent_tasks=5)
    house.gate.wait_for(5)
    wait_until(lambda: house.queue.get_stats()["started"] == 5, description="five are started")
    assert len(house.gate.came) == 5
    house.gate.open()
    house.gate.wait_for(7)


def test_a_worker_of_another_queue_serves_that_queue_only(house: House) -> None:
    elsewhere = Worker(house.config, queue="emails")
    with TaskQueue(house.config, name="emails") as emails, elsewhere:
        here = house.queue.push(add(1, 1), user_id="user:1")
        assert emails.push(add(2, 2), user_id="user:1").result(timeout=10) == 4
        assert here.state() is TaskState.QUEUED


# --- drain ----------------------------------------------------------------------------------------------------------


def test_drain_starts_the_worker_and_returns_when_all_is_done(house: House) -> None:
    handles = house.queue.push_batch([add(n, n).with_(user_id=f"user:{n % 7}") for n in range(300)])
    worker = house.worker()
    worker.drain(timeout=20)
    assert [handle.result(timeout=0) for handle in handles] == [2 * n for n in range(300)]
    worker.drain(timeout=20)


def test_drain_of_lists_waits_for_its_users_only(house: House) -> None:
    house.queue.push(add(1, 1), user_id="user:3")
    own = house.queue.push(add(1, 1), user_id="user:1")
    with house.worker(assigned_users=("user:1",), steal_targets=("user:2",)) as worker:
        worker.drain(timeout=10)
    assert own.state() is TaskState.FINISHED


def test_drain_waits_for_what_another_worker_runs(house: House) -> None:
    house.queue.push(stand_at(house.name), user_id="user:1")
    house.started("w1")
    house.gate.wait_for(1)
    other = house.started("w2")
    with pytest.raises(TimeoutError, match=r"w2: not drained after 0\.2 s"):
        other.drain(timeout=0.2)
    house.gate.open()
    other.drain(timeout=10)


def test_drain_goes_down_a_chain_that_two_workers_share(house: House) -> None:
    run = house.queue.enqueue(chain([note(house.name, str(n)) for n in range(40)]), user_id="user:1")
    house.started("w1", max_concurrent_tasks=1)
    house.started("w2", assigned_users=("user:1",), max_concurrent_tasks=1).drain(timeout=20)
    assert set(run.states()) == {TaskState.FINISHED}
    assert house.gate.came == [str(n) for n in range(40)]


@pytest.mark.parametrize("users", [("*",), ("user:1", "user:2")])
def test_drain_waits_until_many_children_were_told_of_the_last_of_many_parents(
    house: House, users: tuple[str, ...]
) -> None:
    parents, children = (group(add(n, n) for n in range(count)) for count in (5, 300))
    run = house.queue.enqueue(parents >> children, user_id="user:1")
    house.worker(assigned_users=users).drain(timeout=20)
    assert set(run.states()) == {TaskState.FINISHED}


def test_drain_leaves_what_waits_for_one_that_was_canceled(house: House) -> None:
    run = house.queue.enqueue(add(1, 2) >> add(3, 4), user_id="user:1")
    run[0].cancel()
    house.worker().drain(timeout=20)
    assert run.states() == [TaskState.CANCELED, TaskState.DEFERRED]


def test_drain_says_when_it_takes_too_long(house: House) -> None:
    handle = house.queue.push(stand_at(house.name, "x"), user_id="user:1")
    worker = house.worker()
    with pytest.raises(TimeoutError, match="w1: not drained"):
        worker.drain(timeout=0.3)
    house.gate.open()
    assert handle.result(timeout=10) == "x"


def test_drain_does_not_wait_for_a_later_time(house: House) -> None:
    later = house.queue.push(add(1, 1).with_(delay=3600), user_id="user:1")
    with house.worker() as worker:
        worker.drain(timeout=10)
    assert later.state() is TaskState.SCHEDULED


# --- start and stop -------------------------------------------------------------------------------------------------


def test_a_worker_starts_once_and_can_be_started_again_after_it_stopped(house: House) -> None:
    worker = house.worker()
    worker.stop()
    for n in range(3):
        with worker:
            with pytest.raises(FairqueError, match="w1 has been started already"):
                worker.start()
            assert house.queue.push(add(n, 1), user_id="user:1").result(timeout=10) == n + 1
    worker.stop()


def test_a_worker_that_could_not_start_can_be_started_later(house: House, redis_client: redis.Redis) -> None:
    redis_client.set(house.key("workers"), "not a hash")
    worker = house.worker()
    with pytest.raises(StoredDataError):
        worker.start()
    worker.stop()
    redis_client.delete(house.key("workers"))
    with worker:
        assert house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2


def test_the_id_is_needed_where_there_are_several_workers(redis_url: str, prefix: str) -> None:
    config = config_of(redis_url, prefix)
    both = type(config)(
        redis=config.redis,
        queue=config.queue,
        workers=(*config.workers, *config_of(redis_url, prefix, id="w2").workers),
    )
    with pytest.raises(ConfigError, match="several workers are configured: name one of w1, w2"):
        Worker(both)
    assert Worker(both, id="w2").id == "w2"


def test_stop_lets_running_tasks_finish_and_gives_the_rest_back_in_place(house: House) -> None:
    handles = house.queue.push_batch([stand_at(house.name, str(n)).with_(user_id="user:1") for n in range(4)])
    worker = house.started(max_concurrent_tasks=2)
    house.gate.wait_for(2)
    stopping = threading.Thread(target=worker.stop, args=(10,))
    stopping.start()
    try:
        late = house.queue.push(note(house.name, "late"), user_id="user:2")
    finally:
        house.gate.open()
        stopping.join()
    assert [handle.state() for handle in handles] == [TaskState.FINISHED] * 2 + [TaskState.QUEUED] * 2
    assert late.state() in {TaskState.QUEUED, TaskState.FINISHED}
    with house.worker("w2", max_concurrent_tasks=1) as second:
        second.drain(timeout=10)
    assert [who for who in house.gate.came if who != "late"] == ["0", "1", "2", "3"]
    assert house.queue.get_stats()["retried_total"] == house.queue.get_stats()["lost_total"] == 0


def test_stop_gives_back_what_does_not_end_in_time_without_a_retry(house: House) -> None:
    handle = house.queue.push(stand_at(house.name, "x").with_(max_retries=0), user_id="user:1")
    worker = house.started()
    house.gate.wait_for(1)
    began = time.monotonic()
    worker.stop(0.2)
    assert time.monotonic() - began < 5
    assert handle.state() is TaskState.QUEUED
    house.gate.open()
    with house.worker("w2") as second:
        second.drain(timeout=10)
    found = house.queue.get_task(handle.task_id)
    assert found is not None
    assert (found.state, found.attempt, found.failures, found.lost) == (TaskState.FINISHED, 2, 0, 0)


def test_a_worker_that_runs_on_another_thread_is_ended_by_stop(house: House) -> None:
    worker = house.worker()
    running = threading.Thread(target=worker.run)
    running.start()
    assert house.queue.push(add(1, 2), user_id="user:1").result(timeout=10) == 3
    worker.stop(5)
    running.join(10)
    assert not running.is_alive()
