"""Whatever is done to graphs, each task stands as a simple model says, and whatever waits can still be told (I1, I6,
I17): a random walk, checked after each step.
"""

from __future__ import annotations

from typing import Any

import pytest
import redis
from hypothesis import strategies as st
from hypothesis.stateful import rule

from fairque.errors import FlowGone, StaleLease, TaskRunning
from fairque.store import fates
from fairque.store.flows import Fence
from tests.lua.at_random import walk_at_random
from tests.lua.graph_walk import KEEP, WAYS, GraphWalk, picks, shapes
from tests.lua.weaving import abandon, enqueue, launch, requeue, weave


class Walk(GraphWalk):
    """The rules are what programs and workers do; each is done to the queue and to the model."""

    # --- graphs -----------------------------------------------------------------------------------------------------

    @rule(shape=shapes)
    def enqueue_whole(self, shape: Any) -> None:
        knots = self.knots(shape)
        if knots:
            mark = self.mark()
            call = enqueue(self.scene, *knots, mark=mark)
            self.scene.run(call)
            self.model.accept(knots, mark)
            self.scene.run(call)

    @rule(shape=shapes, pick=picks)
    def stage(self, shape: Any, pick: int) -> None:
        mark = self.picked(pick, [*self.flows, ""]) or self.mark()
        knots, mode = self.knots(shape, [*self.flows.get(mark, ())]), "stage" if mark in self.flows else "first"
        if not knots:
            return
        call = enqueue(self.scene, *knots, mark=mark, mode=mode)
        if mode == "stage" and not self.grows(mark):
            with pytest.raises(FlowGone):
                self.scene.run(call)
            return
        self.scene.run(call)
        self.model.staged[mark] = self.model.now + 60_000
        self.model.accept(knots, mark)
        self.flows.setdefault(mark, []).extend(knot.task_id for knot in knots)
        self.scene.run(call)

    @rule(pick=picks)
    def launch(self, pick: int) -> None:
        mark = self.picked(pick, [*self.flows])
        if not mark:
            return
        call = launch(self.scene, len(self.flows[mark]), mark)
        if self.grows(mark):
            self.scene.run(call)
            self.model.launch(mark)
            del self.flows[mark]
            self.scene.run(call)
        else:
            with pytest.raises(FlowGone):
                self.scene.run(call)

    @rule(pick=picks)
    def abandon(self, pick: int) -> None:
        mark = self.picked(pick, [*self.flows])
        if mark:
            while self.scene.run(abandon(self.scene, mark)):
                pass
            del self.flows[mark]
            if mark in self.model.staged:
                self.model.drop(mark)

    @rule(shape=shapes)
    def depend(self, shape: Any) -> None:
        for knot in self.knots(shape[:1]):
            if knot.policy in "wrc":
                weave(self.scene, knot, mode="push")
                self.model.accept([knot])

    @rule(shape=shapes, pick=picks, holds=st.booleans())
    def add(self, shape: Any, pick: int, holds: bool) -> None:
        holder = self.picked(pick, [*self.held])
        knots = self.knots(shape) if holder else []
        if not knots:
            return
        grant, mark = self.held[holder], self.mark()
        last = [knots[-1].task_id] if holds else []
        call = enqueue(self.scene, *knots, mark=mark, fence=Fence(grant.member, grant.token, holds=holds), last=last)
        if self.model.letter(holder) != "R":
            with pytest.raises(StaleLease):
                self.scene.run(call)
            return
        self.scene.run(call)
        self.model.hold(holder, last)
        self.model.accept(knots, mark)
        self.scene.run(call)

    # --- tasks ------------------------------------------------------------------------------------------------------

    @rule(want=st.integers(1, 4))
    def claim(self, want: int) -> None:
        grants = self.scene.claim(want, lease=KEEP)
        assert len(grants) == min(want, len(list(self.model.those("Q"))))
        for grant in grants:
            assert self.model.letter(grant.task_id) == "Q"
            self.model.tasks[grant.task_id].letter = "R"
            self.held[grant.task_id] = grant

    @rule(count=st.integers(1, 3), way=st.sampled_from("FFFXXQW"))
    def end(self, count: int, way: str) -> None:
        runs = [self.held.pop(task_id) for task_id in [*self.held][:count]]
        stale = self.scene.end(runs, WAYS[way], keep=KEEP, ran=0.5)
        alive = [grant.task_id for grant in runs if self.model.letter(grant.task_id) == "R"]
        assert [grant.task_id for place, grant in enumerate(runs) if place not in stale] == alive
        over = {one: "C" if way != "F" and self.model.tasks[one].stopping else way for one in alive}
        self.model.end(*((one, letter) for one, letter in over.items() if letter in "FXC"))
        for task_id, letter in over.items():
            if letter in "QW":
                entry = self.model.tasks[task_id]
                entry.letter, entry.due, entry.last_start = letter, self.model.now + 3000, None

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        task_id = self.picked(pick, [*self.model.tasks])
        if task_id:
            self.scene.run(fates.cancel(self.scene.root, "a", task_id, KEEP, self.scene.name("c"), now=self.scene.at()))
            if self.model.letter(task_id) in "QWD":
                self.model.end((task_id, "C"))
            elif self.model.letter(task_id) == "R":
                self.model.tasks[task_id].stopping = True

    @rule(pick=picks)
    def requeue(self, pick: int) -> None:
        task_id = self.picked(pick, [*self.model.tasks])
        if task_id:
            parents = self.parents[task_id]
            queued = requeue(self.scene, task_id, parents, self.model.tasks[task_id].policy)
            assert queued == (self.model.letter(task_id) in "XC")
            if queued:
                self.model.requeue(task_id, parents.split())

    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        task_id = self.picked(pick, [*self.model.tasks])
        if task_id and self.model.letter(task_id) == "R":
            with pytest.raises(TaskRunning):
                self.scene.delete("a", task_id)
        elif task_id:
            assert self.scene.delete("a", task_id)
            self.model.end((task_id, "-"))

    @rule()
    def purge(self) -> None:
        failed = [*self.model.those("X")][:3]
        gone = self.scene.run(fates.purge(self.scene.root, "a", failed, self.scene.name("p"), self.scene.at()))
        assert gone == len(failed)
        self.model.end(*((task_id, "-") for task_id in failed))

    @rule(seconds=st.sampled_from([1, 4, 20, 61]))
    def pass_time(self, seconds: int) -> None:
        self.scene.now += seconds * 1000
        self.scene.settle()
        self.model.pass_time(seconds * 1000)
        for mark in [mark for mark in self.flows if mark not in self.model.staged]:
            for _ in range(10):
                self.scene.settle()
            del self.flows[mark]


def test_graphs_are_conserved(redis_url: str, prefix: str, redis_client: redis.Redis) -> None:
    walk_at_random(Walk, redis_url, prefix, redis_client)
