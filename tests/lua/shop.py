"""What a queue with caps should hold and may start, said as simply as possible."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fairque.core.limits import Caps, UserSettings
from fairque.store.limits import QUEUE

LOST_KEEP = 7 * 86_400_000
EPSILON = 1e-6


@dataclass
class Job:
    """One task. Q waits, R runs, W is scheduled, E has ended; `at` is when its lease lapses or it is due (ms)."""

    user: str
    name: str
    level: int
    letter: str
    place: int
    at: int = 0
    lost: int = 0
    granted: bool = False
    worker: str = ""
    token: bytes = b""


@dataclass
class Shop:
    """Subjects are users, `|name`, QUEUE and `*`. `tokens` says what a subject's bucket holds now."""

    tokens: Callable[[str, Caps], float]
    now: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    running: Counter[str] = field(default_factory=Counter)
    _places: int = 0
    _rated: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _since: dict[str, int] = field(default_factory=dict)

    # --- tasks ------------------------------------------------------------------------------------------------------

    def push(self, task_id: str, user: str, name: str, level: int, due: int | None) -> None:
        """Add a task."""
        self._places += 1
        self.jobs[task_id] = Job(user, name, level, "Q" if due is None else "W", self._places, due or 0)

    def those(self, letters: str, **fields: Any) -> Iterator[Job]:
        """Yield the tasks of these letters that have these values."""
        for job in self.jobs.values():
            if job.letter in letters and all(getattr(job, name) == value for name, value in fields.items()):
                yield job

    def pass_time(self) -> None:
        """Do what a settle does first: ready what is due, reap what has lapsed (10 at most)."""
        lapsed = [(job.at, job.user, task_id) for task_id, job in self.jobs.items() if job.letter == "R"]
        for at, _, task_id in sorted(lapsed)[:10]:
            if at <= self.now:
                job = self.jobs[task_id]
                self.stop(job, "Q")
                job.lost += 1
                if job.lost == 3:
                    job.letter = "E"
        for job in self.those("W"):
            if job.at <= self.now:
                self._requeue(job)

    def _requeue(self, job: Job) -> None:
        self._places += 1
        job.letter, job.place, job.granted = "Q", self._places, True

    def stop(self, job: Job, letter: str, *, unbegun: bool = False) -> None:
        """End a run."""
        job.letter = letter
        for subject in self.subjects(job):
            self.running[subject] -= 1
            if unbegun:
                self._rated[subject].append(-1)

    def suspects(self, worker: str) -> int:
        """Return how many tasks that were lost before a worker runs now."""
        return sum(job.lost > 0 for job in self.those("R", worker=worker))

    # --- caps -------------------------------------------------------------------------------------------------------

    def change(self, subject: str, mode: str, values: dict[str, Any]) -> None:
        """Change settings as the script does."""
        known = {} if mode == "reset" else self.limits.get(subject, {}) | values
        if known.get("paused") is False and (subject[0] in "|*" or not self.limits.get("*", {}).get("paused")):
            del known["paused"]  # it says nothing unless everybody else is paused
        self.limits[subject] = {name: value for name, value in known.items() if value is not None}
        for concerned in [*self.running] if subject == "*" else [subject]:
            self._rated[concerned], self._since[concerned] = [], self.now

    def subjects(self, job: Job) -> tuple[str, str, str]:
        """Return whose caps a task counts for."""
        return (job.user, f"|{job.name}", QUEUE)

    def caps(self, subject: str) -> Caps:
        """Return the caps in force: what stands for `*` counts for a user that has no other value of its own."""
        own = self.limits.get(subject, {})
        return Caps(**own) if subject.startswith("|") else UserSettings(**self.limits.get("*", {}) | own)

    def room(self, subject: str) -> float:
        """Return how many more tasks may start."""
        caps, room = self.caps(subject), float("inf")
        if caps.paused:
            return 0
        if caps.max_concurrency is not None:
            room = caps.max_concurrency - self.running[subject]
        if caps.rate:
            room = min(room, self.tokens(subject, caps) - EPSILON)
        return room

    def may_start(self, job: Job) -> bool:
        """May a ready task start under all its caps?"""
        return all(self.room(subject) >= 1 for subject in self.subjects(job))

    def grant(self, task_id: str, worker: str, token: bytes, deadline: int) -> None:
        """Start a task; nothing may bar it."""
        job = self.jobs[task_id]
        assert job.letter == "Q", f"{task_id} was granted while {job.letter}"
        for subject in self.subjects(job):
            caps = self.caps(subject)
            assert not caps.paused, f"{subject} is paused"
            most = caps.max_concurrency
            assert most is None or self.running[subject] < most, f"{subject} has {most} running already"
            self._start_rated(subject, caps)
            self.running[subject] += 1
        assert not (job.lost and self.suspects(worker)), f"{worker} was given a second suspect"
        earlier = [
            other
            for other in self.those("Q", user=job.user, name=job.name, level=job.level, granted=False)
            if other.place < job.place
        ]
        assert job.granted or not earlier, f"{task_id} overtook a task of its user, name and level"
        job.letter, job.worker, job.token, job.at, job.granted = "R", worker, token, deadline, True

    def _start_rated(self, subject: str, caps: Caps) -> None:
        starts = self._rated[subject]
        starts.append(1)
        if caps.rate and caps.bucket and caps.per_second:
            most = caps.bucket + (self.now - self._since.get(subject, 0)) / 1000 * caps.per_second
            assert sum(starts) <= most + EPSILON, f"{subject} started {sum(starts)}, {most} are allowed"
