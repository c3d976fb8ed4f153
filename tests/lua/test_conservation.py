"""Every accepted task is in exactly one state at every script boundary, and all that is kept about it agrees (I1, I4,
I6, I7): a random walk, checked against a model after each step.
"""

from __future__ import annotations

from typing import Any

import pytest
import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fairque.core.ids import encode_id
from fairque.core.outcome import Outcome
from fairque.errors import TaskRunning
from fairque.store import claims, fates, readings, tasks
from fairque.store.records import Grant
from tests.lua.at_random import walk_at_random
from tests.lua.model import Kind, Model, Name
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, postpone

USERS = ["a", "b:{x}", "c|d"]
names = st.builds(Name, st.sampled_from(USERS), st.sampled_from(["t1", "t2", "t3", "t:4", "t|5"]))
levels = st.sampled_from([1, 3, 3, 3, 5, 6])
delays = st.none() | st.sampled_from([1, 4_000, 90_000])
workers = st.sampled_from(["w1", "w2"])
spans = st.none() | st.sampled_from([1_000, 20_000])
KEEP = 60
CANCELED_KEEP = 3_600
LOST_KEEP = 7 * 86_400
WAYS: dict[Kind, Outcome] = {"done": DONE, "bury": BURY, "release": RELEASE, "again": again(3), "postpone": postpone(2)}
LATER: dict[Kind, int] = {"done": KEEP * 1000, "bury": KEEP * 1000, "release": 0, "again": 3_000, "postpone": 2_000}
TOTALS = ("finished_total", "failed_total", "canceled_total", "retried_total", "lost_total")


class Walk(RuleBasedStateMachine):
    """The rules are what programs and workers do; each is done to the queue and to the model."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.model = scene, Model()
        self.held: list[Grant] = []

    @rule(batch=st.lists(st.tuples(names, levels, delays, spans), min_size=1, max_size=4))
    def push(self, batch: list[tuple[Name, int, int | None, int | None]]) -> None:
        entries = [
            tasks.Entry(
                name.user,
                name.task_id,
                level,
                self.scene.name("n"),
                (f"+{delay}" if delay else "") + (f"/{span}" if span else ""),
                b"m:f|",
            )
            for name, level, delay, span in batch
        ]
        accepted = self.scene.push_entries(entries)
        now = self.scene.now
        for answer, (name, level, delay, span) in zip(accepted, batch, strict=True):
            made = self.model.push(name, level, delay and now + delay, span and now + span)
            assert answer.created == made, name

    @rule(worker=workers, want=st.integers(1, 6))
    def claim(self, worker: str, want: int) -> None:
        ready = [self.model.tasks[name] for name in self.model.those("Q")]
        holds_suspect = worker in self.model.suspects()
        grants = self.scene.claim(want, worker=worker)
        assert len(grants) <= min(want, len(ready))
        if not any(entry.lost for entry in ready):
            assert len(grants) == min(want, len(ready))
        assert grants or holds_suspect or not ready
        for grant in grants:
            deadline = self.scene.now + int(LEASE * 1000)
            entry = self.model.grant(Name(grant.user_id, grant.task_id), grant.token, deadline, worker)
            assert (grant.level, grant.attempt) == (entry.level, entry.attempt)
            assert (grant.lost, grant.failures) == (entry.lost, entry.failures)
        self.held += grants

    @rule(places=st.lists(st.integers(0, 30), min_size=1, max_size=3, unique=True), kind=st.sampled_from([*WAYS]))
    def end(self, places: list[int], kind: Kind) -> None:
        ended = [self.held[place] for place in places if place < len(self.held)]
        stale = self.scene.end(ended, WAYS[kind], keep=KEEP)
        for place, grant in enumerate(ended):
            name = Name(grant.user_id, grant.task_id)
            assert self.model.holds(name, grant.token) == (place not in stale)
            if place not in stale:
                canceled = self.model.tasks[name].stopping and kind != "done"
                self.model.end(name, kind, self.scene.now + (CANCELED_KEEP * 1000 if canceled else LATER[kind]))

    @rule(place=st.integers(0, 30))
    def renew(self, place: int) -> None:
        if place < len(self.held):
            grant = self.held[place]
            name = Name(grant.user_id, grant.task_id)
            call = claims.renew(self.scene.root, [(grant.member, grant.token)], LEASE, self.scene.at())
            held = self.model.holds(name, grant.token)
            assert self.scene.run(call) == [held]
            if held:
                self.model.tasks[name].at = self.scene.now + int(LEASE * 1000)

    @rule(name=names)
    def cancel(self, name: Name) -> None:
        call = fates.cancel(self.scene.root, *name, KEEP, self.scene.name("c"), now=self.scene.at())
        answer = self.scene.run(call)
        assert answer == self.model.cancel(name, self.scene.now + KEEP * 1000)

    @rule(batch=st.lists(names, min_size=1, max_size=3, unique=True))
    def requeue(self, batch: list[Name]) -> None:
        for user in {name.user for name in batch}:
            own = [name for name in batch if name.user == user]
            call = fates.requeue(
                self.scene.root, user, [(name.task_id, None) for name in own], self.scene.name("q"), now=self.scene.at()
            )
            answers = self.scene.run(call)
            assert self.scene.run(call) == answers
            assert [answer == fates.Requeued.QUEUED for answer in answers] == [self.model.requeue(name) for name in own]

    @rule(name=names)
    def delete(self, name: Name) -> None:
        known = self.model.tasks.get(name)
        if known is not None and known.letter == "R":
            with pytest.raises(TaskRunning):
                self.scene.delete(*name)
            return
        assert self.scene.delete(*name) == (known is not None)
        self.model.tasks.pop(name, None)

    @rule(seconds=st.sampled_from([1, 2, 5, 16, 45]))
    def pass_time(self, seconds: int) -> None:
        self.scene.now += seconds * 1000
        for _ in range(3):
            self.scene.settle()
        self.model.pass_time(self.scene.now, self.scene.now + LOST_KEEP * 1000, self.scene.now + CANCELED_KEEP * 1000)
        past = [name for name, entry in self.model.tasks.items() if entry.ended and entry.at <= self.scene.now]
        for name in past:  # gone within a minute after its time
            if self.scene.run(tasks.get(self.scene.root, name.task_id, name.user)) is None:
                del self.model.tasks[name]
            else:
                assert self.model.tasks[name].at > self.scene.now - 61_000, f"{name} is kept for too long"

    # --- what must agree --------------------------------------------------------------------------------------------

    @invariant()
    def every_record_is_in_the_state_of_the_model(self) -> None:
        for name, entry in self.model.tasks.items():
            record = self.scene.run(tasks.get(self.scene.root, name.task_id, name.user))
            assert record is not None, f"{name} is gone while {entry.letter}"
            assert record.letter == entry.letter.replace("R", "Q"), name
            assert (record.run is not None) == (entry.letter == "R"), name
            assert (record.run.attempt if record.run else record.attempt) == entry.attempt, name
            if record.run is None:
                assert (record.lost, record.failures) == (entry.lost, entry.failures), name
        for user in USERS:
            kept: Any = self.scene.client.hlen(self.key(user, "tasks"))
            assert kept == sum(name.user == user for name in self.model.tasks), f"{user} has a record too many"

    @invariant()
    def what_is_counted_is_what_there_is(self) -> None:
        for user in USERS:
            counted = self.scene.run(readings.sizes(self.scene.root, user))
            there = {letter: len(list(self.model.those(letter, user))) for letter in "QRWX"}
            critical = sum(self.model.tasks[name].level == 6 for name in self.model.those("Q", user))
            assert counted == (there["Q"], critical, there["R"], 0, there["W"], there["X"]), user
        stats = {name: self.scene.stat(name) for name in (*TOTALS, "queued", "scheduled", "failed")}
        now = {"queued": "Q", "scheduled": "W", "failed": "X"}
        assert stats == {name: self.model.totals[name] for name in TOTALS} | {
            name: len(list(self.model.those(letter))) for name, letter in now.items()
        }

    @invariant()
    def every_index_names_exactly_its_tasks(self) -> None:
        client, key = self.scene.client, self.scene.key
        running = {self.member(name) for name in self.model.those("R")}
        assert set(client.hkeys(key("runs"))) == running == set(self.members("leases"))
        due = self.members("due")
        assert {member: at for member, at in due.items() if not member.endswith(b"|")} == {
            self.member(n): self.model.tasks[n].at for n in self.model.those("W")
        }
        for name, entry in self.model.tasks.items():
            if entry.letter in "QW" and entry.last_start:
                assert due[self.member(name) + b"|"] == entry.last_start
        stops: Any = client.hvals(key("stops"))
        stopping = {self.member(name) for name in self.model.those("R") if self.model.tasks[name].stopping}
        assert {member for text in stops for member in text.split(b":")} == stopping
        assert self.scene.stat("stopping") == len(stopping)
        deadlines = {self.member(name): self.model.tasks[name].at for name in self.model.those("R")}
        assert self.members("leases") == deadlines
        suspects = {worker.encode(): self.member(name) for worker, name in self.model.suspects().items()}
        assert client.hgetall(key("suspects")) == suspects
        for user in USERS:
            dead: Any = client.zrange(self.key(user, "failed"), 0, -1)
            assert sorted(dead) == sorted(self.member(n).rpartition(b"|")[2] for n in self.model.those("X", user))
            ended = {
                self.member(name).rpartition(b"|")[2]: entry.at
                for name, entry in self.model.tasks.items()
                if name.user == user and entry.ended
            }
            lists = [k for k in self.scene.dump() if k.startswith(self.key(user, "kept:").encode())]
            entries: Any = [entry for k in lists for entry in client.lrange(k.decode(), 0, -1)]
            assert {b"%d:%s" % (at, id_) for id_, at in ended.items()} <= set(entries)
            sizes = [client.hstrlen(self.key(user, "tasks"), id_.decode()) for id_ in ended]
            own = self.member(Name(user, "")).decode().rstrip("|")
            assert int(client.hget(key("kept-bytes"), own) or 0) == sum(sizes)

    @invariant()
    def every_ready_task_has_one_entry_in_its_lane_and_its_user_is_in_the_ring(self) -> None:
        for user in USERS:
            ready = list(self.model.those("Q", user))
            for level in range(1, 7):
                entries = [entry.split(b":", 2) for entry in self.scene.lane(user, level)]
                there = sorted(self.member(n).rpartition(b"|")[2] for n in ready if self.model.tasks[n].level == level)
                assert sorted(entry[2] for entry in entries) == there
                places = [int(entry[0]) for entry in entries]
                assert places == sorted(places)
        backlogged = {self.member(name).partition(b"|")[0].decode() for name in self.model.those("Q")}
        assert set(self.scene.tags("ring")) == backlogged
        assert not backlogged & set(self.scene.tags("tags"))

    def teardown(self) -> None:
        self.scene.close()

    def key(self, user: str, what: str) -> str:
        return self.scene.key(f"user:{self.member(Name(user, '')).decode().rstrip('|')}:{what}")

    def members(self, name: str) -> dict[bytes, int]:
        found: Any = self.scene.client.zrange(self.scene.key(name), 0, -1, withscores=True)
        return {member: int(at) for member, at in found}

    @staticmethod
    def member(name: Name) -> bytes:
        return "|".join(encode_id(part) for part in name).encode()


def test_tasks_are_conserved(redis_url: str, prefix: str, redis_client: redis.Redis) -> None:
    walk_at_random(Walk, redis_url, prefix, redis_client)
