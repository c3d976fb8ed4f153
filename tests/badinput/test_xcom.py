"""XCom keys, values and times: refused without effect, or taken as they are, and nobody else's (I23)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, TypeVar

import pytest

from fairque import Task, XComMissing
from fairque.store.call import Call
from fairque.store.driver import Driver
from fairque.store.records import Grant
from fairque.worker.context import TaskContext
from fairque.worker.holding import Holding
from tests.badinput.ground import Ground, cell, refused, try_values, untouched
from tests.badinput.ids import IDS, TASK
from tests.badinput.jobs import echo
from tests.badinput.numbers import VALUES as NUMBERS
from tests.badinput.payloads import SECRET, VALUES
from tests.core.test_codec import same

T = TypeVar("T")
SCOPES: Final[dict[str, Any]] = {
    **NUMBERS,
    "run": "run",
    "user": "user",
    "all": "all",
    "empty": "",
    "marker": "~",
    "colon": "run:x",
    "upper": "RUN",
    "long": "x" * 10_000_000,
}


class Tie:
    """Ties runs in this process to the ground's queue."""

    lease = 60.0

    def __init__(self, ground: Ground) -> None:
        self.queue = ground.config.queue
        self.driver = Driver(ground.config.redis)

    def run(self, call: Call[T]) -> T:
        return self.driver.run(call)

    def report(self, holding: Holding) -> None:
        pass

    def context(self, task: Task[Any]) -> TaskContext:
        """Return the context of a task that was popped."""
        assert task.lease is not None
        member, token = f"{task.user_id}|{task.task_id}".encode(), task.lease.token.encode()
        who = (str(task.user_id), str(task.task_id))
        return TaskContext(Holding(Grant(member, token, *who, 3, 1, 0, 0, task.incarnation, 0, 0, 1.0, b""), 0.0), self)


@pytest.fixture
def runs(ground: Ground) -> Iterator[list[TaskContext]]:
    """Give a run of each of two users, both with tasks of the same id."""
    queue, tie = ground.queues["sync"], Tie(ground)
    queue.push_batch([echo(1).with_(user_id=user, task_id="t") for user in ("a", "b")])
    popped = queue.pop_many(2)
    yield [tie.context(task) for task in popped]
    for user in ("a", "b"):
        assert queue.erase_user(user) == 1
    tie.driver.close()


@pytest.mark.parametrize("scope", ["run", "user"])
def test_a_key(ground: Ground, runs: list[TaskContext], caplog: pytest.LogCaptureFixture, scope: Any) -> None:
    mine, theirs = runs
    values: dict[str, Any] = {row.name: row.value for row in IDS}
    taken = {row.name for row in IDS if TASK in row.names}
    left = set[str]()

    def leave(key: Any) -> None:
        with pytest.raises(XComMissing):
            mine.xcom_pull(key)
        mine.xcom_push(key, key, scope=scope)
        left.add(key)
        assert {key: mine.xcom_pull(key) for key in left} == {key: key for key in left}
        with pytest.raises(XComMissing):
            theirs.xcom_pull(key)

    try_values(ground, caplog, taken, leave, values)
    assert len(left) == len(taken)
    with untouched(ground, caplog):
        for name, value in values.items():
            if name not in taken:
                with cell(name):
                    refused(partial(mine.xcom_pull, value, default=1))


def test_a_value(ground: Ground, runs: list[TaskContext], caplog: pytest.LogCaptureFixture) -> None:
    mine, _ = runs
    with untouched(ground, caplog):
        for row in VALUES:
            if not row.returned:
                with cell(row.name):
                    refused(partial(mine.xcom_push, "key", row.make(2)), secret=SECRET)
        enormous = SECRET + "x" * (64 * 1024 * 1024)
        refused(partial(mine.xcom_push, "key", enormous), secret=SECRET)
    for row in VALUES:
        if row.returned:
            value = row.make(2)
            with cell(row.name):
                mine.xcom_push("key", value)
                assert same(mine.xcom_pull("key"), value if row.as_json is None else row.as_json)


def test_a_time(ground: Ground, runs: list[TaskContext], caplog: pytest.LogCaptureFixture) -> None:
    mine, _ = runs
    try_values(
        ground, caplog, {"1", "7", "3.5", "none"}, lambda ttl: mine.xcom_push("key", 1, ttl=ttl, scope="user"), NUMBERS
    )
    keys = [key for key in ground.client.scan_iter(match=f"*{ground.prefix}*", count=1000) if b"xcom" in key]
    assert len(keys) == 2
    assert all(0 < ground.client.ttl(key) <= 3_600 for key in keys)


def test_a_scope(ground: Ground, runs: list[TaskContext], caplog: pytest.LogCaptureFixture) -> None:
    mine, _ = runs
    try_values(ground, caplog, {"run", "user"}, lambda scope: mine.xcom_push("key", 1, scope=scope), SCOPES)


@pytest.mark.parametrize("kind", [int, dict[int, str], list[set[int]], bytes, object(), "int", 3])
def test_a_type_that_a_value_does_not_have(
    ground: Ground, runs: list[TaskContext], caplog: pytest.LogCaptureFixture, kind: Any
) -> None:
    mine, _ = runs
    mine.xcom_push("key", [SECRET])
    with untouched(ground, caplog):
        refused(lambda: mine.xcom_pull("key", type=kind), secret=SECRET)


@pytest.mark.parametrize("stored", ["", "{", "[" * 100_000, "\udcff", "nan", "\0"])
def test_a_stored_value_that_is_no_json_is_told(ground: Ground, runs: list[TaskContext], stored: str) -> None:
    mine, _ = runs
    mine.xcom_push("key", 1)
    (key,) = ground.client.scan_iter(match=f"*{ground.prefix}*:xcom:*:key", count=1000)
    ground.client.set(key, stored.encode(errors="surrogateescape"))
    refused(lambda: mine.xcom_pull("key"))
