"""Random graphs of up to 200 tasks, disturbed at random moments: no child starts too early, none is stuck unseen."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graphs.play import Ground, play

RANDOM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_task_of_a_graph_ends_or_says_what_it_waits_for_i17(ground: Ground) -> None:
    seen = Counter[str]()

    @RANDOM
    @given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 200), acts=st.integers(0, 12))
    def one(seed: int, size: int, acts: int) -> None:
        played = play(ground, seed, size, acts)
        seen.update(played.acts)
        seen.update(str(node.state) for node in played.graph.nodes)

    one()
    happened = ("cancel", "retry", "requeue", "delete", "finished", "failed", "canceled", "deferred")
    assert not [what for what in happened if not seen[what]], seen
