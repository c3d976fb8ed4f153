"""Who has tasks that could start now: followed through the journal."""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.chaos.evidence import Evidence
from tests.chaos.journal import Accepted, Capped, Entry, Granted, Key, Readied, Scheduled, Settled


class Standing:
    """What each user has ready and running. Kept apart are tasks of a name with a cap, which may not be allowed to
    start, and tasks that were lost, of which a worker takes one at a time: whoever is servable is so beyond doubt.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._tasks = evidence.tasks
        self._capped_names = evidence.scene.caps
        self._ready: dict[str, set[Key]] = defaultdict(set)
        self._doubtful: dict[str, set[Key]] = defaultdict(set)
        self._running: Counter[str] = Counter()
        self._caps: dict[str, int | None] = {}
        self._suspects: set[Key] = set()

    def apply(self, entry: Entry) -> None:
        match entry:
            case Capped(subject=subject, most=most):
                self._caps[subject] = most
            case Accepted(ready=True) | Readied():
                self._make_ready(entry.key)
            case Granted(key=key):
                self._ready[key[0]].discard(key)
                self._doubtful[key[0]].discard(key)
                self._running[key[0]] += 1
            case Settled(key=key, how=how):
                self._running[key[0]] -= 1
                if how == "lost":
                    self._suspects.add(key)
                if how in ("lost", "released"):
                    self._make_ready(key)
            case Accepted() | Scheduled():
                pass

    def is_servable(self, user: str) -> bool:
        """Whether the user has a task that any worker which serves it could start now."""
        return bool(self._ready[user]) and not self._is_at_cap(user)

    def is_idle(self, user: str) -> bool:
        """Whether nothing of the user waits to start."""
        return not (self._ready[user] or self._doubtful[user])

    def _is_at_cap(self, user: str) -> bool:
        most = self._caps.get(user)
        return most is not None and self._running[user] >= most

    def _make_ready(self, key: Key) -> None:
        is_sure = key not in self._suspects and self._tasks[key].name not in self._capped_names
        (self._ready if is_sure else self._doubtful)[key[0]].add(key)
