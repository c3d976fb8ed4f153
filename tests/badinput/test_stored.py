"""Damage in Redis: every reader says what it found or that it cannot be read, and nobody else notices."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress

import pytest

from fairque import TaskQueue, TaskState, Worker
from fairque.core.settings import WorkerSettings
from fairque.errors import FairqueError, StoredDataError
from tests.badinput.damage import (
    BYSTANDER,
    DAMAGES,
    NEIGHBOURS,
    READERS,
    VICTIM,
    build,
    damaged,
    places,
)
from tests.badinput.ground import Ground, cell, opened
from tests.badinput.jobs import echo


@pytest.fixture(scope="module")
def ground(redis_url: str) -> Iterator[Ground]:
    """Give a queue with something of everything."""
    with opened(redis_url) as ground:
        build(ground)
        yield ground


@pytest.mark.parametrize(("colour", "damage"), [*(("sync", name) for name in DAMAGES), ("async", "garbage")])
def test_every_reader_tells_what_is_there_or_that_it_cannot_be_read(ground: Ground, colour: str, damage: str) -> None:
    queue = ground.queues[colour]
    told = {name: read(queue) for name, read in NEIGHBOURS.items()}
    for place in places(ground):
        with damaged(ground.client, place, DAMAGES[damage](place.stored)):
            for name, read in READERS.items():
                with cell(place.name, name), suppress(FairqueError):
                    read(queue)
            for name, read in NEIGHBOURS.items() if place.is_victims else ():
                with cell(place.name, f"neighbour's {name}"):
                    assert read(queue) == told[name]


def test_every_verb_that_reads_is_tried() -> None:
    tried = {name.split()[0] for name in READERS}
    reading = {name for name, _ in inspect.getmembers(TaskQueue, inspect.isfunction) if name.startswith("get_")}
    assert (
        reading | {"users", "workers", "served", "all_limits", "fairness", "explain", "failed", "flow", "flows"}
        == tried
    )


def test_a_damaged_place_is_seen(ground: Ground) -> None:
    (record,) = (place for place in places(ground) if place.name == f"user:{VICTIM}:tasks finished")
    queue = ground.queues["sync"]
    with damaged(ground.client, record, b"hello"), pytest.raises(StoredDataError):
        queue.get_result("finished", user_id=VICTIM)
    assert queue.get_result("finished", user_id=VICTIM) == "finished"


@pytest.mark.parametrize("damage", ["bomb-in-its-body", "label", "no-label", "cost", "name"])
def test_a_worker_fails_a_task_whose_call_is_damaged_and_runs_the_users_others(redis_url: str, damage: str) -> None:
    bodies = {
        "bomb-in-its-body": b"badinput.echo|" + b"[" * 100_000,
        "label": b"\xff\xfe|[[1],{},{}]",
        "no-label": b"hello",
        "cost": b"badinput.echo x|[[1],{},{}]",
        "name": b"x" * 10_240 + b"|[[1],{},{}]",
    }
    settings = WorkerSettings(id="w1", assigned_users=("*",), unknown_task_grace=0)
    with opened(redis_url, workers=(settings,)) as ground:
        queue = ground.queues["sync"]
        handles = queue.push_batch([echo(n).with_(task_id=f"t{n}", max_retries=0) for n in range(3)], user_id=VICTIM)
        other = queue.push(echo("theirs"), user_id=BYSTANDER)
        (record,) = (place for place in places(ground) if place.name == f"user:{VICTIM}:tasks t1")
        record.write(ground.client, record.stored.partition(b"|")[0] + b"|" + bodies[damage])
        with Worker(ground.config) as worker:
            worker.drain(20)
        assert [handle.state() for handle in handles] == [TaskState.FINISHED, TaskState.FAILED, TaskState.FINISHED]
        assert other.result(timeout=0) == "theirs"
