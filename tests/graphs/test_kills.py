"""The short form of `make graphs`: random graphs, and workers that are killed while they run."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.graphs.kills import struck, summed


@pytest.mark.timeout(180)
def test_graphs_end_or_say_what_they_wait_for_though_workers_are_killed_i17(tmp_path: Path) -> None:
    with struck(tmp_path, seed=7) as graphs:
        total = summed(list(islice(graphs, 5)))
    assert total["kills"] >= 5
    assert total["lost"] > 0, "no kill has hit a running task"
    assert total["finished"] > total["lost"]
