"""A worker process of a chaos run: `python -m tests.chaos.program CONFIG WORKER`. It writes down every run."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import tests.chaos.jobs  # noqa: F401 - its tasks are known from here on
from fairque import FairQueueConfig, Task, TaskHandler, Worker
from fairque.errors import RedisUnavailable
from tests.chaos.history import Began, Diary, Ended, Trouble, now_ms


class Recorder(TaskHandler):
    """Writes a line when a run begins and when it ends."""

    def __init__(self, diary: Diary, worker: str) -> None:
        self._diary = diary
        self._worker = worker

    def on_task_start(self, task: Task[Any]) -> None:
        assert task.user_id is not None
        assert task.task_id is not None
        run = (_token(task), task.user_id, task.task_id, task.attempt)
        self._diary.write(Began(*run, self._worker, os.getpid(), now_ms()))

    def on_task_success(self, task: Task[Any], result: Any) -> None:  # noqa: ARG002 - the shape of the hook
        self._diary.write(Ended(_token(task), "success", now_ms()))

    def on_task_retry(self, task: Task[Any], error: BaseException) -> None:  # noqa: ARG002
        self._diary.write(Ended(_token(task), "retry", now_ms()))

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:  # noqa: ARG002
        self._diary.write(Ended(_token(task), "failure", now_ms()))


class Complaints(logging.Handler):
    """Writes down what a worker logs as an error, but for Redis being away."""

    def __init__(self, diary: Diary, worker: str) -> None:
        super().__init__(logging.ERROR)
        self._diary = diary
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, RedisUnavailable):
            self._diary.write(Trouble(self._worker, os.getpid(), f"{record.getMessage()}: {error!r}"))


def _token(task: Task[Any]) -> int:
    assert task.lease is not None
    return int(task.lease.token)


def main(config_path: Path, worker: str) -> None:
    diary = Diary(config_path.parent / f"{worker}-{os.getpid()}.diary")
    logging.basicConfig(level="WARNING", stream=sys.stderr, format="%(asctime)s %(process)d %(message)s")
    logging.getLogger("fairque").addHandler(Complaints(diary, worker))
    Worker(FairQueueConfig.from_yaml(config_path), Recorder(diary, worker), id=worker).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
