"""XCom as tasks use it, on threads, coroutines and child processes (I6, I23)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis

from fairque import TaskFailed
from fairque.core.encoding import MAX_BODY_BYTES
from fairque.core.ids import encode_id
from fairque.store.embedded import attach
from tests.waiting import wait_until
from tests.worker.stage import House
from tests.worker.three_ways import WAYS
from tests.worker.values import (
    ASKING,
    MARK,
    asked,
    child_of,
    count_on,
    done,
    find,
    find_all,
    in_flow,
    leave,
    leave_when_lost,
    rows,
    typed,
)

each_way = pytest.mark.parametrize("way", WAYS)
MANY_PARTS = {"rows": [1, 2.5, None, True], "é": {"deep": ["x" * 1000]}}


def failure(house: House, made: Any, user_id: str = "u") -> str:
    """Run a task that fails and say of what."""
    with pytest.raises(TaskFailed) as caught:
        done(house, made, user_id)
    return str(caught.value)


@each_way
def test_what_a_task_leaves_another_of_its_run_finds(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    assert done(house, in_flow(asked(way, leave, "key", MANY_PARTS, {}), "1")) == "left"
    assert done(house, in_flow(asked(way, find, "key", {}), "2")) == MANY_PARTS
    assert "XComMissing: xcom_pull('key'): nothing is there" in failure(house, asked(way, find, "key", {}))
    assert "XComMissing" in failure(house, in_flow(asked(way, find, "key", {}), "3"), "another")


@each_way
def test_what_is_left_for_the_user_all_its_tasks_find(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    done(house, asked(way, leave, "key", 7, {"scope": "user", "ttl": 60}))
    assert done(house, asked(way, find, "key", {})) == 7
    assert "XComMissing" in failure(house, asked(way, find, "key", {}), "another")


@each_way
def test_a_second_attempt_finds_what_the_first_has_left(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    assert done(house, asked(way, count_on).with_(max_retries=1)) == 42


@each_way
def test_a_default_is_given_where_there_is_nothing(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    assert done(house, asked(way, find, "key", {"default": [1]})) == [1]
    assert done(house, asked(way, find, "key", {"default": None})) is None


@each_way
def test_a_task_may_be_forbidden_to_use_it(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    for made in (asked(way, find, "key", {"default": 1}), asked(way, leave, "key", 1, {})):
        assert "TaskValidationError: enable_xcom=False: this task uses no XCom" in failure(
            house, made.with_(enable_xcom=False)
        )


@each_way
def test_a_run_that_has_lost_its_lease_leaves_nothing(house: House, redis_client: redis.Redis, way: str) -> None:
    house.started(max_concurrent_tasks=1, lease_seconds=60)
    runs = house.key("runs")
    house.queue.push(asked(way, leave_when_lost, house.url, runs, f"{encode_id('u')}|<id>"), user_id="u")
    wait_until(lambda: redis_client.exists(f"{runs}:told") == 1, description="it was told", timeout=20)
    assert redis_client.get(f"{runs}:told") == b"StaleLease True"
    assert list(redis_client.scan_iter(match=f"*{house.name}*xcom*", count=1000)) == []


@each_way
def test_what_cannot_be_stored_is_refused_by_its_path_or_the_limit(house: House, way: str) -> None:
    house.started(max_concurrent_tasks=1)
    said = failure(house, asked(way, leave, "key", "x" * (MAX_BODY_BYTES - 100), {"ttl": -1}))
    assert "TaskValidationError: ttl: must be from 0.001" in said
    assert done(house, asked(way, leave, "key", "x" * (MAX_BODY_BYTES - 100), {})) == "left"
    said = failure(house, asked(way, leave, "key", "no JSON", {"json": False}))
    assert "value['at'][1]: cannot be stored as JSON" in said
    assert "scope: expected 'run' or 'user'" in failure(house, asked(way, leave, "key", 1, {"scope": "all"}))
    assert "key: is empty" in failure(house, asked(way, leave, "", 1, {}))


@each_way
def test_the_result_of_a_task_with_a_key_is_found_by_its_flow_and_by_its_children(
    house: House, redis_client: redis.Redis, way: str
) -> None:
    house.started(max_concurrent_tasks=1)
    made = asked(way, leave, "other", 1, {}).with_(auto_xcom=True, push_key="said")
    handle = house.queue.push(in_flow(made, "made"), user_id="u")
    assert handle.result(timeout=20) == "left"
    redis_client.hset(house.key(f"user:u:keys:{MARK}"), "said", "made")
    assert done(house, in_flow(asked(way, find, "said", {}), "asks")) == "left"
    assert "XComMissing" in failure(house, asked(way, find, "said", {}))
    assert done(house, child_of(asked(way, find, "said", {}), [handle])) == "left"
    assert done(house, child_of(asked(way, find, "made", {}), [handle])) == "left"


def test_a_parents_result_comes_before_what_was_left_for_the_user(house: House) -> None:
    house.started()
    handle = house.queue.push(rows(2).with_(auto_xcom=True, push_key="rows"), user_id="u")
    handle.result(timeout=10)
    done(house, leave("rows", "the user's", {"scope": "user"}))
    assert done(house, child_of(find("rows", {}), [handle])) == [0, 1]
    assert done(house, child_of(find("none", {"default": 1}), [handle])) == 1


def test_a_value_is_rebuilt_as_it_is_asked_for(house: House) -> None:
    house.started()
    done(house, in_flow(leave("when", "2026-11-21", {}), "1"))
    made = in_flow(typed("when", "date"), "2")
    assert done(house, made) == "date"
    assert "TaskValidationError: xcom_pull('when'): Expected `int`, got `str`" in failure(
        house, in_flow(typed("when", "int"), "3")
    )


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_threads_of_one_run_that_ask_at_once_get_each_their_own_answer(house: House, executor: str) -> None:
    house.started()
    keys = [f"k{number}" for number in range(ASKING)]
    for key in keys:
        done(house, leave(key, key, {"scope": "user"}))
    assert done(house, find_all(keys).with_(executor=executor)) == keys


@pytest.mark.parametrize("way", ["thread", "process"])
def test_a_full_redis_refuses_values_and_says_so(tmp_path: Path, way: str) -> None:
    url = attach(str(tmp_path))
    house = House(url, "full")
    with redis.Redis.from_url(url) as client:
        house.started(max_concurrent_tasks=1)
        assert done(house, asked(way, leave, "key", 1, {"scope": "user"})) == "left"
        handle = house.queue.push(asked(way, leave, "other", 1, {"scope": "user"}).with_(delay=0.5), user_id="u")
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(TaskFailed, match="QueueFull: Redis is at maxmemory"):
                handle.result(timeout=20)
        finally:
            client.config_set("maxmemory", 0)
        assert done(house, asked(way, find, "key", {})) == 1
        assert [key for key in client.scan_iter(count=1000) if b"other" in key] == []
    house.close()
