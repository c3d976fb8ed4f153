"""Clients die at each moment of each call: each task ends once, and nothing is lost (I1-I3, I6, I7). `python -m
tests.explore crashes` prints the table.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import redis

from fairque import FairQueueConfig
from fairque.core.settings import QueueSettings, RedisSettings
from tests.explore.crashes import COLOURS, Graveyard
from tests.explore.lives import COMMANDS, Life
from tests.explore.scenarios import SCENARIOS

MOMENTS = {"is to be sent", "is done", "is answered"}


@pytest.fixture
def config(redis_url: str, prefix: str) -> Callable[[], FairQueueConfig]:
    """Give a maker of configurations, each of a queue of its own."""
    numbers = itertools.count()
    return lambda: FairQueueConfig(
        redis=RedisSettings(url=redis_url), queue=QueueSettings(prefix=f"{prefix}-{next(numbers)}")
    )


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_client_may_die_at_any_moment(
    redis_client: redis.Redis, config: Callable[[], FairQueueConfig], name: str, colour: str
) -> None:
    points = list(Graveyard(redis_client, config).points(name, colour))
    assert [point for point in points if point.wrong] == []
    assert {f"{SCENARIOS[name].script} {moment}" for moment in MOMENTS} <= {point.moment for point in points}
    assert len(points) % len(MOMENTS) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_worker_may_die_at_any_moment(
    redis_client: redis.Redis, config: Callable[[], FairQueueConfig], command: str
) -> None:
    life = Life(redis_client, config, command)
    points = list(life.points())
    assert [point for point in points if point.wrong] == []
    assert {point.moment for point in points} == {f"{command} {moment}" for moment in MOMENTS}
    assert life.executed <= {*COMMANDS}
