"""The director: keeps everybody busy while faults strike at seeded times, lets all come to rest, and takes stock."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.chaos.actors import ReplyDropper
from tests.chaos.ending import read_final, read_left
from tests.chaos.evidence import Evidence
from tests.chaos.history import read_diaries
from tests.chaos.journal import read_journal
from tests.chaos.stage import Plan, Stage, set_up
from tests.waiting import POLL

LOOK = 0.1
"""Seconds between two looks at what waits."""
DRAIN = 90.0
"""Seconds within which a queue without faults must come to rest."""
PATIENCE = 1.5
"""After so many times the planned time a run that has not had its tasks and faults ends without them."""
SPARE = 1.1
"""So many times as many strikes are planned as faults are wanted: some may find nobody to strike."""


class Tally(msgspec.Struct):
    """What has happened so far, for whoever watches."""

    phase: str = "starts"
    finished: int = 0
    acked: int = 0
    faults: dict[str, int] = {}
    dropped: dict[str, int] = {}
    """Of the dropped replies: whose they were."""
    poisoned: int = 0
    exits: list[int] = []
    """How the workers ended when they were asked to."""


class Director:
    """One run: `play` yields at each look, with `tally` up to date; `evidence` is there when it has ended."""

    def __init__(self, plan: Plan, seed: int, place: Path) -> None:
        self.tally = Tally()
        self.evidence: Evidence | None = None
        self._plan = plan
        self._seed = seed
        self._place = place

    def play(self) -> Iterator[None]:
        with set_up(self._plan, self._seed, self._place) as stage:
            self.tally.phase = "strikes"
            yield from self._strike(stage)
            self.tally.phase = "drains"
            yield from self._drain(stage)
            self.tally.phase = "takes stock"
            yield
            self.evidence = self._take_stock(stage)

    def _strikes(self) -> list[tuple[float, str]]:
        """Return when who strikes: each kind is spread evenly, but for a seeded chance."""
        rng, strikes = random.Random(self._seed), []
        for kind, count in sorted(self._plan.faults.items()):
            planned = round(count * SPARE) or count
            pace = self._plan.seconds / max(1, planned)
            strikes += [((n + rng.random()) * pace, kind) for n in range(planned)]
        heapq.heapify(strikes)
        return strikes

    def _strike(self, stage: Stage) -> Iterator[None]:
        strikes, began, looked, now = self._strikes(), time.monotonic(), 0.0, 0.0
        while (strikes or self._missing(stage)) and now < PATIENCE * self._plan.seconds + DRAIN:
            now = time.monotonic() - began
            if not strikes:
                strikes = [(now + 0.2, kind) for kind in self._missing(stage) if kind in stage.actors]
            while strikes and strikes[0][0] <= now:
                stage.actors[heapq.heappop(strikes)[1]].strike()
            self._look_after(stage)
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                self._count(stage)
                yield
            time.sleep(POLL)

    def _missing(self, stage: Stage) -> list[str]:
        """Return what there has not been enough of."""
        wanted = [kind for kind, count in self._plan.faults.items() if stage.actors[kind].count < count]
        return wanted + ["tasks"] * (self.tally.finished < self._plan.tasks)

    def _drain(self, stage: Stage) -> Iterator[None]:
        stage.market.close()
        for proxy in stage.proxies.values():
            proxy.mend()
        for producer in stage.producers:
            producer.join()
        deadline = time.monotonic() + DRAIN
        while time.monotonic() < deadline and (self._count(stage) or stage.crew.is_hurt()):
            self._look_after(stage)
            yield
            time.sleep(LOOK)
        self.tally.exits = stage.crew.dismiss()

    def _look_after(self, stage: Stage) -> None:
        for actor in stage.actors.values():
            actor.look()
        stage.crew.tend()

    def _count(self, stage: Stage) -> int:
        """Bring the tally up to date, tell the producers what waits, and return how many tasks have not ended."""
        stats = stage.queue.get_stats()
        stage.market.tell({user: sizes["queued"] for user, sizes in stage.queue.users().items()})
        tally, dropper = self.tally, stage.actors[ReplyDropper.kind]
        tally.finished = stats["finished_total"] + stats["failed_total"]
        tally.acked = sum(producer.pusher.acked for producer in stage.producers)
        tally.faults = {kind: actor.count for kind, actor in stage.actors.items()}
        tally.poisoned = stage.crew.poisoned
        if isinstance(dropper, ReplyDropper):
            tally.dropped = dropper.counts
        return stats["queued"] + stats["started"] + stats["scheduled"]

    def _take_stock(self, stage: Stage) -> Evidence:
        scene, client = self._plan.scene, stage.server.client
        stage.server.save_journal()
        return Evidence(
            scene,
            read_journal(stage.server.journal, scene.root),
            list(read_diaries(self._place)),
            read_final(client, scene.root),
            {name: value for name, value in stage.queue.get_stats().items() if isinstance(value, int)},
            read_left(client, scene.root),
        )
