"""Replies lost, connections cut, the server gone (I2, I3): each fault is counted, and has one effect or none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from fairque import FairQueueConfig, TaskQueue, TaskState
from fairque.errors import PartialPush, RedisUnavailable
from fairque.store import claims, tasks
from fairque.store.driver import Driver
from tests.contract.conftest import Lossy
from tests.contract.jobs import echo
from tests.proxy import Proxy
from tests.waiting import wait_until


def drain(queue: TaskQueue) -> list[Any]:
    """Run everything that is ready; return the first arguments in order."""
    done: list[Any] = []
    while popped := queue.pop_many(200):
        for task in popped:
            queue.finish(task, "done")
            done.append(task.args[0])
    return done


def take(queue: TaskQueue) -> list[Any]:
    """Pop everything that is ready; return the first arguments in order."""
    taken: list[Any] = []
    while popped := queue.pop_many(200):
        taken += [task.args[0] for task in popped]
    return taken


# --- one reply lost -------------------------------------------------------------------------------------------------


def test_a_push_whose_reply_is_lost_makes_one_task(far: TaskQueue, queue: TaskQueue, lossy: Lossy) -> None:
    far.push(echo(0), user_id="u")
    handle = lossy(lambda: far.push(echo(1), user_id="u"))
    assert handle.created
    assert drain(queue) == [0, 1]


def test_a_push_of_a_chosen_id_whose_reply_is_lost_is_still_the_one_that_made_it(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy
) -> None:
    handle = lossy(lambda: far.push(echo(1).with_(task_id="x"), user_id="u"))
    assert handle.created
    assert drain(queue) == [1]
    assert handle.result(timeout=0) == "done"
    again = lossy(lambda: far.push(echo(2).with_(task_id="x"), user_id="u"))
    assert (again.created, drain(queue)) == (True, [2])


@pytest.mark.parametrize("count", [1, 3])
def test_a_pop_whose_reply_is_lost_gives_the_same_tasks_once(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, redis_client: redis.Redis, prefix: str, count: int
) -> None:
    queue.push_batch([echo(n) for n in range(5)], user_id="u")
    popped = lossy(lambda: far.pop_many(count))
    assert [task.args[0] for task in popped] == list(range(count))
    assert redis_client.zcard(f"{{{prefix}:default}}:queue:leases") == count
    for task in popped:
        far.finish(task)
    assert drain(queue) == list(range(count, 5))


WAYS = ["finish", "fail for good", "fail", "release", "heartbeat"]


@pytest.mark.parametrize("way", WAYS)
def test_a_settlement_whose_reply_is_lost_is_accepted_once(
    far: TaskQueue, queue: TaskQueue, lossy: Lossy, way: str
) -> None:
    handle = queue.push(echo(1).with_(max_retries=0 if "good" in way else 1, retry_backoff=60), user_id="u")
    task = far.pop()
    assert task is not None
    ways: dict[str, Callable[[], None]] = {
        "finish": lambda: far.finish(task, "done"),
        "fail": lambda: far.fail(task, "no"),
        "fail for good": lambda: far.fail(task, "no"),
        "release": lambda: far.release(task),
        "heartbeat": lambda: far.heartbeat(task),
    }
    lossy(ways[way])
    states = dict(zip(WAYS, ["finished", "failed", "scheduled", "queued", "started"], strict=True))
    assert handle.state() == states[way]
    stats = queue.get_stats()
    totals = (stats["finished_total"], stats["failed_total"], stats["retried_total"], stats["failed"])
    assert totals == (way == "finish", "good" in way, way == "fail", "good" in way)


def test_a_deletion_whose_reply_is_lost_says_that_it_deleted(far: TaskQueue, queue: TaskQueue, lossy: Lossy) -> None:
    handle = queue.push(echo(1), user_id="u")
    assert lossy(lambda: far.delete_task(handle.task_id, user_id="u")) is True
    assert (queue.get_stats()["queued"], drain(queue)) == (0, [])


def test_a_batch_that_loses_a_reply_on_the_way_is_accepted_once_and_in_order(
    far: TaskQueue, calm: TaskQueue, proxy: Proxy
) -> None:
    far.push(echo(-1), user_id="u")
    proxy.drop(skip=2)
    handles = far.push_batch([echo(n) for n in range(2_500)], user_id="u")
    assert proxy.dropped == 1
    assert all(handle.created for handle in handles)
    assert take(calm) == list(range(-1, 2_500))


def test_a_reply_that_is_lost_twice_is_told(far: TaskQueue, proxy: Proxy) -> None:
    far.push(echo(1), user_id="u")
    proxy.cut()
    with pytest.raises(RedisUnavailable) as caught:
        far.push(echo(2), user_id="u")
    assert isinstance(caught.value, ConnectionError)
    proxy.mend()
    assert far.get_stats()["queued"] == 1


@pytest.mark.parametrize("script", ["scope", "beat", "wait"])
def test_a_workers_call_that_is_sent_twice_acts_once(
    queue: TaskQueue, config: FairQueueConfig, dump: Callable[[], dict[bytes, bytes]], prefix: str, script: str
) -> None:
    root, at = tasks.root_of(prefix, "default"), "4000000000000"
    handle = queue.push(echo(1), user_id="u")
    lists = claims.Lists("*", "")
    calls: dict[str, Any] = {
        "scope": next(claims.register(root, ["u", "v"], at)),
        "beat": claims.beat(root, "w", "b1", b"{}", lists=lists, served={("u", "n"): 3}, now=at),
        "wait": tasks.wait(root, "u", handle.task_id, "waiter", listed=True),
    }
    driver = Driver(config.redis)
    driver.run(calls[script])
    before = dump()
    driver.run(calls[script])
    driver.close()
    assert dump() == before


# --- the server gone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [0, 1, 5])
def test_a_batch_that_is_cut_in_the_middle_tells_what_was_accepted(
    far: TaskQueue, calm: TaskQueue, proxy: Proxy, chunks: int
) -> None:
    far.push(echo(-1), user_id="u")
    proxy.cut(after=chunks)
    with pytest.raises(PartialPush) as caught:
        far.push_batch([echo(n).with_(user_id=f"user:{n % 7}") for n in range(2_500)])
    assert proxy.cuts == 1
    handles: tuple[Any, ...] = caught.value.handles
    remaining: tuple[Any, ...] = caught.value.remaining
    # Of the replies that went out before the cut some may be lost with the connection, and are not counted on.
    known = len(handles)
    chunk = 2 * tasks.CHUNK - 7  # of seven users
    assert known in range(0, chunk * chunks + 1, chunk)
    assert [task.args[0] for task in remaining] == list(range(known, 2_500))
    assert all(calm.get_task(handle.task_id) is not None for handle in handles[:3])
    again = calm.push_batch(remaining)
    assert len(again) == len(remaining)
    assert calm.get_stats()["queued"] == 2_501
    assert sorted(take(calm)) == list(range(-1, 2_500))


@pytest.mark.parametrize("task_id", [None, "x"])
def test_what_remained_and_has_run_meanwhile_does_not_run_again(
    far: TaskQueue, queue: TaskQueue, proxy: Proxy, task_id: str | None
) -> None:
    far.push(echo(-1), user_id="u")
    batch = [echo(n).with_(task_id=f"{task_id}{n}" if task_id else None) for n in range(3)]
    proxy.cut(after=0)
    with pytest.raises(PartialPush) as caught:
        far.push_batch(batch, user_id="u")
    assert drain(queue) == [-1, 0, 1, 2]  # Redis had accepted all; only the answer was lost
    remaining: tuple[Any, ...] = caught.value.remaining
    handles = queue.push_batch(remaining)
    assert drain(queue) == []
    assert [handle.state() for handle in handles] == [TaskState.FINISHED] * 3


def test_connections_that_were_killed_are_replaced_without_a_word(far: TaskQueue, proxy: Proxy) -> None:
    far.push(echo(1), user_id="u")
    for number in range(20):
        proxy.cut()
        proxy.mend()
        far.push(echo(number), user_id="u")
    assert proxy.cuts >= 20
    assert far.get_stats()["queued"] == 21


def test_a_server_that_has_forgotten_its_scripts_and_dropped_its_clients_is_met_again(
    far: TaskQueue, proxy: Proxy, redis_client: redis.Redis
) -> None:
    far.push(echo(1), user_id="u")
    proxy.cut()
    redis_client.script_flush()  # as after a restart
    proxy.mend()
    far.push(echo(2), user_id="u")
    redis_client.script_flush()
    far.push(echo(3), user_id="u")
    assert far.get_stats()["queued"] == 3


def test_a_waiting_pop_hears_that_redis_is_gone(far: TaskQueue, proxy: Proxy) -> None:
    heard: list[BaseException] = []

    def wait() -> None:
        try:
            far.pop(timeout=20)
        except RedisUnavailable as error:
            heard.append(error)

    thread = threading.Thread(target=wait)
    before = proxy.replies
    thread.start()
    wait_until(lambda: proxy.replies > before, description="the popper has looked once")
    proxy.cut()
    thread.join(10)
    assert heard
