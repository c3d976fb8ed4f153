"""fairque: a fair, multi-tenant task queue on Redis."""

from fairque.config import FairQueueConfig
from fairque.core.models import Task
from fairque.core.options import Priority
from fairque.core.retry import Backoff, Retry
from fairque.core.state import TaskState
from fairque.errors import (
    FairqueError,
    PartialPush,
    QueueFull,
    RedisUnavailable,
    ResultTimeout,
    StaleLease,
    TaskFailed,
    TaskReplaced,
    TaskRunning,
    TaskValidationError,
    UnknownTask,
)
from fairque.queue.async_queue import AsyncTaskQueue
from fairque.queue.handle import AsyncTaskHandle, TaskHandle
from fairque.queue.queue import TaskQueue
from fairque.queue.registry import task
from fairque.worker.context import current_task
from fairque.worker.handler import TaskHandler
from fairque.worker.worker import Worker

__all__ = [
    "AsyncTaskHandle",
    "AsyncTaskQueue",
    "Backoff",
    "FairQueueConfig",
    "FairqueError",
    "PartialPush",
    "Priority",
    "QueueFull",
    "RedisUnavailable",
    "ResultTimeout",
    "Retry",
    "StaleLease",
    "Task",
    "TaskFailed",
    "TaskHandle",
    "TaskHandler",
    "TaskQueue",
    "TaskReplaced",
    "TaskRunning",
    "TaskState",
    "TaskValidationError",
    "UnknownTask",
    "Worker",
    "current_task",
    "task",
]
