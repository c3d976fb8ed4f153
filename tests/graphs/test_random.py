"""Random graphs of up to 200 tasks, disturbed at random moments: no child starts too early, none is stuck unseen."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graphs.play import Ground, play

RANDOM = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@RANDOM
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 200), acts=st.integers(0, 12))
def test_every_task_of_a_graph_ends_or_says_what_it_waits_for_i17(
    ground: Ground, seed: int, size: int, acts: int
) -> None:
    play(ground, seed, size, acts)
