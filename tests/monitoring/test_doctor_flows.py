"""The doctor on tasks that wait for others: what stands still, is stuck or outlives its time (I17, I22)."""

from __future__ import annotations

from fairque import group
from fairque.store.checkup_links import MOST_LINKED
from tests.monitoring.ward import Ward, nothing


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


def test_of_a_user_with_many_tasks_it_is_said_that_not_all_was_looked_at(ward: Ward) -> None:
    ward.queue.enqueue(nothing() >> group(nothing() for _ in range(MOST_LINKED)), user_id="u")
    report = ward.examine()
    assert [one for one in report.findings if one.severity == "error"] == []
    assert [what.partition(":")[0] for what in report.skipped] == [
        "who waits for whom",
        "whether each run's tasks are as counted",
    ]
