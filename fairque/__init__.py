"""fairque: a fair, multi-tenant task queue on Redis."""

from fairque.config import FairQueueConfig
from fairque.core.models import Task
from fairque.core.options import Priority
from fairque.core.retry import Backoff
from fairque.core.state import TaskState
from fairque.queue.async_queue import AsyncTaskQueue
from fairque.queue.handle import AsyncTaskHandle, TaskHandle
from fairque.queue.queue import TaskQueue
from fairque.queue.registry import task

__all__ = [
    "AsyncTaskHandle",
    "AsyncTaskQueue",
    "Backoff",
    "FairQueueConfig",
    "Priority",
    "Task",
    "TaskHandle",
    "TaskQueue",
    "TaskState",
    "task",
]
