"""Tasks that wait for others, in any shape, among all else that can be done: what looks finds nothing (I1, I17)."""

from __future__ import annotations

import random
from typing import Any, Final

import msgspec
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from fairque.errors import QueueRefusal, StaleLease, TaskConflict, UnknownTask
from fairque.store import fates, flows, tasks
from fairque.store.call import Call
from fairque.store.flows import Fence, Joint, Member, Part
from tests.lua import test_check
from tests.lua.test_check import IDS, SOME, Life

MODES = st.sampled_from(["push", "whole", "whole", "whole", "first"])
NOBODY: Final = Fence()
REFUSED: Final = (TaskConflict, UnknownTask, StaleLease, QueueRefusal)


class Grown(Life):
    """As `Life`, and tasks wait for others: by graphs that are handed in at once or part by part, by tasks that others
    add while they run.
    """

    staged: tuple[str, str, int] | None = None
    """User, mark and size of the graph that is being handed in."""

    @rule(user=SOME, ids=st.lists(IDS, min_size=1, max_size=5, unique=True), mode=MODES, chance=st.randoms())
    def graph(self, user: str, ids: list[str], mode: str, chance: random.Random) -> None:
        mark = f"g{chance.randrange(16**15):015x}"
        if self.hand_in(user, ids, mode, mark, chance) and mode == "first":
            self.staged = user, mark, len(ids)

    @precondition(lambda self: self.staged)
    @rule(ids=st.lists(IDS, min_size=1, max_size=3, unique=True), chance=st.randoms())
    def go_on(self, ids: list[str], chance: random.Random) -> None:
        assert self.staged is not None
        user, mark, size = self.staged
        if self.hand_in(user, ids, "stage", mark, chance):
            self.staged = user, mark, size + len(ids)

    @precondition(lambda self: self.staged)
    @rule(begins=st.booleans())
    def end_handing_in(self, begins: bool) -> None:
        assert self.staged is not None
        user, mark, size = self.staged
        if begins:
            self.send(flows.launch(self.scene.root, user, mark, size))
        else:
            while self.send(flows.abandon(self.scene.root, user, mark)):
                pass
        self.staged = None

    @rule(place=st.integers(0, 5), ids=st.lists(IDS, min_size=1, max_size=3, unique=True), chance=st.randoms())
    def add(self, place: int, ids: list[str], chance: random.Random) -> None:
        for grant in self.held[place : place + 1]:
            fence = Fence(grant.member, grant.token, holds=chance.random() < 0.7)
            mode = "join" if grant.nonce.startswith("g") else "whole"
            mark = grant.nonce if mode == "join" else f"g{chance.randrange(16**15):015x}"
            self.hand_in(grant.user_id, ids, mode, mark, chance, fence)

    @rule(user=SOME, ids=st.lists(IDS, min_size=1, max_size=4, unique=True), chance=st.randoms())
    def queue_again(self, user: str, ids: list[str], chance: random.Random) -> None:
        again = [(one, self.joint(chance, [], chance.sample(ids, 1))) for one in ids]
        self.scene.run(fates.requeue(self.scene.root, user, again, self.scene.name("r"), now=self.scene.at()))

    def hand_in(
        self, user: str, ids: list[str], mode: str, mark: str, chance: random.Random, fence: Fence = NOBODY
    ) -> bool:
        """Hand in these tasks; return whether they were accepted."""
        entries = [
            tasks.Entry(user, one, chance.randint(1, 6), mark if mode != "push" else self.scene.name("n"),
                        chance.choice(["", "", "", "+900", "/5000"]), b"m:f|call")
            for one in ids
        ]  # fmt: skip
        known = [f"t{n}" for n in range(8)]
        joints = [
            self.joint(
                chance, [] if mode == "push" else ids[:n], chance.sample(known, 1 if chance.random() < 0.3 else 0)
            )
            for n in range(len(ids))
        ]
        members = [Member("", n, None, "m:f", "w", (), ()) for n in range(len(ids))]
        part = Part(entries, joints, members if mode != "push" else (), (), ids if fence.holds else ())
        run_id = mark if chance.random() < 0.5 else f"run{chance.randint(0, 2)}"
        call = flows.enqueue(self.scene.root, part, mode=mode, mark=mark, run_id=run_id, fence=fence)
        return self.send(call) is not None

    def joint(self, chance: random.Random, before: list[str], outside: list[str]) -> Joint | None:
        inside = [one for one in before if chance.random() < 0.5]
        beside = [one for one in outside if one not in inside]
        return Joint(chance.choice("wwwrrccsf"), inside, beside) if inside or beside else None

    def send(self, call: Call[Any]) -> Any:
        """Send a call at the scene's time; None where it was refused."""
        try:
            return self.scene.run(msgspec.structs.replace(call, args=(self.scene.at(), *call.args[1:])))
        except REFUSED:
            return None


def test_nothing_is_found_where_tasks_wait_for_others(redis_url: str, prefix: str, redis_client: redis.Redis) -> None:
    walks = settings(
        max_examples=60,
        derandomize=True,
        stateful_step_count=40,
        phases=(Phase.generate,),
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(test_check.machine(Grown, "count", redis_url, prefix, redis_client), settings=walks)
