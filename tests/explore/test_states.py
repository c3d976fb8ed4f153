"""All states of two workers, two users and four tasks that few steps lead to: in each of them all invariants hold (I1,
I3-I7, I11, I12, I14, I15). `make explore` goes deeper.
"""

from __future__ import annotations

import redis

from tests.explore.actions import ACTIONS, MORE
from tests.explore.search import Search


def test_every_state_within_six_steps_keeps_the_promises(
    redis_url: str, prefix: str, redis_client: redis.Redis
) -> None:
    search = Search(redis_url, prefix, redis_client)
    tally = search.run(6)
    search.close()
    assert tally.violations == []
    assert tally.states > 1_000
    assert all(tally.taken[action] for action in ACTIONS)
    assert tally.loops > tally.states


def test_what_else_can_be_done_keeps_them_too(redis_url: str, prefix: str, redis_client: redis.Redis) -> None:
    search = Search(redis_url, prefix, redis_client, ACTIONS | MORE)
    tally = search.run(4)
    search.close()
    assert tally.violations == []
    assert all(tally.taken[action] for action in MORE)
