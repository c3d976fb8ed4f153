"""One queue object and many threads, coroutines, processes, event loops; data of another release."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from fairque import AsyncTaskQueue, FairQueueConfig, TaskQueue
from fairque.core.settings import RedisSettings
from fairque.errors import ConfigError, FairqueError, RedisUnavailable, SchemaMismatch, StoredDataError
from tests.contract.conftest import Make
from tests.contract.jobs import echo

ROOT = Path(__file__).resolve().parents[2]


def test_sixteen_threads_share_a_queue(calm: TaskQueue) -> None:
    def work(number: int) -> list[Any]:
        mine: list[Any] = []
        for step in range(20):
            handle = calm.push(echo([number, step]), user_id=f"user:{number % 3}")
            if (task := calm.pop()) is not None:
                calm.finish(task, task())
                mine.append(tuple(task.args[0]))
            assert handle.created
        return mine

    with ThreadPoolExecutor(16) as pool:
        done = [call for calls in pool.map(work, range(16)) for call in calls]
    while (task := calm.pop()) is not None:
        calm.finish(task, task())
        done.append(tuple(task.args[0]))
    assert Counter(done) == Counter((number, step) for number in range(16) for step in range(20))
    assert calm.get_stats()["finished_total"] == 320


FORKING = """
    import os, sys
    from fairque import FairQueueConfig, TaskQueue, Task
    from fairque.core.settings import QueueSettings, RedisSettings
    url, prefix = sys.argv[1:]
    queue = TaskQueue(FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix=prefix)))
    queue.push(Task.create(user_id="parent"))
    children = []
    for number in range(4):
        if (child := os.fork()) == 0:
            for _ in range(50):
                queue.push(Task.create(user_id=f"child:{number}"))
            os._exit(0)
        children.append(child)
    for _ in range(200):
        queue.push(Task.create(user_id="parent"))
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert queue.get_stats()["queued"] == 401, queue.get_stats()
    queue.close()
"""


def test_an_async_queue_is_usable_in_one_event_loop_after_another(config: FairQueueConfig) -> None:
    queue = AsyncTaskQueue(config)

    async def once() -> int:
        async with queue:
            await queue.push(echo(1), user_id="u")
            return (await queue.get_stats())["queued"]

    assert [asyncio.run(once()) for _ in range(3)] == [1, 2, 3]


LOOPING = """
    import asyncio, sys
    from fairque import AsyncTaskQueue, FairQueueConfig, Task
    from fairque.core.settings import QueueSettings, RedisSettings
    url, prefix = sys.argv[1:]
    queue = AsyncTaskQueue(FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix=prefix)))
    for _ in range(3):
        asyncio.run(queue.push(Task.create(user_id="u")))
    assert asyncio.run(queue.get_stats())["queued"] == 3
    asyncio.run(queue.close())
"""


def run(script: str, redis_url: str, prefix: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(script), redis_url, prefix]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_queue_is_usable_on_both_sides_of_a_fork(redis_url: str, prefix: str) -> None:
    run(FORKING, redis_url, prefix)


def test_an_async_queue_whose_loop_has_ended_goes_on_in_the_next_and_can_be_closed(redis_url: str, prefix: str) -> None:
    run(LOOPING, redis_url, prefix)


def test_a_closed_queue_opens_again_when_it_is_used(config: FairQueueConfig) -> None:
    with TaskQueue(config) as queue:
        queue.push(echo(1), user_id="u")
        queue.close()
        assert queue.get_stats()["queued"] == 1


def test_data_of_another_layout_are_refused_before_anything_is_done(
    make: Make, redis_client: redis.Redis, prefix: str, dump: Callable[[], dict[bytes, bytes]]
) -> None:
    make().push(echo(1), user_id="u")
    redis_client.hset(f"{{{prefix}:default}}:queue:stats", "schema", "99")
    before = dump()
    queue = make()
    for ask in (
        lambda: queue.push(echo(1), user_id="u"),
        queue.pop,
        queue.get_stats,
        lambda: queue.push_batch([echo(1)], user_id="u"),
    ):
        with pytest.raises(SchemaMismatch, match="the queue has data layout 99, this release knows"):
            ask()
    assert dump() == before


def test_bytes_that_fairque_did_not_write_are_an_error_by_name(
    queue: TaskQueue, redis_client: redis.Redis, prefix: str
) -> None:
    handle = queue.push(echo(1), user_id="u")
    redis_client.hset(f"{{{prefix}:default}}:queue:user:u:tasks", handle.task_id, "garbage")
    with pytest.raises(StoredDataError, match="is not one that fairque wrote"):
        handle.state()


@pytest.mark.parametrize("name", ["", "a b", "a:b", "{a}", "é", "x" * 65, "a\n"])
def test_a_name_that_would_not_be_a_key_is_refused(make: Make, name: str) -> None:
    with pytest.raises(ConfigError):
        make(name=name)


def test_a_server_that_is_not_there_is_told_without_the_password(make: Make) -> None:
    queue = make(config=FairQueueConfig(redis=RedisSettings(url="redis://u:sesame@127.0.0.1:1/0", connect_timeout=1)))
    with pytest.raises(RedisUnavailable) as caught:
        queue.get_stats()
    said = f"{caught.value}{caught.value!r}"
    assert "127.0.0.1:1" in said
    assert "sesame" not in said
    assert isinstance(caught.value, FairqueError)
