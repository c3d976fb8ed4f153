"""Tasks that leave values, find them, and take what their parents have returned; on all three ways."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import date
from typing import Any

import redis
from msgspec.structs import replace

from fairque import Retry, Task, TaskHandle, current_task, task
from fairque.core.models import Take
from tests.worker.stage import House

MARK = "g0123456789abcde"
"""A flow's: the nonce of all its tasks."""
ASKING = 8
"""Threads that ask at once."""


@task(max_retries=0)
def leave(key: str, value: object, options: dict[str, Any]) -> str:
    """Leave a value, or (without `json`) one that JSON does not have."""
    value = value if options.pop("json", True) else {"at": [value, object()]}
    current_task().xcom_push(key, value, **options)
    return "left"


@task(max_retries=0)
async def leave_later(key: str, value: object, options: dict[str, Any]) -> str:
    return await asyncio.to_thread(leave(key, value, options))


@task(max_retries=0)
def find(key: str, options: dict[str, Any]) -> object:
    return current_task().xcom_pull(key, **options)


@task(max_retries=0)
async def find_later(key: str, options: dict[str, Any]) -> object:
    return await asyncio.to_thread(find(key, options))


@task(max_retries=0)
async def find_all(keys: list[str]) -> list[object]:
    """Ask for several keys at once, on threads."""
    return await asyncio.gather(*(asyncio.to_thread(find(key, {})) for key in keys))


@task(max_retries=0)
def typed(key: str, name: str) -> str:
    """Say of what type a value is that is asked for as a type."""
    return type(current_task().xcom_pull(key, type={"int": int, "date": date}[name])).__name__


@task(max_retries=1)
def count_on() -> int:
    """Leave a number at the first attempt and find it at the second."""
    context = current_task()
    if context.attempt == 1:
        context.xcom_push("at", 41)
        raise Retry(delay=0)
    return int(context.xcom_pull("at", type=int)) + 1


@task(max_retries=0)
async def count_on_later() -> int:
    return await asyncio.to_thread(count_on())


@task(max_retries=0)
def leave_when_lost(url: str, runs: str, member: str) -> list[Any]:
    """Take this run's own lease away, leave something, and say what came of it."""
    with redis.Redis.from_url(url) as client:
        client.hdel(runs, member.replace("<id>", current_task().task_id))
        try:
            current_task().xcom_push("late", 1)
        except Exception as error:
            client.set(f"{runs}:told", f"{type(error).__name__} {current_task().should_stop}")
    return []


@task(max_retries=0)
async def leave_when_lost_later(url: str, runs: str, member: str) -> list[Any]:
    return await asyncio.to_thread(leave_when_lost(url, runs, member))


@task
def rows(count: int) -> list[int]:
    return list(range(count))


@task(max_retries=0)
def fail() -> None:
    raise ValueError("as asked")


@task(max_retries=0)
def add_up(numbers: list[int] | None = None, more: list[list[int] | None] | None = None) -> list[Any]:
    """Say what was given, and in which process."""
    return [numbers, more, os.getpid()]


@task(max_retries=0)
async def add_up_later(numbers: list[int] | None = None, more: list[list[int] | None] | None = None) -> list[Any]:
    return add_up(numbers, more)()


WAYS: dict[str, dict[Any, Callable[..., Task[Any]]]] = {
    "coroutine": {
        leave: leave_later,
        find: find_later,
        count_on: count_on_later,
        leave_when_lost: leave_when_lost_later,
        add_up: add_up_later,
    },
}


def asked(way: str, function: Callable[..., Task[Any]], *args: Any) -> Task[Any]:
    """Return a call of the function that runs this way."""
    if way == "coroutine":
        return WAYS[way][function](*args)
    return function(*args).with_(executor=way)


def in_flow(made: Task[Any], task_id: str, **fields: Any) -> Task[Any]:
    """Return the task as one of a flow."""
    return replace(made, task_id=task_id, nonce=MARK, **fields)


def child_of(made: Task[Any], parents: list[TaskHandle[Any]], **takes: Take) -> Task[Any]:
    """Return the task as a child of these, whose results its parameters take; it does not wait for them."""
    return replace(made, parents=tuple(parent.task_id for parent in parents), takes=takes)


def done(house: House, made: Task[Any], user_id: str = "u") -> Any:
    """Run a task and return its result."""
    return house.queue.push(made, user_id=user_id).result(timeout=20)
