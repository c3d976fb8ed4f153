"""`AsyncTaskQueue` behind a blocking face, so that each test of the contract is written once for both colours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from fairque import AsyncRun, AsyncTaskHandle, AsyncTaskQueue
from fairque.errors import PartialPush

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own; any number of threads may run coroutines on it at once."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait(5)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what the coroutine returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._wait())

    async def _wait(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._over.wait()


class Blocking:
    """Stands for an object whose methods are coroutines: each call runs to its end on the loop."""

    def __init__(self, inner: object, loop: Loop) -> None:
        self._inner, self.loop = inner, loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._blocking(found) if asyncio.iscoroutinefunction(found) else found

    def __enter__(self) -> Blocking:
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.run(self._inner.close())  # type: ignore[attr-defined]

    def _blocking(self, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return self._faced(self.loop.run(method(*args, **kwargs)))
            except PartialPush as partial:
                partial.handles = tuple(map(self._faced, partial.handles))
                raise

        return call

    def _faced(self, answer: Any) -> Any:
        if isinstance(answer, list):
            return [self._faced(item) for item in answer]
        if isinstance(answer, AsyncRun):
            return BlockingRun(answer, self.loop)
        return Blocking(answer, self.loop) if isinstance(answer, AsyncTaskHandle | AsyncTaskQueue) else answer


class BlockingRun(Blocking, Sequence[Any]):
    """Stands for a run: the handles in it have a blocking face, too."""

    def __getitem__(self, index: Any) -> Any:
        found = self._inner[index]  # type: ignore[index]
        return self._faced(list(found) if isinstance(index, slice) else found)

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return repr(self._inner)
