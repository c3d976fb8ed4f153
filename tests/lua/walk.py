"""A random walk: what programs, operators and workers do to a queue with weights and caps, in any order."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fairque.core.ids import encode_id
from fairque.core.limits import Caps
from fairque.core.outcome import Outcome
from fairque.errors import TaskRunning
from fairque.store import claims
from fairque.store.limits import QUEUE
from fairque.store.records import Grant
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, postpone
from tests.lua.shop import Job, Shop

USERS, NAMES = ["a", "b:{x}", "c"], ["m:f", "m:g"]
WORKERS = {"w1": (["*"], []), "w2": (["a", "b:{x}"], []), "w3": (["c"], ["*"]), "w4": (["c"], ["a"])}
WAYS: dict[str, tuple[Outcome, str, int]] = {
    "done": (DONE, "E", 0),
    "bury": (BURY, "E", 0),
    "release": (RELEASE, "Q", 0),
    "again": (again(3), "W", 3000),
    "postpone": (postpone(2), "W", 2000),
}
BLOCK = 2.0
changes: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"max_concurrency": st.sampled_from([None, 0, 1, 1, 2])}),
    st.fixed_dictionaries({"rate": st.sampled_from([None, "2/s", "20/m"]), "burst": st.sampled_from([None, 1, 3])}),
    st.fixed_dictionaries({"paused": st.sampled_from([None, True, True, False])}),
    st.fixed_dictionaries({"max_concurrency": st.just(2), "rate": st.just("1/s"), "burst": st.just(2)}),
)
labels = st.sampled_from(["m:f", "m:f", "m:g", "m:f 5", "m:g 0.5"])
subjects = st.sampled_from([*USERS, *USERS, "*", "|m:f", "|m:f", "|m:g", QUEUE])


class Walk(RuleBasedStateMachine):
    """The rules are what programs, operators and workers do; each is done to the queue and to the model."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.shop, self.clock = scene, Shop(self.tokens, scene.now), 0.0
        self.held: list[tuple[str, Grant]] = []
        self.sleeping: dict[str, int] = {}
        self.lists = {name: claims.lists_of(*both) for name, both in WORKERS.items()}
        for users, others in WORKERS.values():
            scene.register(users)
            scene.register(others)

    # --- what is done -----------------------------------------------------------------------------------------------

    @rule(
        user=st.sampled_from(USERS),
        batch=st.lists(labels, min_size=1, max_size=4),
        level=st.sampled_from([1, 3, 3, 3, 6]),
        delay=st.none() | st.none() | st.sampled_from([1, 1500]),
    )
    def push(self, user: str, batch: list[str], level: int, delay: int | None) -> None:
        for label in batch:
            task_id = self.scene.name("t")
            self.scene.push(user, task_id, level=level, label=label, when=f"+{delay}" if delay else "")
            due = None if delay is None else self.scene.now + delay
            self.shop.push(task_id, user, label.split()[0], level, due)

    @initialize(
        batches=st.lists(st.lists(labels, min_size=4, max_size=6), min_size=3, max_size=3),
        first=changes,
        second=changes,
    )
    def open(self, batches: list[list[str]], first: dict[str, Any], second: dict[str, Any]) -> None:
        for user, batch in zip(USERS, batches, strict=True):
            self.push(user, batch, 3, None)
        self.limit("a", first, None)
        self.limit("c", {"rate": "2/s", "burst": 1}, None)
        self.limit("|m:f", second, None)

    @rule(subject=subjects, values=changes, weight=st.sampled_from([None, 0.5, 3]))
    def limit(self, subject: str, values: dict[str, Any], weight: float | None) -> None:
        if subject == QUEUE:
            self.scene.limit_queue(**values)
        elif subject.startswith("|"):
            self.scene.limit_task(subject[1:], **values)
        else:
            values = {**values, "weight": weight}
            self.scene.limit_user(subject, **values)
        self.shop.change(subject, "set", values)

    @rule(subject=subjects, really=st.sampled_from([False, False, True]))
    def unlimit_some(self, subject: str, really: bool) -> None:
        if really:
            self.unlimit(subject)

    def unlimit(self, subject: str) -> None:
        if subject == QUEUE:
            self.scene.limit_queue(mode="reset")
        elif subject.startswith("|"):
            self.scene.limit_task(subject[1:], mode="reset")
        else:
            self.scene.limit_user(subject, mode="reset")
        self.shop.change(subject, "reset", {})

    @rule(worker=st.sampled_from([*WORKERS]), want=st.integers(1, 5))
    def claim(self, worker: str, want: int) -> None:
        self.settle(worker, want, [])

    @rule(
        want=st.integers(0, 5),
        places=st.lists(st.integers(0, 8), min_size=1, max_size=4, unique=True),
        kind=st.sampled_from([*WAYS]),
        ran=st.sampled_from([None, 0.001, 2.5]),
    )
    def end(self, want: int, places: list[int], kind: str, ran: float | None) -> None:
        some = [self.held[place] for place in places if place < len(self.held)]
        if some:
            worker = some[0][0]
            self.settle(worker, want, [grant for holder, grant in some if holder == worker], kind, ran)

    @rule(place=st.integers(0, 12))
    def renew(self, place: int) -> None:
        if place < len(self.held):
            _, grant = self.held[place]
            holds = self.holds(grant)
            assert self.scene.renew(grant) == [holds]
            if holds:
                self.shop.jobs[grant.task_id].at = self.scene.now + int(LEASE * 1000)

    @rule(place=st.integers(0, 40))
    def delete(self, place: int) -> None:
        known = [task_id for task_id, job in self.shop.jobs.items() if job.letter != "E"]
        if place < len(known):
            job = self.shop.jobs[known[place]]
            if job.letter == "R":
                with pytest.raises(TaskRunning):
                    self.scene.delete(job.user, known[place])
                return
            assert self.scene.delete(job.user, known[place])
            del self.shop.jobs[known[place]]

    @rule(ms=st.sampled_from([1, 40, 500, 500, 500, 3000, 16_000, 16_000]))
    def pass_time(self, ms: int) -> None:
        self.scene.now += ms
        self.shop.now = self.scene.now

    # --- a worker's call --------------------------------------------------------------------------------------------

    def settle(self, worker: str, want: int, ended: list[Grant], kind: str = "done", ran: float | None = None) -> None:
        way, letter, later = WAYS[kind]
        self.scene.woken(worker)
        answer = self.scene.settle(
            [(grant, way) for grant in ended],
            want=want, worker=worker, lists=self.lists[worker], block=BLOCK, ran=ran,
        )  # fmt: skip
        for place, grant in enumerate(ended):
            assert self.holds(grant) == (place not in answer.stale)
            if place not in answer.stale:
                job = self.shop.jobs[grant.task_id]
                self.shop.stop(job, letter, unbegun=kind == "release" and ran is None)
                job.at = self.scene.now + later
        self.shop.pass_time()
        for grant in answer.grants:
            deadline = self.scene.now + int(LEASE * 1000)
            self.shop.grant(grant.task_id, worker, grant.token, deadline)
            assert {grant.user_id, "*"} & {*WORKERS[worker][0], *WORKERS[worker][1]}
        if any(grant.user_id not in WORKERS[worker][0] for grant in answer.grants) and WORKERS[worker][0] != ["*"]:
            own = [job for job in self.startable(worker) if job.user in WORKERS[worker][0] and not job.lost]
            assert own == [], f"{worker} stole while {own} could start"
        kept = [(holder, grant) for holder, grant in self.held if grant not in ended]
        self.held = [*((worker, grant) for grant in answer.grants), *kept][:20]
        if len(answer.grants) < want:
            self.sleeping[worker] = self.scene.now + math.ceil(answer.pause * 1000)
            if answer.pause > 0.001:
                assert self.startable(worker) == [], f"{worker} goes to sleep for {answer.pause} s"
        else:
            self.sleeping.pop(worker, None)

    def startable(self, worker: str) -> list[Job]:
        assigned, steal = WORKERS[worker]
        return [
            job
            for job in self.shop.those("Q")
            if ("*" in assigned + steal or job.user in assigned + steal)
            and not (job.lost and self.shop.suspects(worker))
            and self.shop.may_start(job)
        ]

    def holds(self, grant: Grant) -> bool:
        job = self.shop.jobs.get(grant.task_id)
        return job is not None and job.letter == "R" and job.token == grant.token

    def tokens(self, subject: str, caps: Caps) -> float:
        """Return what a bucket holds: it is known when it will be full."""
        full: Any = self.scene.client.zscore(self.scene.key("buckets"), self.field(subject))
        missing = max(0, (full or 0) - self.scene.now) / 1000 * (caps.per_second or 0)
        return max(0, (caps.bucket or 0) - missing)

    def field(self, subject: str) -> str:
        return subject if subject[0] in "|*" else encode_id(subject)
