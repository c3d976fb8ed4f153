"""The worker processes: each has a post (an id, a proxy before Redis, a log), and whoever dies there is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.chaos.history import Diary, Fault, now_ms
from tests.proxy import Proxy
from tests.worker.programs import ROOT


class Post:
    """One worker's place: a process at a time."""

    def __init__(self, worker: str, config: Path, upstream: str) -> None:
        self.worker = worker
        self.proxy = Proxy(upstream)
        self.is_stopped = False
        self._config = config
        self._log = (config.parent / f"{worker}.log").open("ab")
        self.process = self._started()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def replace(self) -> None:
        """Start the next process; the one before has ended."""
        self.process = self._started()

    def kill(self) -> bool:
        """Kill the process; return whether it was this signal that ended it."""
        self.process.kill()
        return self.process.wait(10) == -signal.SIGKILL

    def state(self) -> str:
        """Return the process's state as the kernel has it: R, S, T (stopped), ..."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(") ")[2][0]

    def close(self) -> None:
        if self.is_alive:
            self.process.kill()
            self.process.wait(10)
        self.proxy.close()
        self._log.close()

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {name: text for name, text in os.environ.items() if not name.startswith("FAIRQUE_")}
        environment |= {"FAIRQUE_REDIS__URL": self.proxy.url, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.chaos.program", str(self._config), self.worker]
        return subprocess.Popen(command, env=environment, stdout=self._log, stderr=subprocess.STDOUT)


class Crew:
    """All posts. `tend` puts a new process where one has died, and writes down deaths that nobody here had ordered."""

    def __init__(self, workers: list[str], config: Path, upstream: str, diary: Diary) -> None:
        self.posts = [Post(worker, config, upstream) for worker in workers]
        self.poisoned = 0
        """Workers that one of their tasks has killed."""
        self._diary = diary

    def able(self) -> list[Post]:
        """Return the posts whose process is there and not stopped."""
        return [post for post in self.posts if post.is_alive and not post.is_stopped]

    def tend(self) -> None:
        for post in self.posts:
            code = post.process.poll()
            if code is None:
                continue
            kind = "poison" if code == -signal.SIGKILL else f"exit {code}"  # nobody else kills without replacing
            self.poisoned += kind == "poison"
            self._diary.write(Fault(kind, post.worker, post.process.pid, now_ms(), now_ms()))
            post.replace()

    def is_hurt(self) -> bool:
        """Whether some post has nobody at work."""
        return len(self.able()) < len(self.posts)

    def dismiss(self) -> list[int]:
        """Ask all to end (SIGTERM) and return their exit codes."""
        for post in self.posts:
            post.process.terminate()
        return [post.process.wait(30) for post in self.posts]

    def close(self) -> None:
        for post in self.posts:
            post.close()
