"""fairque: a fair, multi-tenant task queue on Redis."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairque.config import FairQueueConfig
    from fairque.core.graph import Graph, chain, group
    from fairque.core.models import Task
    from fairque.core.options import Priority
    from fairque.core.retry import Backoff, Retry
    from fairque.core.schedule import Fire, ScheduledTask
    from fairque.core.state import TaskState
    from fairque.core.wants import from_parent
    from fairque.errors import (
        FairqueError,
        GraphError,
        ParentResultMissing,
        PartialPush,
        QueueFull,
        RedisUnavailable,
        ResultTimeout,
        ScheduleError,
        StaleLease,
        TaskCanceled,
        TaskFailed,
        TaskReplaced,
        TaskRunning,
        TaskStopped,
        TaskTimeout,
        TaskValidationError,
        UnknownSchedule,
        UnknownTask,
        XComMissing,
    )
    from fairque.queue.async_queue import AsyncTaskQueue
    from fairque.queue.handle import AsyncTaskHandle, TaskHandle
    from fairque.queue.queue import TaskQueue
    from fairque.queue.registry import task, xcom_task
    from fairque.queue.run import AsyncRun, Run
    from fairque.scheduler.async_scheduler import AsyncTaskScheduler
    from fairque.scheduler.scheduler import TaskScheduler
    from fairque.worker.context import current_task
    from fairque.worker.handler import Middleware, TaskHandler
    from fairque.worker.worker import AsyncWorker, Worker

__all__ = [
    "AsyncRun",
    "AsyncTaskHandle",
    "AsyncTaskQueue",
    "AsyncTaskScheduler",
    "AsyncWorker",
    "Backoff",
    "FairQueueConfig",
    "FairqueError",
    "Fire",
    "Graph",
    "GraphError",
    "Middleware",
    "ParentResultMissing",
    "PartialPush",
    "Priority",
    "QueueFull",
    "RedisUnavailable",
    "ResultTimeout",
    "Retry",
    "Run",
    "ScheduleError",
    "ScheduledTask",
    "StaleLease",
    "Task",
    "TaskCanceled",
    "TaskFailed",
    "TaskHandle",
    "TaskHandler",
    "TaskQueue",
    "TaskReplaced",
    "TaskRunning",
    "TaskScheduler",
    "TaskState",
    "TaskStopped",
    "TaskTimeout",
    "TaskValidationError",
    "UnknownSchedule",
    "UnknownTask",
    "Worker",
    "XComMissing",
    "chain",
    "current_task",
    "from_parent",
    "group",
    "task",
    "xcom_task",
]

_HOMES = {
    "AsyncRun": "fairque.queue.run",
    "AsyncTaskHandle": "fairque.queue.handle",
    "AsyncTaskQueue": "fairque.queue.async_queue",
    "AsyncTaskScheduler": "fairque.scheduler.async_scheduler",
    "AsyncWorker": "fairque.worker.worker",
    "Backoff": "fairque.core.retry",
    "FairQueueConfig": "fairque.config",
    "FairqueError": "fairque.errors",
    "Fire": "fairque.core.schedule",
    "Graph": "fairque.core.graph",
    "GraphError": "fairque.errors",
    "Middleware": "fairque.worker.handler",
    "ParentResultMissing": "fairque.errors",
    "PartialPush": "fairque.errors",
    "Priority": "fairque.core.options",
    "QueueFull": "fairque.errors",
    "RedisUnavailable": "fairque.errors",
    "ResultTimeout": "fairque.errors",
    "Retry": "fairque.core.retry",
    "Run": "fairque.queue.run",
    "ScheduleError": "fairque.errors",
    "ScheduledTask": "fairque.core.schedule",
    "StaleLease": "fairque.errors",
    "Task": "fairque.core.models",
    "TaskCanceled": "fairque.errors",
    "TaskFailed": "fairque.errors",
    "TaskHandle": "fairque.queue.handle",
    "TaskHandler": "fairque.worker.handler",
    "TaskQueue": "fairque.queue.queue",
    "TaskReplaced": "fairque.errors",
    "TaskRunning": "fairque.errors",
    "TaskScheduler": "fairque.scheduler.scheduler",
    "TaskState": "fairque.core.state",
    "TaskStopped": "fairque.errors",
    "TaskTimeout": "fairque.errors",
    "TaskValidationError": "fairque.errors",
    "UnknownSchedule": "fairque.errors",
    "UnknownTask": "fairque.errors",
    "Worker": "fairque.worker.worker",
    "XComMissing": "fairque.errors",
    "chain": "fairque.core.graph",
    "current_task": "fairque.worker.context",
    "from_parent": "fairque.core.wants",
    "group": "fairque.core.graph",
    "task": "fairque.queue.registry",
    "xcom_task": "fairque.queue.registry",
}
"""Where each name lives. It is imported when it is first asked for: `fairque --help` needs no redis, no asyncio."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fairque' has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
