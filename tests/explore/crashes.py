"""Whatever a client was about when it died, others carry on: each task ends once, nothing is lost (I1-I3, I6, I7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import redis

from fairque import AsyncTaskQueue, FairQueueConfig, TaskQueue
from fairque.store import claims, flows, scripts, tasks
from tests.contract.facade import Blocking, Loop
from tests.explore.fate import Died, Fate, doom
from tests.explore.scenarios import SCENARIOS, Scenario
from tests.explore.survivor import Survivor

COLOURS: Final = ("sync", "sync, warm", "async", "async, warm")
"""`warm`: the client has been used before, else it meets the queue first."""


class Point(NamedTuple):
    """One death: in which scenario, at which moment, and what is wrong with what came of it ('': nothing)."""

    scenario: str
    colour: str
    moment: str
    wrong: str


class Graveyard:
    """Where clients die: each scenario, at each moment, on a queue of its own."""

    def __init__(self, client: redis.Redis, config: Callable[[], FairQueueConfig]) -> None:
        self._client, self._config = client, config
        for name in scripts.names():
            client.script_load(scripts.load(name).text)

    def points(self, name: str, colour: str) -> Iterator[Point]:
        """Let a client die at each moment of a scenario."""
        for moment in count():
            fate = Fate()
            wrong = self._die(SCENARIOS[name], colour, fate, moment)
            if not fate.dead.is_set():
                assert not wrong, f"{name} with nobody's death: {wrong}"
                return
            yield Point(name, colour, fate.moments[-1], wrong)

    def _die(self, scenario: Scenario, colour: str, fate: Fate, moment: int) -> str:
        with ExitStack() as stack, patch.object(tasks, "CHUNK", 2), patch.object(claims, "MAX_WANT", 2):
            stack.enter_context(patch.multiple(flows, CHUNK=2, EDGES=3))
            config = self._config()
            survivor = Survivor(config, self._client)
            stack.callback(survivor.close)
            prepared = scenario.prepare(survivor)
            queue = self._doomed(config, colour, fate, stack)
            fate.arm(moment)
            with suppress(Died):
                scenario.act(queue, prepared)
            done = scenario.script in fate.executed
            try:
                scenario.carry_on(survivor, prepared, done)
                survivor.finish_all()
                survivor.check(scenario.ended(done), scenario.attempts(done), scenario.ids)
            except AssertionError as wrong:
                return str(wrong) or "not as it must be"
            return ""

    def _doomed(self, config: FairQueueConfig, colour: str, fate: Fate, stack: ExitStack) -> Any:
        queue: Any
        if "async" in colour:
            loop = Loop()
            stack.callback(loop.close)
            inner: Any = AsyncTaskQueue(config)
            queue = stack.enter_context(Blocking(inner, loop))
        else:
            inner = queue = stack.enter_context(TaskQueue(config))
        doom(inner, fate)
        if "warm" in colour:
            queue.get_stats()
            for link in inner._driver._free:
                link._known.update(scripts.names())
        return queue
