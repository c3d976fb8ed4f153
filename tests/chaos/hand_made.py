"""Histories made by hand, for the tests of the rules: what a run without any fault looks like, to be spoiled."""

from __future__ import annotations

import json
from collections.abc import Callable

from fairque.core.limits import UserSettings
from tests.chaos.evidence import Evidence, Final
from tests.chaos.history import Began, Ended, Event, Fault, Push
from tests.chaos.jobs import doomed, flaky, poison, quick
from tests.chaos.journal import Accepted, Entry, Granted, Key, Readied, Scheduled, Settled
from tests.chaos.scene import NARROW, Lists, Scene

SCENE = Scene(
    users={"a": UserSettings(weight=1), "b": UserSettings(weight=2), "c": UserSettings()},
    workers={"w1": Lists(("a", "b"), ("c",)), "w2": Lists(("*",))},
    caps={NARROW: 1},
    lease=1.0,
    slots=4,
)
PID = 77


class Story:
    """A history that grows by whole deeds. Each deed is a step of Redis's, 10 ms after the last."""

    def __init__(self, scene: Scene = SCENE) -> None:
        self.scene = scene
        self.journal: list[Entry] = []
        self.events: list[Event] = []
        self.final: dict[Key, Final] = {}
        self.totals: dict[str, int] = dict.fromkeys(
            (
                "queued",
                "started",
                "scheduled",
                "deferred",
                "finished_total",
                "failed_total",
                "failed",
                "retried_total",
                "lost_total",
            ),
            0,
        )
        self.left: dict[str, int] = {}
        self._step = self._token = 0
        self._held: dict[Key, Granted] = {}
        self._tasks: dict[Key, Accepted] = {}
        self._attempts: dict[Key, int] = {}

    @property
    def now(self) -> int:
        return 10 * self._step

    def push(self, user: str, id: str, *, level: int = 3, name: str = quick.name) -> Key:
        """A producer pushes a task and hears of it."""
        key = user, id
        self._tasks[key] = Accepted(self._next(), self.now, key, level, name, f"s-{id}", ready=True)
        self.journal.append(self._tasks[key])
        self.events.append(Push(f"s-{id}", "p", user, level, name, acked=True, id=id))
        return key

    def grant(self, key: Key, worker: str = "w1", *, begins: bool = True) -> Granted:
        """A worker gets the task, and begins it."""
        self._token += 1
        attempt = self._attempts[key] = self._attempts.get(key, 0) + 1
        task, lost = self._tasks[key], self.final.get(key, Final("")).lost
        seq = list(self._tasks).index(key) + 1
        grant = Granted(self._next(), self.now, key, self._token, worker, attempt, lost, task.level, seq, task.name)
        self.journal.append(grant)
        self._held[key] = grant
        if begins:
            self.events.append(Began(grant.token, *key, attempt, worker, PID, self.now + 1))
        return grant

    def settle(self, key: Key, how: str = "finished") -> None:
        """The grant is over: its worker says so, but for what is lost or released."""
        grant = self._held.pop(key)
        told = {"finished": "success", "failed": "failure", "retried": "retry"}.get(how)
        if told is not None:
            self.events.append(Ended(grant.token, told, self.now + 2))
        result = json.dumps([f"s-{key[1]}", grant.attempt, PID]).encode() if how == "finished" else b""
        self.journal.append(Settled(self._next(), self.now, key, grant.token, how, result))
        lost = grant.lost + (how in ("lost", "buried"))
        self.final[key] = Final(
            {"finished": "finished", "failed": "failed", "buried": "failed"}.get(how, "queued"), lost
        )
        self._total(how)

    def run(self, key: Key, worker: str = "w1") -> None:
        """The task is granted, begun and finished."""
        self.grant(key, worker)
        self.settle(key)

    def fault(self, kind: str, whom: str, *, seconds: float = 0.0) -> None:
        """Something is done to somebody, just now."""
        self.events.append(Fault(kind, whom, PID, self.now, self.now + 1000 * seconds))

    def change(self, what: Callable[[Event], bool], into: Callable[[Event], Event | None]) -> None:
        """Spoil the events that `what` picks; None takes one away."""
        changed = [into(event) if what(event) else event for event in self.events]
        self.events = [event for event in changed if event is not None]

    def add(self, make: Callable[[int, int], Entry]) -> None:
        """Append to the journal what no deed makes; it is given step and instant."""
        self.journal.append(make(self._next(), self.now))

    def evidence(self) -> Evidence:
        return Evidence(self.scene, self.journal, self.events, self.final, self.totals, self.left)

    def _next(self) -> int:
        self._step += 1
        return self._step

    def _total(self, how: str) -> None:
        for name in {
            "finished": ("finished_total",),
            "failed": ("failed", "failed_total"),
            "buried": ("failed", "failed_total", "lost_total"),
            "lost": ("lost_total",),
            "retried": ("retried_total",),
        }.get(how, ()):
            self.totals[name] += 1


def sound() -> Story:
    """A history with a bit of everything that may happen."""
    story = Story()
    story.run(story.push("a", "a0"))
    key = story.push("b", "b0", name=flaky.name)
    bad, killer = story.push("c", "c0", name=doomed.name), story.push("c", "c1", name=poison.name)
    story.grant(key)
    story.settle(key, "retried")
    story.add(lambda step, at: Scheduled(step, at, key, at + 5))
    story.add(lambda step, at: Readied(step, at, key))
    story.grant(key)
    story.fault("kill", "w1")
    story.settle(key, "lost")
    story.grant(key, "w2", begins=False)
    story.settle(key, "released")
    story.run(key, "w2")
    story.run(story.push("a", "a1"))
    story.grant(bad, "w2")
    story.settle(bad, "failed")
    for how in ("lost", "lost", "buried"):
        story.grant(killer, "w2")
        story.fault("poison", "w2")
        story.settle(killer, how)
    return story
