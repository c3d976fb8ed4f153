"""The values that everything is about: a task, and what the queue knows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from fairque.core.graph import Wired
from fairque.core.options import Executor, Priority, check_options
from fairque.core.outcome import Failure, Progress
from fairque.core.retry import Backoff, ErrorNames
from fairque.core.state import TaskState
from fairque.core.wants import Want, unmet
from fairque.core.wording import clipped
from fairque.errors import TaskValidationError

R = TypeVar("R", covariant=True)


class Take(msgspec.Struct, frozen=True, array_like=True):
    """Where an argument comes from: the results of these of the task's parents. `many`: a list, else the one value."""

    parents: tuple[int, ...]
    many: bool = False


class Lease(msgspec.Struct, frozen=True, gc=False):
    """The right to run a task and to say how it ended. `token` is unique in the queue and rises with every grant."""

    token: str
    since_ms: int
    """When the task became ready, epoch milliseconds by Redis's clock."""
    start_ms: int
    """When it was granted, same clock."""


class Task(Wired, msgspec.Struct, Generic[R], frozen=True, eq=False, kw_only=True):
    """One unit of work of one user. Frozen: `with_` returns a changed copy.

    Calling a task runs its function here and now, past any queue. The second half of the fields is filled in by the
    queue; on a task that was not read from a queue they have their defaults.
    """

    name: str = ""
    """`module:qualname` of its function; empty for a payload task."""
    function: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    payload: dict[str, Any] | None = None
    encode: Callable[[Task[Any]], bytes] | None = None
    """Turns the call into its stored form, checking each argument against the function's annotations."""
    wants: tuple[Want, ...] = ()
    """Which of its parameters take results of parents, unless the call gives them."""

    task_id: str | None = None
    user_id: str | None = None
    priority: Priority = Priority.NORMAL
    max_retries: int | None = None
    """Retries after the first attempt; None: the queue's default."""
    retry_backoff: Backoff | Callable[[int, BaseException], float] | None = None
    """When it is tried again; a function, called where the task runs, gets the failures so far and the last error."""
    retry_on: ErrorNames | None = None
    """Names of the errors that are worth a retry, subclasses included; None: all are."""
    no_retry_on: ErrorNames | None = None
    """Names of the errors that are not; they win over `retry_on`."""
    timeout: float | None = None
    """Seconds for which one attempt may run; None: the worker's default."""
    executor: Executor | None = None
    """What it runs on: a thread, or a child process that can be killed; None: a thread, or a loop for coroutines."""
    delay: float | None = None
    """Seconds until it may start, from when it is pushed."""
    execute_after: datetime | None = None
    """When it may start (aware; UTC)."""
    expires_in: float | None = None
    """Seconds from when it is pushed after which it is canceled if it has not started."""
    unique_key: str | None = None
    """While a task of this key and user has not ended, another is not made: its push answers that task."""
    result_ttl: float | None = None
    """Seconds for which its result is kept, 60 at least; None: the queue's default."""

    cost: float = 1.0
    """What a start of it is charged to its user where the queue's cost is `declared`."""

    depends_on: tuple[str, ...] = ()
    """Ids of tasks of its user that must have ended before it may start."""
    on_parent_failure: Literal["wait", "run", "cancel"] = "wait"
    """What becomes of it where a parent failed or was canceled."""
    on_success: Wired | None = None
    """A task, or a graph of tasks, that is enqueued in the step that finishes this one."""
    on_failure: Wired | None = None
    """The same for the step in which it fails for good. The tasks of either are its own: no other has them."""
    enable_xcom: bool = True
    """Whether its run may use `xcom_push` and `xcom_pull`."""
    auto_xcom: bool = False
    """Whether tasks of its run (and those that depend on it) find its result under `push_key`."""
    push_key: str | None = None
    """That key; None: the task id."""

    parents: tuple[str, ...] = ()
    """Ids of all tasks that it waits for, in the order in which they were written."""
    policy: str = "w"
    """What the end of a parent means to it: w it must finish, r any end will do, c else it is canceled, s and f: it is
    the parent's `on_success` or `on_failure`.
    """
    takes: Mapping[str, Take] = {}
    """Which of its parameters get results of its parents."""

    nonce: str | None = None
    """Names the push of an interrupted batch's task, so that pushing it again is the same push; else None."""
    state: TaskState | None = None
    attempt: int = 0
    """Grants so far, this one included."""
    failures: int = 0
    lost: int = 0
    """Grants that were taken back from a dead worker."""
    worker: str | None = None
    progress: Progress | None = None
    """How far its run has come, or had when it ended, as it said last."""
    lease: Lease | None = None
    incarnation: str = ""
    """Tells a chosen id's earlier task from a later one; empty for generated ids, which are used once."""
    result: bytes | None = None
    """What it returned, as JSON."""
    failure: Failure | None = None
    ended_at: datetime | None = None

    @classmethod
    def create(cls, *, user_id: str, payload: dict[str, Any] | None = None, **options: Any) -> Task[Any]:
        """Return a task without a function, to be processed by the worker's `TaskHandler`.

        Options are those of `@task`: `task_id, priority, max_retries, retry_backoff, retry_on, no_retry_on, timeout,
        delay, execute_after, expires_in, unique_key, result_ttl, cost, depends_on, on_parent_failure, on_success,
        on_failure, enable_xcom, auto_xcom, push_key`.

        Raises:
            TaskValidationError: an option is unknown or its value is not accepted.
        """
        return cls(**check_options({"user_id": user_id, "payload": {} if payload is None else payload, **options}))

    def with_(self, **options: Any) -> Task[R]:
        """Return a copy with other options (never other arguments).

        Raises:
            TaskValidationError: an option is unknown or its value is not accepted.
        """
        checked = check_options(options)
        if checked.get("payload") is not None and self.function is not None:
            raise TaskValidationError("payload: a task that calls a function has arguments instead")
        if checked.get("delay") is not None:
            checked.setdefault("execute_after", None)
        elif checked.get("execute_after") is not None:
            checked.setdefault("delay", None)
        return replace(self, **checked)

    def __call__(self) -> R:
        """Run the function here and now with this task's arguments, and return what it returns.

        Raises:
            TaskValidationError: this process does not know the function, or an argument would come from a parent.
        """
        if self.function is None:
            raise TaskValidationError(f"{self.name or 'a payload task'}: has no function in this process to call")
        if self.wants and (missing := unmet(self.wants, self.args, self.kwargs)):
            name = missing[0].parameter
            raise TaskValidationError(f"{name}: would come from a parent, and this call has none: give it {name}=...")
        result: R = self.function(*self.args, **self.kwargs)
        return result

    @property
    def label(self) -> str:
        """What messages call it: its id, else the name of its function."""
        return clipped(self.task_id or self.name or "a payload task", 40)

    def __repr__(self) -> str:
        """Name the task without its arguments: they may be secret, and may be large."""
        what = self.name or "payload"
        parts = [what, *(f"{f}={v!r}" for f in ("task_id", "user_id", "state") if (v := getattr(self, f)) is not None)]
        return f"<Task {' '.join(parts)}>"
