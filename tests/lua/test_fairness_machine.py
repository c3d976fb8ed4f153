"""Weights, caps, pauses, lists, lost leases and deletions in any order, against a model (I1, I12, I15, I24)."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from typing import Any, ClassVar

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from fairque.core.ids import encode_id
from tests.lua.scene import DONE, Scene
from tests.lua.shop import Job
from tests.lua.walk import NAMES, USERS, WORKERS, Walk

STAYS = r"stats|means|scopes|scope(-users)?:\w+|named|sleep:.*|(last|wake):.*"
"""What may be left of a queue that is drained and whose records have expired."""

WALKS = int(os.environ.get("FAIRQUE_WALKS", "0"))
"""Walks of the longer, random test; the suite takes the same 12 each time."""


class Checked(Walk):
    """The invariants hold after each step; in the end all limits go and all drains. `seen` says what happened."""

    seen: ClassVar[Counter[str]] = Counter()

    # --- what is counted --------------------------------------------------------------------------------------------

    @invariant()
    def what_is_counted_is_what_there_is(self) -> None:
        waiting: Counter[str] = Counter()
        for job in self.shop.those("QW"):
            waiting.update([f"|{job.name}", f"{job.user} {job.letter}"])
        for name in NAMES:
            assert int(self.table("counts").get(f"|{name}", 0)) == waiting[f"|{name}"], name
        for user in USERS:
            counts = self.counts_of(user)
            assert sum(counts[kind] for kind in "123456h") == waiting[f"{user} Q"], user
            self.seen["set aside"] += counts["h"]
            assert counts["s"] == waiting[f"{user} W"], user
        assert self.scene.stat("queued") == sum(1 for _ in self.shop.those("Q"))
        assert self.scene.stat("scheduled") == sum(1 for _ in self.shop.those("W"))

    @invariant()
    def slots_are_leases(self) -> None:
        running: Counter[str] = Counter()
        for job in self.shop.those("R"):
            running.update([encode_id(job.user), f"|{job.name}"])
        assert {subject: int(amount) for subject, amount in self.table("busy").items()} == running
        self.seen["running"] += sum(running.values())
        self.seen["lost"] += sum(job.lost for job in self.shop.those("QR"))
        leases: Any = self.scene.client.zcard(self.scene.key("leases"))
        assert leases == sum(1 for _ in self.shop.those("R")) == len(self.table("runs"))

    @invariant()
    def every_waiting_task_stands_in_one_lane_in_its_place(self) -> None:
        for user in USERS:
            there: list[str] = []
            for key in self.scene.client.scan_iter(match=self.scene.key(f"user:{encode_id(user)}:*"), count=1000):
                if re.search(rb":(normal:\d|critical)(:m:[fg])?$", key):
                    entries: Any = self.scene.client.lrange(key, 0, -1)
                    places = [int(entry.split(b":")[0]) for entry in entries]
                    assert places == sorted(places), key
                    there += [entry.split(b":", 2)[2].decode() for entry in entries]
            assert sorted(there) == sorted(
                i for i, job in self.shop.jobs.items() if (job.user, job.letter) == (user, "Q")
            )

    # --- where users are --------------------------------------------------------------------------------------------

    @invariant()
    def users_with_ready_tasks_are_in_the_ring_or_held_and_nobody_else(self) -> None:
        ring, held = set(self.scene.tags()), set(self.table("held"))
        ready = {encode_id(user) for user in USERS if sum(self.counts_of(user)[kind] for kind in "123456")}
        assert not ring & held
        assert ring | held == ready
        assert not ring & set(self.scene.tags("tags"))

    @invariant()
    def who_is_held_is_barred_and_what_will_free_it_is_known(self) -> None:
        due = self.scene.tags("due")
        for user in USERS:
            bar = self.table("held").get(encode_id(user))
            self.seen[f"held {bar}"] += 1
            if bar == "r":
                opens = due[f"{encode_id(user)}|"]
                assert opens <= self.scene.now or self.shop.room(user) < 1
            elif bar:
                assert self.shop.room(user) < 1, f"{user} is held for {bar}"

    @invariant()
    def the_clock_never_falls_and_tags_are_finite(self) -> None:
        tags = [*self.scene.tags().values(), *self.scene.tags("tags").values()]
        assert all(math.isfinite(tag) for tag in tags)
        assert self.scene.stat("clock") >= self.clock
        self.clock = self.scene.stat("clock")

    @invariant()
    def nobody_sleeps_while_there_is_work_unless_another_is_awake_for_it(self) -> None:
        hinted = [name for name in WORKERS if self.scene.client.exists(self.scene.key(f"wake:{name}"))]
        for worker, until in self.sleeping.items():
            if self.scene.now < until and worker not in hinted:
                work = [job for job in self.startable(worker) if not job.lost]
                others: list[Job] = [job for name in hinted for job in self.startable(name)]
                assert not work or any(job in others for job in work), f"{worker} sleeps until {until}, {work}"

    # --- in the end -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.drain()
        finally:
            self.scene.close()

    def drain(self) -> None:
        for subject in self.shop.limits.copy():
            self.unlimit(subject)
        for _ in range(60):
            self.scene.now += 3000
            self.scene.end(self.scene.claim(20, worker=self.scene.name("v")), DONE, keep=60)
        assert self.table("runs") == {}
        assert self.scene.stat("queued") == self.scene.stat("scheduled") == 0, "not everything was served"
        for _ in range(12):
            self.scene.now += 61_000
            self.scene.settle()
        self.scene.now += 8 * 86_400_000
        for _ in range(60):
            self.scene.settle()
        left = [key.decode().removeprefix(self.scene.key("")) for key in self.scene.dump()]
        assert [key for key in left if not re.fullmatch(STAYS, key)] == []

    def table(self, name: str) -> dict[str, str]:
        found: Any = self.scene.client.hgetall(self.scene.key(name))
        return {field.decode(): text.decode() for field, text in found.items()}

    def counts_of(self, user: str) -> Counter[str]:
        text = self.table("counts").get(encode_id(user), "0")
        if text.isdecimal():
            return Counter({"3": int(text)})
        return Counter({kind: int(amount) for kind, amount in (part.split(":") for part in text.split(","))})


@pytest.mark.parametrize("cost", ["count", "declared", "time"])
def test_a_queue_with_caps_keeps_its_promises(
    redis_url: str, prefix: str, redis_client: redis.Redis, cost: str
) -> None:
    numbers = itertools.count()

    class Here(Checked):
        def __init__(self) -> None:
            super().__init__(Scene(redis_url, f"{prefix}-{next(numbers)}", redis_client, cost=cost))

    walks = settings(
        max_examples=WALKS or 15,
        derandomize=not WALKS,
        stateful_step_count=40,
        phases=(Phase.generate,),
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    Here.seen = Counter()
    run_state_machine_as_test(Here, settings=walks)
    needed = {"held c", "held p", "held r", "set aside", "running", "lost"}
    assert WALKS or needed <= {what for what, times in Here.seen.items() if times}
