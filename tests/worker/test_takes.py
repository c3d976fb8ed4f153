"""What a task takes from its parents is among its arguments when it starts, whatever it runs on."""

from __future__ import annotations

import os
import threading
from typing import Any

import msgspec
import pytest
import redis

from fairque import TaskFailed, TaskHandle, task
from fairque.core.models import Take
from tests.proxy import proxied
from tests.waiting import wait_until
from tests.worker.stage import House, gates
from tests.worker.three_ways import WAYS
from tests.worker.values import add_up, asked, child_of, done, fail, rows

each_way = pytest.mark.parametrize("way", WAYS)
FIRST, BOTH = Take((0,)), Take((1, 0), many=True)


def finished(house: House, *counts: int) -> list[TaskHandle[list[int]]]:
    """Return tasks that have returned so many rows."""
    handles = [house.queue.push(rows(count), user_id="u") for count in counts]
    assert [handle.result(timeout=10) for handle in handles] == [list(range(count)) for count in counts]
    return handles


def failed(house: House) -> TaskHandle[Any]:
    handle = house.queue.push(fail(), user_id="u")
    with pytest.raises(TaskFailed):
        handle.result(timeout=10)
    return handle


@each_way
def test_it_takes_one_result_and_several_in_their_order(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    handles = finished(house, 2, 3)
    made = child_of(asked(way, add_up), handles, numbers=FIRST, more=BOTH)
    numbers, more, pid = done(house, made)
    assert (numbers, more) == ([0, 1], [[0, 1, 2], [0, 1]])
    assert (pid == os.getpid()) is (way != "process")


@each_way
def test_a_result_comes_as_the_annotation_says_or_fails_by_its_path(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    handles = finished(house, 2)
    text = house.queue.push(name_it("x"), user_id="u")
    text.result(timeout=10)
    assert done(house, child_of(asked(way, add_up), handles, numbers=FIRST))[0] == [0, 1]
    made = child_of(asked(way, add_up), [text], numbers=FIRST)
    with pytest.raises(TaskFailed, match=r"TaskValidationError: kwargs\['numbers'\]: Expected `array"):
        done(house, made)
    assert house.queue.get_stats()["retried_total"] == 0, "it is never retried"


@each_way
def test_a_parent_that_failed_gives_none(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    parents = [failed(house), *finished(house, 1)]
    made = child_of(asked(way, add_up), parents, numbers=FIRST, more=Take((0, 1), many=True))
    assert done(house, made)[:2] == [None, [None, [0]]]


@each_way
@pytest.mark.parametrize("gone", ["deleted", "queued again", "another user's"])
def test_a_result_that_is_not_there_any_more_fails_it_for_good_with_the_remedy(
    house: House, redis_client: redis.Redis, way: str, gone: str
) -> None:
    house.started(max_concurrent_tasks=1)
    (handle,) = finished(house, 1)
    user = "u"
    if gone == "deleted":
        assert house.queue.delete_task(handle.task_id)
    elif gone == "queued again":
        key = house.key("user:u:tasks")
        record = redis_client.hget(key, handle.task_id)
        assert isinstance(record, bytes)
        redis_client.hset(key, handle.task_id, b"Q" + record[1:])
    else:
        user = "thief"
    made = child_of(asked(way, add_up), [handle], numbers=FIRST).with_(max_retries=3)
    with pytest.raises(TaskFailed, match=r"ParentResultMissing: the result of the parent .* give the parent a longer"):
        done(house, made, user)
    assert house.queue.get_stats()["retried_total"] == 0


@pytest.mark.parametrize("damage", [b"|", b"|[]", b"|[1,2,3,4,5]", b'|["m:f",1,1,"w",' + b"[" * 100_000])
def test_a_parents_damaged_record_fails_only_the_child(house: House, redis_client: redis.Redis, damage: bytes) -> None:
    house.started(max_concurrent_tasks=1)
    (handle,) = finished(house, 1)
    key = house.key("user:u:tasks")
    record = redis_client.hget(key, handle.task_id)
    assert isinstance(record, bytes)
    redis_client.hset(key, handle.task_id, record.partition(b"|")[0] + damage)
    with pytest.raises(TaskFailed, match="corrupt: "):
        done(house, child_of(add_up(), [handle], numbers=FIRST))
    assert done(house, rows(1)) == [0]


def test_places_that_no_parent_has_fail_only_the_child(house: House) -> None:
    house.started(max_concurrent_tasks=1)
    with pytest.raises(TaskFailed, match="corrupt: "):
        done(house, child_of(add_up(), finished(house, 1), numbers=Take((7,))))
    assert done(house, rows(1)) == [0]


class Snag(msgspec.Struct):
    """An argument that does what its gate says when it is rebuilt on a worker: just before the parents are read."""

    gate: str

    def __post_init__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            for act in gates[self.gate].came:
                act()


@task
def name_it(name: str) -> str:
    return name


@task(max_retries=0)
def add_up_after(snag: Snag, numbers: list[int] | None = None) -> int:  # noqa: ARG001 - it acts by being there
    return sum(numbers or ())


def test_a_redis_that_is_away_while_parents_are_read_costs_no_retry(
    house: House, redis_url: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    with proxied(redis_url) as proxy:
        far = House(proxy.url, prefix)
        far.started(max_concurrent_tasks=1)
        (handle,) = finished(house, 3)
        made = child_of(add_up_after(Snag(prefix)), [handle], numbers=FIRST)
        house.gate.came.append(proxy.cut)
        child = house.queue.push(made, user_id="u")
        wait_until(lambda: "its parents' results" in caplog.text, description="they could not be read")
        house.gate.came.clear()
        proxy.mend()
        assert child.result(timeout=20) == 3
        found = house.queue.get_task(child.task_id)
        far.close()
    assert proxy.cuts
    assert found is not None
    assert found.failures == 0
    assert house.queue.get_stats()["retried_total"] == 0
