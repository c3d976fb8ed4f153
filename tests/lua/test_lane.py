"""A user's lanes: CRITICAL first, levels with ageing, equal rank by push order (I12); what is given back keeps its
place; deleted tasks leave no trace.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairque.core.outcome import Outcome
from fairque.store import tasks
from tests.lua.scene import AGING, DONE, RELEASE, Scene, again, ids_of, postpone

SHARED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Waiting(NamedTuple):
    """A ready task as the oracle sees it."""

    seq: int
    since: int
    level: int
    task_id: str


class Oracle:
    """The order in which one user's tasks are to start, said as simply as possible."""

    def __init__(self, aging: int = AGING) -> None:
        self.aging = aging
        self.ready: list[Waiting] = []
        self.seq = 0

    def add(self, task_id: str, level: int, now: int) -> None:
        self.seq += 1
        self.ready.append(Waiting(self.seq, now, level, task_id))

    def take(self, want: int) -> list[str]:
        taken = sorted(self.ready, key=self._rank)[:want]
        self.ready = [waiting for waiting in self.ready if waiting not in taken]
        return [waiting.task_id for waiting in taken]

    def _rank(self, waiting: Waiting) -> tuple[bool, int, int]:
        if waiting.level == 6:
            return (False, 0, waiting.seq)
        return (True, waiting.since - waiting.level * self.aging, waiting.seq)


# --- order ----------------------------------------------------------------------------------------------------------


def test_critical_goes_first_in_first_out(scene: Scene) -> None:
    old = scene.push_many("a", 3, level=5)
    scene.now += 10 * AGING
    critical = scene.push_many("a", 3, level=6)
    assert scene.drain(want=2) == critical + old


def test_a_level_is_worth_aging_ms_of_waiting(scene: Scene) -> None:
    scene.push("a", "low", level=1)
    scene.now += 4 * AGING - 1
    scene.push("a", "high", level=5)
    scene.now += 1
    scene.push("a", "higher too late", level=5)
    assert scene.drain(want=1) == ["high", "low", "higher too late"]


def test_equal_rank_is_first_in_first_out(scene: Scene) -> None:
    scene.push("a", "low", level=1)
    scene.now += AGING
    scene.push("a", "next level up, one level's wait later", level=2)
    assert scene.drain() == ["low", "next level up, one level's wait later"]


@pytest.mark.parametrize("seed", range(20))
def test_any_schedule_is_served_in_the_order_of_the_oracle(scene: Scene, seed: int) -> None:
    chance, oracle = random.Random(seed), Oracle()
    for _ in range(60):
        scene.now += chance.choice([0, 0, 1, 1000, AGING, AGING - 1, 3 * AGING])
        if chance.random() < 0.6:
            batch = [(scene.name("t"), chance.choice([1, 2, 3, 3, 3, 4, 5, 6])) for _ in range(chance.randint(1, 6))]
            scene.push_entries([tasks.Entry("a", task_id, level, "n", "", b"m:f|") for task_id, level in batch])
            # A batch is accepted at one instant; within it a level's own order holds.
            for task_id, level in batch:
                oracle.add(task_id, level, scene.now)
        else:
            want = chance.choice([1, 1, 2, 5, 50])
            assert ids_of(scene.serve(want)) == oracle.take(want)
    assert ids_of(scene.serve(200)) == oracle.take(200)


@SHARED
@given(levels=st.lists(st.integers(1, 6), min_size=2, max_size=30), wants=st.lists(st.integers(1, 9), min_size=30))
def test_the_order_does_not_depend_on_how_many_are_claimed_at_once(
    scene: Scene, levels: list[int], wants: list[int]
) -> None:
    for user in ("one by one", "in batches"):
        user_id = scene.name(user)
        for place, level in enumerate(levels):
            scene.push(user_id, str(place), level=level)
        order = [
            task_id for want in (wants if user == "in batches" else [1] * 30) for task_id in ids_of(scene.serve(want))
        ]
        rest = scene.drain()
        if user == "one by one":
            expected = order + rest
    assert order + rest == expected


# --- given back -----------------------------------------------------------------------------------------------------


@SHARED
@given(
    levels=st.lists(st.integers(1, 6), min_size=2, max_size=12),
    claims=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    seed=st.integers(0, 2**32),
)
def test_what_several_workers_give_back_returns_to_its_own_place(
    scene: Scene, levels: list[int], claims: list[int], seed: int
) -> None:
    user = scene.name("a")
    ids = [scene.name("t") for _ in levels]
    for task_id, level in zip(ids, levels, strict=True):
        scene.push(user, task_id, level=level)
        scene.now += 10
    before = {level: scene.lane(user, level) for level in range(1, 7)}
    held = [grant for number, want in enumerate(claims) for grant in scene.claim(want, worker=f"w{number}")]
    random.Random(seed).shuffle(held)
    while held:
        some, held = held[:2], held[2:]
        assert scene.end(some, RELEASE) == []
    assert {level: scene.lane(user, level) for level in range(1, 7)} == before
    assert sorted(scene.drain()) == sorted(ids)


def test_what_a_dead_worker_held_is_served_before_what_came_later(scene: Scene) -> None:
    ids = scene.push_many("a", 6)
    scene.claim(3, worker="dead")
    scene.now += 20_000
    scene.push_many("a", 2)
    assert [ids_of(scene.claim(1, worker=f"w{number}")) for number in range(6)] == [[task_id] for task_id in ids]


@pytest.mark.parametrize("outcome", [again(5), postpone(5)])
def test_a_task_that_is_tried_again_joins_its_level_anew(scene: Scene, outcome: Outcome) -> None:
    first, second = scene.push_many("a", 2)
    scene.end(scene.claim(1), outcome)
    scene.push("a", "third")
    scene.now += 5_000
    assert scene.drain() == [second, "third", first]


# --- deleted --------------------------------------------------------------------------------------------------------

DEEP = 1_000
"""Places of a lane in which a deleted task's entry is dropped at once; deeper ones stay as ghosts."""


@pytest.mark.parametrize("level", [3, 6])
def test_ghosts_deep_in_a_lane_are_passed_over(scene: Scene, level: int) -> None:
    ids = scene.push_many("a", DEEP + 300, level=level)
    scene.push("a", "after", level=1)
    gone = [*ids[5:10], *ids[DEEP + 20 : DEEP + 290]]
    for task_id in gone:
        assert scene.delete("a", task_id)
    assert len(scene.lane("a", level)) == len(ids) - 5
    assert scene.drain() == [task_id for task_id in ids if task_id not in set(gone)] + ["after"]
    assert scene.lane("a", level) == []
    assert scene.tags() == {}
    assert scene.stat("queued") == 0


def test_a_worker_is_given_a_ready_task_however_many_ghosts_stand_before_it(scene: Scene) -> None:
    ids = scene.push_many("a", DEEP + 60)
    for task_id in ids[DEEP:-1]:
        scene.delete("a", task_id)
    while scene.stat("queued") > 1:
        scene.serve(min(200, int(scene.stat("queued")) - 1))
    # A worker that claims one at a time may not be sent to sleep while there is a ready task.
    rounds = [scene.settle(want=1, block=2.0) for _ in range(5)]
    assert [grant.task_id for settled in rounds for grant in settled.grants] == ids[-1:]
    assert all(settled.pause < 0.1 for settled in rounds[: [bool(s.grants) for s in rounds].index(True)])


def test_an_id_that_was_deleted_and_pushed_again_has_its_new_place(scene: Scene) -> None:
    scene.push("a", "x", "y")
    scene.delete("a", "x")
    scene.push("a", "x")
    assert scene.drain() == ["y", "x"]


def test_an_id_whose_old_entry_is_a_ghost_runs_once_and_in_its_new_place(scene: Scene) -> None:
    ids = scene.push_many("a", DEEP + 3)
    again_id = ids[DEEP + 1]
    scene.delete("a", again_id)
    scene.push("a", again_id)
    assert scene.drain() == [*ids[: DEEP + 1], ids[DEEP + 2], again_id]


def test_a_finished_id_that_is_pushed_again_has_its_new_place(scene: Scene) -> None:
    scene.push("a", "x", "y", "z")
    scene.end(scene.claim(1), DONE)
    assert scene.push("a", "x")[0].created
    assert scene.drain() == ["y", "z", "x"]
