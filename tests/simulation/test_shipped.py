"""The traces that come with fairque, shortened: each user receives what it is entitled to."""

from __future__ import annotations

import pytest

from fairque.monitoring.simulation_report import Report
from tests.simulation.traces import report, shipped

COUNT, TIME = 0.01, 0.02
"""By how much shares may differ from entitled ones, in relative terms, where starts count and where run time does."""
UNTIL = {"noisy-neighbour": 80, "bursty": 160, "capped": 250, "long-and-short": 1200, "crossed-lists": 100}


@pytest.fixture(scope="module")
def reports(redis_url: str) -> dict[str, Report]:
    return {name: report(shipped(name, f"until={until}"), redis_url) for name, until in UNTIL.items()}


@pytest.mark.parametrize(
    ("name", "within"), [("noisy-neighbour", COUNT), ("bursty", COUNT), ("capped", COUNT), ("long-and-short", TIME)]
)
def test_every_user_receives_what_it_is_entitled_to(reports: dict[str, Report], name: str, within: float) -> None:
    found = reports[name]
    one = 0 if found.cost == "time" else 1  # a start is whole: who is entitled to 20.5 has received 20 or 21
    for user in found.users:
        assert user.received == pytest.approx(user.entitled, rel=within, abs=one), user
    assert found.competed
    assert found.jain is not None
    assert found.jain > 0.9999
    assert found.idle_slot_seconds == 0
    assert found.busy > 0.99


@pytest.mark.parametrize("name", ["noisy-neighbour", "bursty"])
def test_where_starts_count_nobody_falls_far_behind(reports: dict[str, Report], name: str) -> None:
    assert max(user.behind or 0 for user in reports[name].users) < 2


def test_the_quiet_wait_for_a_slot_only(reports: dict[str, Report]) -> None:
    quiet = [user for user in reports["noisy-neighbour"].users if user.user_id != "flood"]
    assert all(user.waiting <= 1 for user in quiet)
    assert max(user.wait_p99_s or 0 for user in quiet) < 1


def test_with_lists_there_is_no_entitlement(reports: dict[str, Report]) -> None:
    found = reports["crossed-lists"]
    assert not found.alike
    assert {(user.entitled, user.ratio, user.behind) for user in found.users} == {(None, None, None)}
    waits = {user.user_id: user.wait_p95_s or 0 for user in found.users}
    assert waits["flood"] > 10 * max(waits["oslo"], waits["rome"], waits["cairo"])
    assert found.idle_slot_seconds == 0


def test_where_starts_are_shared_run_time_goes_to_who_has_long_tasks(redis_url: str) -> None:
    found = report(shipped("long-and-short", "until=300", "cost=count"), redis_url)
    started = {user.user_id: user.received for user in found.users}
    assert found.unit == "starts"
    assert started["all-long"] == pytest.approx(started["mostly-short"], abs=2)
