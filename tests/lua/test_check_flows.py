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
from fairque.store.records import Grant
from tests.lua import test_check
from tests.lua.scene import BURY, DONE, Scene
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

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.handed = dict[str, list[str]]()

    @rule(user=SOME, count=st.integers(1, 6), mode=MODES, chance=st.randoms())
    def graph(self, user: str, count: int, mode: str, chance: random.Random) -> None:
        mark, ids = self.mark(chance), self.some_ids(count, chance)
        if self.hand_in(user, ids, mode, mark, chance) and mode == "first":
            self.staged = user, mark, len(ids)

    @precondition(lambda self: self.staged)
    @rule(count=st.integers(1, 3), chance=st.randoms())
    def go_on(self, count: int, chance: random.Random) -> None:
        assert self.staged is not None
        user, mark, size = self.staged
        ids = self.some_ids(count, chance)
        if self.hand_in(user, ids, "stage", mark, chance):
            self.staged = user, mark, size + len(ids)

    @precondition(lambda self: self.staged)
    @rule(begins=st.sampled_from([True, True, False]))
    def end_handing_in(self, begins: bool) -> None:
        assert self.staged is not None
        user, mark, size = self.staged
        if begins:
            self.send(flows.launch(self.scene.root, user, mark, size))
        else:
            while self.send(flows.abandon(self.scene.root, user, mark)):
                pass
        self.staged = None

    @rule(want=st.integers(1, 5), chance=st.randoms())
    def work(self, want: int, chance: random.Random) -> None:
        """Let a worker run tasks, some of which add others, and end them each in its way."""
        for grant in self.scene.claim(want):
            if chance.random() < 0.3:
                self.add(grant, chance)
            self.scene.end([grant], BURY if chance.random() < 0.2 else DONE, keep=chance.choice([1.0, 60.0]))

    @rule(user=SOME, ids=st.lists(IDS, min_size=1, max_size=4, unique=True), chance=st.randoms())
    def queue_again(self, user: str, ids: list[str], chance: random.Random) -> None:
        again = [(one, self.joint(chance, [], chance.sample(ids, 1))) for one in ids]
        self.scene.run(fates.requeue(self.scene.root, user, again, self.scene.name("r"), now=self.scene.at()))

    def add(self, grant: Grant, chance: random.Random) -> None:
        """Add tasks from inside a run, to its flow if it is of one."""
        fence = Fence(grant.member, grant.token, holds=chance.random() < 0.7)
        mode = "join" if grant.nonce.startswith("g") else "whole"
        mark = grant.nonce if mode == "join" else self.mark(chance)
        self.hand_in(grant.user_id, self.some_ids(2, chance), mode, mark, chance, fence)

    def mark(self, chance: random.Random) -> str:
        return f"g{chance.randrange(16**15):015x}"

    def some_ids(self, count: int, chance: random.Random) -> list[str]:
        """Return ids, of which a few may be known."""
        ids = [f"t{chance.randrange(8)}" if chance.random() < 0.1 else self.scene.name("n") for _ in range(count)]
        return list(dict.fromkeys(ids))

    def hand_in(
        self, user: str, ids: list[str], mode: str, mark: str, chance: random.Random, fence: Fence = NOBODY
    ) -> bool:
        """Hand in these tasks; return whether they were accepted."""
        known = self.handed.setdefault(user, [])
        entries, joints = list[tasks.Entry](), list[Joint | None]()
        for n, task_id in enumerate(ids):
            nonce, when = self.scene.name("n") if mode == "push" else mark, chance.choice(["", "", "", "+900", "/5000"])
            entries.append(tasks.Entry(user, task_id, chance.randint(1, 6), nonce, when, b"m:f|call"))
            outside = chance.sample(known[-5:], 1) if known and chance.random() < 0.3 else []
            joints.append(self.joint(chance, [] if mode == "push" else ids[:n], outside))
        members = [Member("", n, None, "m:f", "w", (), ()) for n in range(len(ids))]
        part = Part(entries, joints, members if mode != "push" else (), (), ids if fence.holds else ())
        run_id = mark if chance.random() < 0.5 else f"run{chance.randint(0, 2)}"
        call = flows.enqueue(self.scene.root, part, mode=mode, mark=mark, run_id=run_id, fence=fence)
        if self.send(call) is None:
            return False
        known += ids
        return True

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
