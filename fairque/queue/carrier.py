"""What the verbs of a queue rest on: it says them by `_verbs`, and carries what they say to Redis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from fairque.queue.verbs import Verbs
from fairque.store.call import Call, Conversation

T = TypeVar("T")


class Carrier(ABC):
    """For `TaskQueue`."""

    _verbs: Verbs

    @abstractmethod
    def _run(self, call: Call[T]) -> T: ...

    @abstractmethod
    def _converse(self, steps: Conversation[T]) -> T: ...


class AsyncCarrier(ABC):
    """For `AsyncTaskQueue`."""

    _verbs: Verbs

    @abstractmethod
    async def _run(self, call: Call[T]) -> T: ...

    @abstractmethod
    async def _converse(self, steps: Conversation[T]) -> T: ...
