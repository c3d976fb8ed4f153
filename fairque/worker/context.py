"""What a task can ask and say about its own run, and leave for others."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeVar

from fairque.core.codec import decode_value
from fairque.core.encoding import encode_value
from fairque.core.graph import Members, Wired
from fairque.core.ids import check_printable
from fairque.core.outcome import Progress
from fairque.core.quantity import check_number, check_seconds
from fairque.core.settings import QueueSettings
from fairque.core.wording import shown
from fairque.errors import FairqueError, StaleLease, TaskValidationError, XComMissing
from fairque.queue import parents
from fairque.queue.growth import growing
from fairque.store import claims, tasks, xcom
from fairque.store.call import READING, Call, carry
from fairque.store.flows import Fence
from fairque.worker.holding import Holding

T = TypeVar("T")

MOST_SAID: Final = 1_000
"""Characters of a progress message; what is beyond is cut off."""
_NOTHING: Final = object()


class Tether(Protocol):
    """What ties a run to Redis: of the worker that holds its lease, in this process or in its parent."""

    queue: QueueSettings
    lease: float
    """Seconds for which a lease is renewed."""

    def run(self, call: Call[T]) -> T:
        """Return a call's answer; raises what the driver raises."""

    def report(self, holding: Holding) -> None:
        """Let it be known how far the run has come."""


class TaskContext:
    """The run that is going on: `current_task()` returns it inside a task. What waits for Redis says so: in a coroutine
    call it by `asyncio.to_thread`.
    """

    __slots__ = ("_holding", "_tether")

    def __init__(self, holding: Holding, tether: Tether) -> None:
        self._holding = holding
        self._tether = tether

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._holding.grant.task_id

    @property
    def user_id(self) -> str:
        """The user it belongs to."""
        return self._holding.grant.user_id

    @property
    def attempt(self) -> int:
        """1 at the first grant, and one more at each further one."""
        return self._holding.grant.attempt

    @property
    def queue(self) -> str:
        """The name of the queue it came from."""
        return self._tether.queue.name

    @property
    def should_stop(self) -> bool:
        """Whether the run is no longer wanted: its worker is shutting down, it was canceled, or its lease was lost."""
        return self._holding.unwanted

    def progress(self, percent: float, message: str = "") -> None:
        """Say how far the run has come, from 0 to 100. It is seen within about a second; the last word counts.

        Raises:
            TaskValidationError: `percent` is not such a number, or `message` is not a string.
        """
        if not isinstance(message, str):
            raise TaskValidationError(f"message: expected a string, got {type(message).__name__}")
        said = message[:MOST_SAID].encode(errors="backslashreplace").decode()
        self._holding.progress = Progress(check_number("percent", percent, 0, 100), said)
        self._tether.report(self._holding)

    def heartbeat(self) -> None:
        """Renew this run's lease now. The worker does so by itself; this tells whether the run still counts. It waits
        for Redis.

        Raises:
            StaleLease: the lease has lapsed; what this run returns will not be accepted.
            RedisUnavailable: Redis cannot be reached.
        """
        grant = self._holding.grant
        (held,) = self._tether.run(claims.renew(self._root, [(grant.member, grant.token)], self._tether.lease))
        self._check(held)

    def xcom_push(self, key: str, value: Any, *, ttl: float | None = None, scope: xcom.Scope = "run") -> None:
        """Leave a value for others, for `ttl` seconds (None: the queue's `xcom_ttl_seconds`): for the tasks of this
        one's run (of a task outside of any: for its own further attempts), or with scope `user` for all tasks of its
        user. What stood there under this key is replaced. It waits for Redis.

        Raises:
            TaskValidationError: the key is no text as ids are, the value is not encodable or over 1 MiB of JSON, or the
                task has `enable_xcom=False`.
            StaleLease: the lease has lapsed; nothing was left.
            QueueFull: Redis is at its memory limit.
            RedisUnavailable: Redis cannot be reached.
        """
        self._check_xcom(key)
        if scope not in xcom.SCOPES:
            raise TaskValidationError(f"scope: expected 'run' or 'user', got {shown(scope)}")
        seconds = self._tether.queue.xcom_ttl_seconds if ttl is None else check_seconds("ttl", ttl, least=0.001)
        encoded = encode_value("value", value)
        self._check(self._tether.run(xcom.push(self._root, self._holding.grant, key, encoded, seconds, scope)))

    def xcom_pull(self, key: str, *, default: Any = _NOTHING, type: Any = Any) -> Any:
        """Return the value of a key: what a task of this run has left; the result of one with `auto_xcom`, or of one
        that this one depends on, that has this push key; what was left for the user. It waits for Redis.

        `type` is an annotation by which it is rebuilt; without one it comes as plain JSON.

        Raises:
            XComMissing: there is none, and no `default` was given.
            TaskValidationError: it is not of that type, or the task has `enable_xcom=False`.
            RedisUnavailable: Redis cannot be reached.
        """
        self._check_xcom(key)
        task, grant = self._holding.task, self._holding.grant
        steps = parents.pull(self._root, grant, task.parents if task else (), key)
        found = carry(steps, self._tether.run)
        if found is not None:
            with READING:
                return decode_value(f"xcom_pull({key!r})", found, type)
        if default is not _NOTHING:
            return default
        raise XComMissing(
            f"xcom_pull({key!r}): nothing is there: no task of this run has left it or has it as its push_key with "
            "auto_xcom=True, or its time is over (ttl, result_ttl); push it first, or give a default"
        )

    def enqueue(self, graph: Wired | Members, *, before_children: bool = False) -> list[str]:
        """Add tasks from inside this one: a task or a graph of its user, in its run; return their ids as written. They
        may start at once. `before_children`: what waits for this task waits for the last of these, too.

        Accepted only while this run holds its lease, up to 150 tasks in a step that is atomic. An attempt after this
        one adds again what has generated ids; what has chosen ids is there already. It waits for Redis.

        Raises:
            GraphError, TaskConflict, UnknownTask, BacklogFull, QueueFull: as `TaskQueue.enqueue`.
            StaleLease: the lease has lapsed; nothing (more) was added.
            RedisUnavailable: Redis cannot be reached.
        """
        grant = self._holding.grant
        fence = Fence(grant.member, grant.token, before_children)
        try:
            return carry(growing(self._root, graph, grant, fence), self._tether.run)
        except StaleLease:
            self._holding.unwanted = True
            raise

    @property
    def _root(self) -> str:
        return tasks.root_of(self._tether.queue.prefix, self._tether.queue.name)

    def _check_xcom(self, key: object) -> None:
        check_printable(key, "key")
        if self._holding.task is not None and not self._holding.task.enable_xcom:
            raise TaskValidationError("enable_xcom=False: this task uses no XCom; take that option away to allow it")

    def _check(self, held: bool) -> None:  # noqa: FBT001 - as Redis answered
        if not held:
            self._holding.unwanted = True
            raise StaleLease(f"{self.task_id}: its lease has lapsed and the task was given back")


_current: ContextVar[TaskContext] = ContextVar("fairque_current_task")


def current_task() -> TaskContext:
    """Return the context of the task that this thread (or coroutine) runs.

    Raises:
        FairqueError: nothing is running here.
    """
    try:
        return _current.get()
    except LookupError:
        raise FairqueError("current_task(): there is none: this code does not run inside a worker's task") from None


enter: Final = _current.set
"""Makes a context the current one; returns a token."""
leave: Final = _current.reset
"""Undoes `enter`, of which it is given the token."""
