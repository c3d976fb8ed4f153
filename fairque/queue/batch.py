"""Many tasks on their way in, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from fairque.core.models import Task
from fairque.errors import PartialPush
from fairque.queue.intake import Receipt, receipt_of
from fairque.queue.planning import Plan
from fairque.queue.submission import at_once
from fairque.store import flows, tasks
from fairque.store.call import Call
from fairque.store.flows import Joint, Part

R = TypeVar("R")
H = TypeVar("H")


class Item(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """A task as it is sent: what it waits for, and the graph that it brings with it, if it does."""

    task: Task[R]
    entry: tasks.Entry
    joint: Joint | None = None
    plan: Plan | None = None


class Batch(Generic[R, H]):
    """Many tasks on their way in, a Call a chunk, which answers with what the caller gets for each task. What others
    follow up on is a chunk of its own.
    """

    def __init__(self, root: str, items: Sequence[Item[R]], handle_of: Callable[[Receipt[R]], H]) -> None:
        self._root, self._items, self._handle_of = root, items, handle_of

    def calls(self) -> Iterator[Call[list[H]]]:
        """Yield the Calls that push it."""
        return (self._call(chunk).then(partial(self._handles, chunk)) for chunk in self._chunks())

    def _call(self, chunk: Sequence[Item[R]]) -> Call[list[tasks.Accepted]]:
        if chunk[0].plan is not None:
            return at_once(self._root, chunk[0].plan, chunk[0].entry)
        if any(item.joint for item in chunk):
            part = Part([item.entry for item in chunk], [item.joint for item in chunk])
            return flows.enqueue(self._root, part, mode="push")
        return tasks.push(self._root, [item.entry for item in chunk])

    def _handles(self, chunk: Sequence[Item[R]], accepted: Sequence[tasks.Accepted]) -> list[H]:
        handle_of = self._handle_of
        return [handle_of(receipt_of(item.task, item.entry, one)) for item, one in zip(chunk, accepted, strict=True)]

    def _chunks(self) -> Iterator[Sequence[Item[R]]]:
        chunk, load, links = list[Item[R]](), tasks.Load(), 0
        for item in self._items:
            more = len(item.joint.outside) if item.joint else 0
            tied = links + more and (len(chunk) >= flows.CHUNK or links + more > flows.EDGES)
            if chunk and (item.plan or chunk[0].plan or tied or not load.take(item.entry)):
                yield chunk
                chunk, load, links = [], tasks.Load(), 0
            if not chunk:
                load.take(item.entry)
            chunk.append(item)
            links += more
        if chunk:
            yield chunk

    def interrupted(self, handles: Sequence[object], lost: Exception) -> PartialPush:
        """Return the error for a batch of which only so many were accepted. What remains keeps its ids: if Redis did
        accept some of it and only the answer was lost, pushing it again makes no task twice.
        """
        done = len(handles)
        remaining: list[Any] = [
            item.plan
            or replace(item.task, user_id=item.entry.user_id, task_id=item.entry.task_id, nonce=item.entry.nonce)
            for item in self._items[done:]
        ]
        what = f"{done} of {len(self._items)} tasks were accepted; push `remaining` again"
        return PartialPush(f"{lost} ({what})", handles=tuple(handles), remaining=tuple(remaining))
