"""Leads a run, era by era: keeps the clock, the crew and the drain going, and has what came of each era judged."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, Final

import redis

from fairque import FairQueueConfig
from fairque.queue.verbs import Verbs
from fairque.scheduler.verbs import ScheduleVerbs
from fairque.store import schedules
from fairque.store.driver import Driver
from tests.server import delete_keys
from tests.ticks.board import OVER, PEACE, POSTS, WAR, Board
from tests.ticks.crew import Crew
from tests.ticks.drain import Drain
from tests.ticks.judge import Verdict, judge
from tests.ticks.life import LEASE, SPEED, Life, config_of, drafts
from tests.ticks.plans import Era, era_of

ERA: Final = 170_000
"""Fires of an era, about."""
LEAST: Final = 4_000
"""What an era has at least: less would be over before its schedules fire."""
_BEHIND: Final = 300_000
"""Simulated milliseconds by which the schedulers may be behind; then the clock goes slower, so that a machine that has
other things to do makes nobody miss more than `all(1000)` has. It does not stand still, or the lock of one that was
killed would never lapse."""
_SLOW: Final = SPEED // 10
_AT_FIRST: Final = SPEED // 50
"""How fast the clock goes until all schedules are there."""
_STEP: Final = 0.05
"""Seconds by which the clock moves at most, however long nobody looked at it."""
_POLL: Final = 0.002
_PATIENCE: Final = 60.0
"""Seconds in which what is due at an era's end must have fired."""


class Stuck(AssertionError):
    """Schedulers that nothing befalls any more do not fire what is due."""


class Director:
    """A run of a number of fires."""

    def __init__(self, url: str, seed: int, fires: int) -> None:
        self.board = Board()
        self.verdicts: list[Verdict] = []
        self.happened: Counter[str] = Counter()
        """What befell processes, as the kernel told it."""
        self._url, self._seed, self._wanted = url, seed, fires

    def play(self) -> Iterator[tuple[Era, int]]:
        """Play until there were enough fires. Yields the era and how many there were, now and then."""
        while (missing := self._wanted - sum(verdict.fires for verdict in self.verdicts)) > 0:
            number = len(self.verdicts)
            era = era_of(self._seed, number, max(LEAST, min(ERA, int(missing * 1.1))))
            config = config_of(self._url, f"ticks-{os.getpid()}-{number}")
            yield from self._play(era, config)

    def troubles(self) -> Iterator[str]:
        """Say what this run does not prove: a fault that never struck, or not as it was written down."""
        for (kind, call, position), count in self.board.faults():
            if not count and call != "other":
                yield f"no {kind} when {call} {position}"
        for kind, word in (("kill", "killed"), ("stop", "stopped")):
            noted = sum(count for cell, count in self.board.faults() if cell[0] == kind)
            if noted != self.happened[word]:
                yield f"schedulers wrote down {noted} times that one was {word}, and it happened {self.happened[word]}"

    def _play(self, era: Era, config: FairQueueConfig) -> Iterator[tuple[Era, int]]:
        before = sum(verdict.fires for verdict in self.verdicts)
        with ExitStack() as stack:
            scene = stack.enter_context(closing(_Scene(era, config, self.board)))
            crew = stack.enter_context(closing(self._crew(era, scene.root, config)))
            stack.callback(lambda: self.happened.update(crew.happened))
            while scene.goes_on():
                crew.tend()
                scene.move()
                yield era, before + scene.drain.count
            late = time.monotonic() + _PATIENCE
            while scene.is_behind() or scene.drain.once():
                crew.tend()
                if time.monotonic() > late:
                    raise Stuck(f"era {era.number}: what is due does not fire")
            self.board.phase = OVER
            crew.dismiss()
            self.verdicts.append(judge(era, scene.drain, scene.last(), scene.accepted()))

    def _crew(self, era: Era, root: str, config: FairQueueConfig) -> Crew:
        wanted = drafts(root, era)

        def live(post: int, number: int) -> None:
            Life(config, root, era, wanted, self.board, post, f"{self._seed}-{era.number}-{post}-{number}").live()

        return Crew(POSTS, live, random.Random(f"{self._seed} crew {era.number}"))


class _Scene:
    """The queue of an era, its clock and its drain."""

    def __init__(self, era: Era, config: FairQueueConfig, board: Board) -> None:
        self._era, self._board = era, board
        self._driver = Driver(config.redis)
        self._client = redis.Redis.from_url(config.redis.effective_url)
        self._prefix = config.queue.prefix
        verbs = Verbs(config, None)
        self.root = verbs.root
        board.clock, board.phase, board.is_set_up = era.begin, WAR, False
        self._driver.converse(verbs.meet())
        self._driver.run(schedules.tick(self.root, "nobody", "", lease=0, now=str(era.begin)))
        self.drain = Drain(self._driver, self.root, lambda: board.clock)
        self._looked = time.monotonic()

    def goes_on(self) -> bool:
        """Whether the era has not come to its end."""
        return self._board.clock < self._era.end

    def move(self) -> None:
        """Move the clock on, and end some of what was pushed. The last three leases of an era are peaceful: whoever
        has the lock when the clock stops then is there to use it.
        """
        now = time.monotonic()
        passed = min(now - self._looked, _STEP)
        self._looked = now
        due = self._due()
        is_behind = due is not None and self._board.clock - due > _BEHIND
        speed = (_SLOW if is_behind else SPEED) if self._board.is_set_up else _AT_FIRST
        self._board.clock = min(self._era.end, self._board.clock + int(passed * 1000 * speed))
        if self._board.clock > self._era.end - 3 * LEASE and self._board.is_set_up:
            self._board.phase = PEACE
        if not self.drain.once():
            time.sleep(_POLL)

    def is_behind(self) -> bool:
        """Whether something is due."""
        due = self._due()
        return not self._board.is_set_up or (due is not None and due <= self._board.clock)

    def last(self) -> dict[str, Any]:
        """Return the schedules as they stand."""
        return {one.schedule_id: one for one in self._driver.converse(ScheduleVerbs(self.root, "UTC").all(None))}

    def accepted(self) -> int:
        """Return how many tasks any script has accepted."""
        return int(self._client.hget(f"{self.root}:queue:stats", "seq") or 0)

    def close(self) -> None:
        delete_keys(self._client, self._prefix)
        self._client.close()
        self._driver.close()

    def _due(self) -> int | None:
        first: Any = self._client.zrange(f"{self.root}:queue:schedules-due", 0, 0, withscores=True)
        return int(first[0][1]) if first else None
