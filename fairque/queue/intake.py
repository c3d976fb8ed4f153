"""What happens to a task before it is sent: its user is known, it gets an id, its call becomes bytes."""

from __future__ import annotations

import itertools
import os
import random
import time
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from fairque.core.arguments import check_payload
from fairque.core.codec import CallEncoder
from fairque.core.graph import not_a_task
from fairque.core.ids import check_task_id, check_user_id, format_task_id
from fairque.core.models import Task
from fairque.core.options import Priority, check_priority
from fairque.core.wants import unmet
from fairque.errors import GraphError, TaskValidationError
from fairque.store.tasks import Accepted, Entry, user_print

R = TypeVar("R")


class Receipt(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """A task that the queue has: made by this push (`created`) or there already."""

    task: Task[R]
    user_id: str
    task_id: str
    created: bool
    incarnation: str


class Mint:
    """Makes task ids: UUIDv7, so ids sort by time; unique by a counter and random bits. For any number of threads."""

    def __init__(self, root: str) -> None:
        self._root: Final = root
        self._counter = itertools.count(random.getrandbits(12))
        self._random = random.SystemRandom()
        self._noise, self._pid = self._random.getrandbits(30), os.getpid()

    def task_id(self, user_id: str) -> str:
        """Return a new id for a task of this user."""
        count = next(self._counter)
        if count % 4096 == 0 or self._pid != os.getpid():  # new noise for each lap of the counter, and in each process
            self._noise, self._pid = self._random.getrandbits(30), os.getpid()
        return format_task_id(time.time_ns() // 1_000_000, count % 4096, self._noise, user_print(self._root, user_id))

    def nonce(self) -> str:
        """Return a name for one push of a chosen id."""
        return f"{self._random.getrandbits(48):x}"

    def mark(self) -> str:
        """Return a name for one graph: the nonce of all its tasks, which tells their graph from any other."""
        return f"g{self._random.getrandbits(60):015x}"


def entry_of(task: Task[Any], user_id: str | None, mint: Mint) -> Entry:
    """Return a task as it is sent.

    Raises:
        TaskValidationError: it has no user, its arguments are refused, or one of them would come from a parent and
            there is none.
    """
    if not isinstance(task, Task):
        raise not_a_task(task)
    user = user_of(task, user_id)
    if task.task_id is None:
        task_id, nonce = mint.task_id(user), ""
    else:
        task_id, nonce = check_task_id(task.task_id), mint.nonce() if task.nonce is None else task.nonce
    return Entry(user, task_id, _level(task.priority), nonce, _when(task), _body(task, task_id))


def user_of(task: Task[Any], user_id: str | None) -> str:
    """Return whose task it is: `user_id` goes before what it says itself.

    Raises:
        TaskValidationError: it has no user, or that can be none.
    """
    user = task.user_id if user_id is None else user_id
    if user is None:
        raise TaskValidationError(f"{task!r}: has no user; give user_id= when it is pushed, or @task(user_id=...)")
    return _check_text_once(user) if type(user) is str else check_user_id(user)


_check_text_once = lru_cache(maxsize=65_536)(check_user_id)
"""`check_user_id`, which pushes of many tasks ask for few users."""


def _level(priority: object) -> int:
    # A Task that was made by hand has not been checked.
    return int(priority if type(priority) is Priority else check_priority(priority))


def receipt_of(task: Task[R], entry: Entry, accepted: Accepted) -> Receipt[R]:
    """Return what the caller gets for a task that was accepted."""
    return Receipt(task, entry.user_id, accepted.task_id, accepted.created, accepted.incarnation)


def _when(task: Task[Any]) -> str:
    when = ""
    if task.execute_after is not None:
        when = str(int(task.execute_after.timestamp() * 1000))
    elif task.delay:
        when = f"+{int(task.delay * 1000)}"
    return when if task.expires_in is None else f"{when}/{max(1, int(task.expires_in * 1000))}"


def _body(task: Task[Any], task_id: str) -> bytes:
    if task.auto_xcom or task.push_key is not None:
        task = _keyed(task, task_id)
    for want in unmet(task.wants, task.args, task.kwargs) if task.wants else ():
        if want.parameter not in task.takes:
            raise GraphError(f"{want.parameter}: comes from a parent, and {task.label} has none: write parent >> child")
    if task.encode is not None:
        return task.encode(task)
    payload = task.payload or {}
    check_payload(payload)
    return _encode_payload(task, (), payload)


_encode_payload: Final = CallEncoder("")


def _keyed(task: Task[Any], task_id: str) -> Task[Any]:
    if not task.auto_xcom:
        raise TaskValidationError("push_key: names what auto_xcom=True stores; give both, or neither")
    if not task.enable_xcom:
        raise TaskValidationError("auto_xcom: enable_xcom=False forbids it")
    return task if task.push_key is not None else replace(task, push_key=task_id)
