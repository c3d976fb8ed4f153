"""`max_concurrency: 1` with many threads and killed workers: never two at once, and never stuck (I15)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.waiting import wait_until
from tests.worker.programs import Board, Fleet, be_alone
from tests.worker.stage import House

LEASE = 1.0


@pytest.mark.parametrize("subject", ["user", "task", "queue"])
def test_a_cap_of_one_holds_whoever_is_killed(house: House, fleet: Fleet, board: Board, subject: str) -> None:
    cap: dict[str, Any] = {"max_concurrency": 1}
    if subject == "user":
        house.queue.set_user("user:1", **cap)
    else:
        house.queue.set_limits(task="fleet:be_alone" if subject == "task" else None, **cap)
    handles = house.queue.push_batch([be_alone(n, 0.02).with_(user_id="user:1") for n in range(40)])
    workers = [fleet.start(f"w{n}", slots=16, lease=LEASE) for n in range(2)]
    for kills in range(1, 4):
        seen = len(board.came())
        wait_until(lambda seen=seen: len(board.came()) >= seen + 4, description="tasks run")  # type: ignore[misc]
        running = board.came()[-1].pid
        victim = next(worker for worker in workers if worker.pid == running)
        victim.process.kill()
        victim.wait()  # reaped: else it would count as alive
        workers[workers.index(victim)] = fleet.start(f"again{kills}", slots=16, lease=LEASE)
    assert [handle.result(timeout=20) for handle in handles] == list(range(40))
    assert house.queue.get_stats()["lost_total"] > 0, "no run was lost: the faults did not happen"
    assert board.met() == []


def test_without_the_cap_they_would_have_met(house: House, fleet: Fleet, board: Board) -> None:
    handles = house.queue.push_batch([be_alone(n, 0.05).with_(user_id="user:1") for n in range(8)])
    fleet.start("w", slots=16)
    assert [handle.result(timeout=20) for handle in handles] == list(range(8))
    assert board.met()
