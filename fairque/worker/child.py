"""The child process: it runs one task at a time, as its worker tells it, and ends when its worker does."""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import inspect
import os
import runpy
import signal
import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue
from types import ModuleType
from typing import Any, TypeVar

from fairque.core import codec
from fairque.core.models import Task
from fairque.core.outcome import Bury
from fairque.core.settings import QueueSettings
from fairque.queue.reading import supplied, task_of_grant
from fairque.queue.settlement import after_error
from fairque.store.call import Call
from fairque.worker import context
from fairque.worker.holding import Holding
from fairque.worker.messages import (
    Answer,
    Ask,
    End,
    Job,
    Main,
    Prepare,
    Prepared,
    Progressed,
    Raised,
    Returned,
    ToParent,
    Unwanted,
    answered,
    encode,
    read_in_child,
)

T = TypeVar("T")

imports_main = False
"""Whether this is a child that imports the program anew, to find the tasks that it defines."""


def main(descriptor: int, leash: int) -> None:
    """Serve the worker at the other end of the pipe. Nothing is ever written to `leash`: it ends with the worker."""
    pipe = Connection(descriptor)
    if hasattr(fcntl, "F_SETSIG"):  # Linux: the kernel itself kills the group, even where a task keeps Python from it
        fcntl.fcntl(leash, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(leash, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC)
    os.register_at_fork(after_in_child=lambda: _forked(pipe))
    # A service manager may signal the whole group: it is the worker that decides what becomes of a run. It is no
    # SIG_IGN, since programs that a task starts would inherit that.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _Servant(pipe).serve()


def _forked(pipe: Connection) -> None:
    """A process that a task forks must not hold the pipe open, and is stopped like any other."""
    pipe.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _Servant:
    """The main thread runs tasks; another listens, so that it notices the worker's end in the middle of one."""

    def __init__(self, pipe: Connection) -> None:
        self.queue, self.lease = QueueSettings(), 0.0
        self._pipe = pipe
        self._sending = threading.Lock()
        self._orders: SimpleQueue[Prepare | Job | None] = SimpleQueue()
        self._asking = threading.Lock()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._holding: Holding

    def serve(self) -> None:
        threading.Thread(target=self._listen, name="fairque-listener", daemon=True).start()
        while (order := self._orders.get()) is not None:
            self._send(self._run(order) if isinstance(order, Job) else _prepare(order))

    def run(self, call: Call[T]) -> T:
        """As the context wants it: by the worker, which has the way to Redis."""
        with self._asking:
            self._send(Ask(call.script, call.root, call.args))
            answer = self._answers.get()
        return answered(call, answer)

    def report(self, holding: Holding) -> None:
        """As the context wants it: tell the worker."""
        if holding.progress is not None:
            self._send(Progressed(holding.progress.percent, holding.progress.message))

    def _listen(self) -> None:
        while True:
            try:
                message = read_in_child(self._pipe.recv_bytes())
            except (EOFError, OSError):  # the worker has ended: so does this, with all that tasks have started
                os.killpg(0, signal.SIGKILL)
                return
            match message:
                case Unwanted():
                    self._holding.unwanted = True
                case Answer():
                    self._answers.put(message)
                case End():
                    self._orders.put(None)
                case Prepare() | Job():
                    if isinstance(message, Job):
                        self._holding = Holding(message.grant, float("inf"))
                    self._orders.put(message)

    def _run(self, job: Job) -> ToParent:
        self.queue, self.lease, grant = job.queue, job.lease, job.grant
        task: Task[Any] = Task(task_id=grant.task_id, user_id=grant.user_id, failures=grant.failures)
        token = context.enter(context.TaskContext(self._holding, self))
        try:
            self._holding.task = task = task_of_grant(grant)
            task = supplied(task, job.taken)
            result = task()
            if inspect.iscoroutine(result):
                result = asyncio.run(result)
            return Returned(codec.encode_result(result))
        except BaseException as error:
            outcome = after_error(task, error, job.queue)
            delay = None if isinstance(outcome, Bury) else outcome.delay
            return Raised(outcome.failure, builtin=type(error).__module__ == "builtins", delay=delay)
        finally:
            context.leave(token)

    def _send(self, message: ToParent) -> None:
        with self._sending:
            self._pipe.send_bytes(encode(message))


def _prepare(order: Prepare) -> Prepared:
    sys.argv[:] = order.argv
    try:
        if order.main is None:
            importlib.import_module(order.module)
        else:
            _import_main(order.main)
    except BaseException as error:
        return Prepared(f"{type(error).__name__}: {error}")
    return Prepared()


def _import_main(main: Main) -> None:
    """Run the program that the worker runs, but not what stands under `if __name__ == "__main__"`."""
    global imports_main  # noqa: PLW0603 - one process, one program
    imports_main = True
    try:
        if main.module is not None:
            found = runpy.run_module(main.module, run_name="__mp_main__", alter_sys=True)
        else:
            found = runpy.run_path(main.path or "", run_name="__mp_main__")
    finally:
        imports_main = False
    program = ModuleType("__mp_main__")
    program.__dict__.update(found)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = program
