"""Random graphs on worker processes that are killed: `python -m tests.graphs --seed N` is the long form."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.graphs.ground import PREFIX, opened
from tests.graphs.play import Ground, Played, play
from tests.worker.programs import Fleet, WorkerProcess

LEASE: Final = 1.0
"""Seconds: the shortest there is."""
BUSY: Final = 0.03
"""Seconds for which a task runs."""


class Reaper:
    """Kills a worker that runs something, each time that so many more grants were given, and starts another."""

    def __init__(self, ground: Ground, fleet: Fleet, seed: int, workers: int, every: int) -> None:
        self.kills = 0
        self._ground, self._fleet, self._every = ground, fleet, every
        self._chance = random.Random(f"{seed} kills")
        self._names = iter(f"w{n}" for n in range(10_000))
        self._next = every
        self._crew = [self._started() for _ in range(workers)]

    def strike(self) -> None:
        """Kill one where it is time to."""
        if int(self._ground.number("token")) >= self._next:
            self._next += self._every
            place = self._chance.randrange(len(self._crew))
            victim = self._crew[place]
            victim.process.kill()
            self.kills += victim.wait() == -9
            self._crew[place] = self._started()

    def _started(self) -> WorkerProcess:
        return self._fleet.start(next(self._names), slots=4, lease=LEASE)


class Struck(NamedTuple):
    """What became of one graph, and how many kills and lost runs it took."""

    played: Played
    kills: int
    lost: int


@contextmanager
def struck(place: Path, seed: int, *, workers: int = 3, every: int = 30) -> Iterator[Iterator[Struck]]:
    """Give graphs without end that are played while workers are killed."""
    with opened() as ground, closing(Fleet(ground.url, PREFIX, place, "import tests.graphs.jobs")) as fleet:
        reaper = Reaper(ground, fleet, seed, workers, every)
        yield _played(ground, reaper, seed)


def _played(ground: Ground, reaper: Reaper, seed: int) -> Iterator[Struck]:
    chance = random.Random(seed)
    while True:
        kills, lost = reaper.kills, ground.queue.get_stats()["lost_total"]
        size = chance.randint(20, 200)
        played = play(
            ground, chance.getrandbits(32), size, chance.randint(0, 12), seconds=BUSY, meanwhile=reaper.strike
        )
        yield Struck(played, reaper.kills - kills, ground.queue.get_stats()["lost_total"] - lost)


def summed(all_: list[Struck]) -> Counter[str]:
    """Return what happened in several graphs."""
    total = Counter[str](graphs=len(all_))
    for one in all_:
        total.update(one.played.acts)
        total.update(str(node.state) for node in one.played.graph.nodes)
        total.update(kills=one.kills, lost=one.lost, tasks=len(one.played.graph.nodes))
    return total
