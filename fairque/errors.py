"""Everything that fairque raises, as families: catch `FairqueError` for all of it, or the family you can act on.

A class's docstring is its default message. Callers never see a `redis.*` exception: the driver translates at its edge.
"""

from __future__ import annotations

import inspect


class FairqueError(Exception):
    """fairque could not do what was asked."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


# --- what the caller gave -------------------------------------------------------------------------------------------


class TaskValidationError(FairqueError, ValueError):
    """A task, an option or an argument is not one that fairque takes."""


class TaskNameTaken(TaskValidationError):
    """Another function is already registered under this task name."""


class GraphError(TaskValidationError):
    """These tasks do not make a graph that can be enqueued: there are none, they wait for each other in a circle, they
    are of several users, or a parameter asks for a result that no parent has.
    """


class ScheduleError(TaskValidationError):
    """A schedule is refused: its expression, its time zone, or what it is to push."""


class UnknownTask(FairqueError, LookupError):
    """No task of that id (or no function of that name) is known."""


class UnknownSchedule(FairqueError, LookupError):
    """No schedule of that id is known."""


class XComMissing(FairqueError, LookupError):
    """There is no XCom value of that key."""


class ParentResultMissing(FairqueError, LookupError):
    """The result of a parent that a task takes is not there any more."""


class ConfigError(FairqueError, ValueError):
    """The configuration is not usable."""

    def __init__(self, message: str = "", *, problems: tuple[str, ...] = ()) -> None:
        """Say every one of `problems`, one a line; without a list of them the message is the only one."""
        super().__init__(message or "\n".join(problems))
        self.problems = problems or ((message,) if message else ())


class LimitsError(FairqueError, ValueError):
    """A weight, a cap or a rate is not one that fairque takes."""


# --- what the queue answered ----------------------------------------------------------------------------------------


class QueueRefusal(FairqueError):
    """The queue refused the call; nothing was written."""


class QueueFull(QueueRefusal):
    """Redis is at its memory limit: pushes are refused until the queue has drained. Nothing was written."""


class BacklogFull(QueueRefusal):
    """The user, the task name or the queue has as many tasks waiting as its max_backlog allows."""


class QueueBusy(QueueRefusal):
    """This can be changed only while nothing is ready or running."""


class TaskRunning(QueueRefusal):
    """The task is running: it cannot be deleted before it has ended."""


class TaskConflict(QueueRefusal):
    """Another task stands in the way: it has the same id or unique key; or another run has the same run id."""


class FlowGone(QueueRefusal):
    """The run is not there (any more): it was handed in too slowly, or all of it has ended."""


class ScheduleMoved(QueueRefusal):
    """The schedule has been changed, or has fired, since it was read. Nothing was written."""


class StaleLease(QueueRefusal):
    """The lease of this run has been given to another worker: its outcome was not accepted."""


class EvictingServer(QueueRefusal):
    """Redis may throw keys away when it is full, and tasks with them."""


class SchemaMismatch(QueueRefusal):
    """The queue in Redis was written by a release with another data layout."""


class StoredDataError(QueueRefusal):
    """A key of this queue holds something that fairque did not write."""


# --- how a task ended -----------------------------------------------------------------------------------------------


class ResultError(FairqueError):
    """A task has no result to give."""


class TaskFailed(ResultError):
    """The task failed and its retries are used up; `failure` has the type, message and traceback of its last error."""

    def __init__(self, message: str = "", *, failure: object = None) -> None:
        super().__init__(message)
        self.failure = failure


class TaskCanceled(ResultError):
    """The task was canceled; `failure` says why: by whoever canceled it, or because it had not started in time."""

    def __init__(self, message: str = "", *, failure: object = None) -> None:
        super().__init__(message)
        self.failure = failure


class TaskReplaced(ResultError):
    """The task id was pushed again since: this handle belongs to an earlier task."""


class ResultTimeout(ResultError, TimeoutError):
    """The task did not end in the time given."""


class TaskTimeout(BaseException):
    """Raised inside a task that has run for longer than its timeout. It spends an attempt, like any other error.

    A BaseException, so that `except Exception` in a task does not swallow it.
    """


class TaskStopped(BaseException):
    """Raised inside a task that is to end now because it was canceled."""


class ProcessDied(FairqueError):
    """The child process that ran a task died of it, or was killed from outside."""


class ErrorInProcess(FairqueError):
    """An error of a task that ran in a child process, where its class is known; `type` is the name of that."""

    def __init__(self, type: str = "", message: str = "") -> None:
        super().__init__(f"{type}: {message}" if type else message)
        self.type = type


# --- how Redis was reached ------------------------------------------------------------------------------------------


class RedisUnavailable(FairqueError, ConnectionError):
    """Redis could not be reached, or the connection was lost before its answer came."""


class PartialPush(RedisUnavailable):
    """Redis went away in the middle of a batch.

    `handles` are those of the tasks that it had accepted; `remaining` are the other tasks, which can be pushed again.
    """

    def __init__(
        self, message: str = "", *, handles: tuple[object, ...] = (), remaining: tuple[object, ...] = ()
    ) -> None:
        super().__init__(message)
        self.handles = handles
        self.remaining = remaining


class EmbeddedServerError(FairqueError):
    """The embedded server could not be started."""
