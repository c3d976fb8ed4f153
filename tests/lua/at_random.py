"""Random walks of a state machine over real scripts."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.lua.scene import Scene

WALKS = settings(
    max_examples=40,
    stateful_step_count=40,
    phases=(Phase.generate,),
    deadline=None,
    suppress_health_check=[*HealthCheck],
)


def walk_at_random(
    machine: Callable[[Scene], RuleBasedStateMachine], redis_url: str, prefix: str, client: redis.Redis
) -> None:
    """Walk 40 times 40 steps, each time in a queue of its own."""
    numbers = itertools.count()

    def begin() -> RuleBasedStateMachine:
        return machine(Scene(redis_url, f"{prefix}-{next(numbers)}", client))

    run_state_machine_as_test(begin, settings=WALKS)  # type: ignore[arg-type] # any factory will do
