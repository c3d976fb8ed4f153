"""The demo: four teams of very unequal size share two workers. This runs it; showing it is for whoever iterates.

with Demo(path, teams()) as demo:
    for frame in demo.frames():
        ...
    report = demo.report()
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from fairque.core.models import Task
from fairque.errors import FairqueError, RedisUnavailable
from fairque.monitoring.demo_config import load, own_environ
from fairque.monitoring.demo_files import LATE, Team
from fairque.monitoring.demo_progress import Frame, Progress
from fairque.monitoring.demo_report import Report, Submission, make_report
from fairque.monitoring.demo_tasks import measure
from fairque.monitoring.demo_workers import WorkerProcesses
from fairque.queue.queue import TaskQueue
from fairque.queue.verbs import Verbs
from fairque.store import removal
from fairque.store.driver import Driver

LATE_AT: Final = 0.2
"""The share of the work after which the late team arrives."""
_TICK: Final = 0.15
_START_LIMIT: Final = 20.0
_STALL_LIMIT: Final = 60.0


class Demo:
    """One run, with keys and worker processes of its own; both are gone after the `with` block."""

    def __init__(self, config_path: Path, teams: Sequence[Team]) -> None:
        self._path, self._teams = config_path, teams
        self._environ = own_environ()
        self.config = load(config_path, self._environ, [team.user_id for team in teams])
        self._queue = TaskQueue(self.config)
        self._progress = Progress(self._queue, teams)
        self._submissions: list[Submission] = []
        self._started = time.time()

    def __enter__(self) -> Self:
        """Reach Redis (which starts the embedded server), then start the workers."""
        with ExitStack() as stack:
            stack.callback(self._queue.close)
            self._queue.get_stats()
            stack.callback(self._clear)
            embedded = {name: value for name, value in os.environ.items() if name.startswith("FAIRQUE_EMBEDDED")}
            ids = [worker.id for worker in self.config.workers]
            self._crew = stack.enter_context(WorkerProcesses(self._path, ids, self._environ | embedded))
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers, then remove what is left in Redis: it need not be the demo's own."""
        self._open.__exit__(kind, error, trace)

    def frames(self) -> Iterator[Frame]:
        """Run the demo, giving a frame every moment and one at the end.

        Raises:
            FairqueError: a worker has ended before its time, or nothing moves any more.
        """
        self._await_workers()
        self._submit(team for team in self._teams if team.user_id != LATE)
        late = [team for team in self._teams if team.user_id == LATE]
        moved, last = time.monotonic(), 0
        while True:
            frame = self._progress.look()
            yield frame
            if frame.done >= LATE_AT * frame.total:
                self._submit(late)
                late = []
            totals = self._queue.get_stats()
            ended = totals["finished_total"] + totals["failed_total"]
            if ended >= frame.total:
                break
            moved, last = (time.monotonic(), ended) if ended > last else (moved, last)
            self._crew.check()
            if time.monotonic() - moved > _STALL_LIMIT:
                raise FairqueError(f"no task has ended for {_STALL_LIMIT:.0f} s. {self._crew.logs()}")
            time.sleep(_TICK)
        self._crew.stop()  # with their last heartbeats the sums of service are complete
        yield self._progress.look()

    def report(self) -> Report:
        """Read all results, and say what they come to. For when `frames` is through."""
        return make_report(self._started, self._submissions, self._results(), self._crew.pids)

    def _await_workers(self) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while len(self._queue.workers()) < len(self._crew.ids):
            self._crew.check()
            if time.monotonic() > deadline:
                raise FairqueError(f"the workers are not up after {_START_LIMIT:.0f} s. {self._crew.logs()}")
            time.sleep(0.02)
        self._started = time.time()
        self._progress.begin()
        up = ", ".join(f"{name} (pid {pid})" for name, pid in self._crew.pids.items())
        self._progress.say(f"workers are up: {up}")

    def _submit(self, teams: Iterator[Team] | Sequence[Team]) -> None:
        for team in teams:
            at = time.time()
            handles = self._queue.push_batch([measure(path) for path in team.files], user_id=team.user_id)
            self._submissions.append(Submission(team, at - self._started, tuple(one.task_id for one in handles)))
            self._progress.arrive(team)

    def _results(self) -> list[Task[Any] | None]:
        """Read all tasks in the order in which they were submitted, several calls under way at once."""
        verbs, driver = Verbs(self.config, None), Driver(self.config.redis)
        found: list[Task[Any] | None] = []
        ids = ((one.team.user_id, task_id) for one in self._submissions for task_id in one.task_ids)
        driver.run_all((verbs.get_task(task_id, user_id) for user_id, task_id in ids), found)
        driver.close()
        return found

    def _clear(self) -> None:
        driver, cursor, root = Driver(self.config.redis), None, Verbs(self.config, None).root
        try:
            while cursor != removal.BEGIN:
                cursor = driver.run(removal.drop(root, cursor or removal.BEGIN))
        except RedisUnavailable:
            pass  # that is why the block ends, or the error is told already
        finally:
            driver.close()
