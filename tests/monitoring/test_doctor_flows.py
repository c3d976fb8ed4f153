"""The doctor on queues with graphs: what stands still, is stuck, or outlives its time (I17)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairque import group
from tests.monitoring.ward import Ward, nothing


@pytest.fixture
def ward(redis_url: str, prefix: str) -> Iterator[Ward]:
    ward = Ward(redis_url, prefix)
    yield ward
    ward.close()


def test_children_that_nobody_tells_are_told_of_where_a_worker_has_room(ward: Ward) -> None:
    ward.queue.enqueue(nothing().with_(task_id="first") >> group(nothing() for _ in range(450)), user_id="u")
    ward.queue.finish(ward.pop(), None)
    assert ward.codes() == {"workers.none"}
    with ward.beating({"running": 1}):
        assert ward.codes() == set()
    with ward.beating({}):
        (found,) = (one for one in ward.examine().findings if one.severity == "error")
    assert (found.code, found.subject) == ("I17.release", "task first of u (250 left)")


def test_runs_that_are_stuck_and_flows_that_outlive_their_time_are_told(ward: Ward) -> None:
    for n in range(7):
        ward.queue.enqueue(nothing() >> nothing(), user_id="u", run_id=f"r{n}")[0].cancel()
    (found,) = (one for one in ward.examine().findings if one.code == "flows.stuck")
    assert (found.severity, found.text.count("run r")) == ("info", 5)
    assert found.text.endswith(" and 2 more")
    run = ward.queue.enqueue(nothing(), user_id="u")
    ward.queue.finish(ward.pop(), None)
    ward.client.zadd(ward.key("flows-due"), {f"u|{run.run_id}": 1})
    with ward.beating({}):
        assert ward.codes() == {"I22.flows", "flows.stuck"}
