"""The scripts that look whether a queue agrees: check_queue, check_user, check_page, check_sums, check_slots, server.

At no boundary between two scripts do they find anything in a queue that only fairque has written to (I1, I4, I15).
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from fairque.core.outcome import Progress
from fairque.errors import TaskRunning
from fairque.store import fates, progress, tasks
from fairque.store.records import Grant
from tests.lua import test_conservation, walk
from tests.lua.inspection import inspect
from tests.lua.model import Kind
from tests.lua.scene import BURY, Scene

USERS = sorted({*test_conservation.USERS, *walk.USERS})
SOME = st.sampled_from(walk.USERS)
IDS = st.sampled_from([f"t{n}" for n in range(8)])
LABELS = st.sampled_from(["m:f", "m:f", "m:g", "m:g 2", "m:f #k1", "m:g 3 #k|2"])
WHENS = st.sampled_from(["", "", "", "+1", "+9000", "/5000", "+2000/4000"])


class Life(RuleBasedStateMachine):
    """All that can be done to a queue, in any order and without a model: what must hold is what is looked at."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.held = scene, list[Grant]()
        scene.kept_bytes = 200
        scene.register(["a", "c"])

    @rule(user=SOME, ids=st.lists(IDS, min_size=1, max_size=5), level=st.integers(1, 6), label=LABELS, when=WHENS)
    def push(self, user: str, ids: list[str], level: int, label: str, when: str) -> None:
        self.scene.push(user, *ids, level=level, label=label, when=when)

    @rule(worker=st.sampled_from(["w1", "w2"]), want=st.integers(1, 6))
    def claim(self, worker: str, want: int) -> None:
        self.held = [*self.scene.claim(want, worker=worker), *self.held][:20]

    @rule(kind=st.sampled_from([*test_conservation.WAYS]), most=st.integers(1, 4), ran=st.sampled_from([None, 0.5]))
    def end(self, kind: Kind, most: int, ran: float | None) -> None:
        self.scene.end(self.held[:most], test_conservation.WAYS[kind], ran=ran)

    @rule(place=st.integers(0, 5))
    def tell(self, place: int) -> None:
        for grant in self.held[place : place + 1]:
            self.scene.run(progress.report(self.scene.root, [progress.Report(grant.member, grant.token, Progress(5))]))

    @rule(user=SOME, task_id=IDS)
    def cancel(self, user: str, task_id: str) -> None:
        self.scene.run(fates.cancel(self.scene.root, user, task_id, 60, self.scene.name("c"), now=self.scene.at()))

    @rule(user=SOME, ids=st.lists(IDS, min_size=1, max_size=4, unique=True), again=st.booleans())
    def revive_or_purge(self, user: str, ids: list[str], again: bool) -> None:
        call: Any = fates.requeue if again else fates.purge
        meant: list[Any] = [(task_id, None) for task_id in ids] if again else ids
        self.scene.run(call(self.scene.root, user, meant, self.scene.name("r"), now=self.scene.at()))

    @rule(user=SOME, task_id=IDS)
    def delete(self, user: str, task_id: str) -> None:
        try:
            self.scene.delete(user, task_id)
        except TaskRunning:
            assert self.scene.run(tasks.get(self.scene.root, task_id, user)) is not None

    @rule(user=SOME, really=st.sampled_from([True, False, False]))
    def erase(self, user: str, really: bool) -> None:
        if really:
            self.scene.run(fates.erase(self.scene.root, user, self.scene.name("r"), self.scene.at()))

    @rule(subject=st.sampled_from([*walk.USERS, "|m:f", "|m:g"]), values=walk.changes)
    def limit(self, subject: str, values: dict[str, Any]) -> None:
        if subject.startswith("|"):
            self.scene.limit_task(subject[1:], **values)
        else:
            self.scene.limit_user(subject, **values)

    @rule(ms=st.sampled_from([1, 900, 3000, 16_000, 70_000]))
    def pass_time(self, ms: int) -> None:
        self.scene.now += ms


def machine(kind: type, cost: str, redis_url: str, prefix: str, client: redis.Redis) -> type[RuleBasedStateMachine]:
    """Return a random walk after each step of which the queue is looked at."""
    numbers = itertools.count()

    class Inspected(kind):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(Scene(redis_url, f"{prefix}-{next(numbers)}", client, cost=cost))

        @invariant()
        def the_doctor_finds_nothing(self) -> None:
            assert list(inspect(self.scene, USERS)) == []

        def teardown(self) -> None:
            self.scene.close()

    return Inspected


@pytest.mark.parametrize(
    ("kind", "cost"),
    [(Life, "count"), (Life, "declared"), (test_conservation.Walk, "count"), (walk.Walk, "count"), (walk.Walk, "time")],
)
def test_nothing_is_found_in_a_queue_that_only_fairque_wrote_to(
    redis_url: str, prefix: str, redis_client: redis.Redis, kind: type, cost: str
) -> None:
    walks = settings(
        max_examples=15,
        derandomize=True,
        stateful_step_count=40,
        phases=(Phase.generate,),
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(machine(kind, cost, redis_url, prefix, redis_client), settings=walks)


def test_what_had_ended_stays_kept_where_its_id_is_pushed_with_a_key_that_is_taken(scene: Scene) -> None:
    scene.push("a", "t1")
    scene.end(scene.claim(), BURY)
    scene.push("a", "t2", label="m:f #k")
    (answer,) = scene.push("a", "t1", label="m:f #k")
    assert (answer.created, answer.task_id) == (False, "t2")
    assert scene.client.zcard(scene.key("user:a:failed")) == 1
    assert list(inspect(scene, ["a"])) == []
