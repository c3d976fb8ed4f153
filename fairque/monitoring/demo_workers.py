"""The demo's workers: processes of their own, each started as anybody would start it, and ended with the demo."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from fairque.errors import FairqueError

_GRACE = 5.0
"""Seconds after SIGTERM by which a worker must have ended."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the demo is gone, even if it was killed."""
    if _libc:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class WorkerProcesses:
    """A `with` block that has so many worker processes running: no way out of it leaves one behind."""

    def __init__(self, config_path: Path, ids: Sequence[str], environ: Mapping[str, str]) -> None:
        self._config_path = config_path
        self._environ = environ
        self._directory = tempfile.TemporaryDirectory(prefix="fairque-demo-")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ids = tuple(ids)

    def __enter__(self) -> Self:
        """Start them."""
        try:
            for worker_id in self.ids:
                self._processes[worker_id] = self._started(worker_id)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self.stop()
        self._directory.cleanup()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each worker."""
        return {worker_id: process.pid for worker_id, process in self._processes.items()}

    def check(self) -> None:
        """Raise FairqueError with the end of its log if a worker has ended."""
        for worker_id, process in self._processes.items():
            code = process.poll()
            if code is not None:
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise FairqueError(f"the worker {worker_id} {how}. {self.logs((worker_id,))}")

    def logs(self, ids: Sequence[str] = ()) -> str:
        """Return the end of what these workers wrote; of all of them, if none is named."""
        return "\n".join(f"Log of {worker_id}:\n{self._end_of_log(worker_id)}" for worker_id in ids or self.ids)

    def stop(self) -> None:
        """Ask them to end; whoever has not done so in time, or if this is interrupted, is killed."""
        processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + _GRACE
        try:
            for process in processes:
                process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            for process in processes:
                process.kill()
                process.wait()

    def _started(self, worker_id: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fairque", "worker", "--config", str(self._config_path), "--id", worker_id]
        with self._log(worker_id).open("wb") as log:
            return subprocess.Popen(  # noqa: S603  # our own command, no shell
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent if _libc else None,  # noqa: PLW1509  # it only makes a system call
            )

    def _end_of_log(self, worker_id: str) -> str:
        lines = self._log(worker_id).read_text(errors="replace").splitlines()[-30:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"

    def _log(self, worker_id: str) -> Path:
        return Path(self._directory.name) / f"{self.ids.index(worker_id)}.log"
