"""The scheduler processes of a run: forked, continued when they have stopped themselves, replaced when dead."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Final

LONGEST_STOP: Final = 0.2
"""Seconds. A scheduler that stands still for so long has lost the lock most of the time."""


class Broken(AssertionError):
    """A scheduler has ended by itself."""


class Crew:
    """One process a post. `live(post, number)` is what the process of that number on a post does."""

    def __init__(self, posts: int, live: Callable[[int, int], None], chance: random.Random) -> None:
        self.happened: Counter[str] = Counter()
        """What befell processes, as their parent was told: killed, stopped."""
        self._live, self._chance = live, chance
        self._numbers = [0] * posts
        self._stopped: dict[int, float] = {}
        self._pids = [self._started(post) for post in range(posts)]

    def tend(self) -> None:
        """See what has happened, and do what is due."""
        for post, pid in enumerate(self._pids):
            self._look(post, pid)
        for pid, until in [*self._stopped.items()]:
            if time.monotonic() >= until:
                del self._stopped[pid]
                os.kill(pid, signal.SIGCONT)

    def dismiss(self) -> None:
        """Wait until all have ended of their own accord."""
        for pid in [*self._stopped]:
            os.kill(pid, signal.SIGCONT)
        while self._pids:
            code = os.waitstatus_to_exitcode(os.waitpid(self._pids.pop(), 0)[1])
            if code:
                raise Broken(f"a scheduler ended with {code}")

    def close(self) -> None:
        """Kill whoever is left."""
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._pids = []

    def _look(self, post: int, pid: int) -> None:
        changed, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if not changed:
            return
        if os.WIFSTOPPED(status):
            self.happened["stopped"] += 1
            self._stopped[pid] = time.monotonic() + self._chance.uniform(0, LONGEST_STOP)
            return
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            self._pids.remove(pid)
            raise Broken(f"a scheduler ended with {os.waitstatus_to_exitcode(status)}")
        self.happened["killed"] += 1
        self._stopped.pop(pid, None)
        self._pids[post] = self._started(post)

    def _started(self, post: int) -> int:
        self._numbers[post] += 1
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            self._live(post, self._numbers[post])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
