"""`fairque bench`: the shape of what it says, never how fast the machine is."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from fairque.cli.bench import bench
from fairque.monitoring.bench import Pickup, Plan, Rate, Report, Single
from fairque.monitoring.bench_floor import Floor, percentile
from fairque.monitoring.bench_targets import lines_of

FLOOR = {"set_ops_s", "set_p50_us", "evalsha_ops_s", "pipelined_set_ops_s", "handoff_tasks_s"}
BY_USERS = {"push_single": {"ops_s", "p50_us", "p99_us"}, "push_batch": {"tasks_s"}, "drain": {"tasks_s"}}


def figures(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [figure for one in value.values() for figure in figures(one)]
    return [value]


def test_json_has_all_figures_and_nothing_is_left_in_redis(redis_url: str, redis_client: redis.Redis) -> None:
    ran = CliRunner().invoke(bench, ["--json", "--quick", "--url", redis_url, "--users", "3,20", "--tasks", "1200"])
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.stdout)
    versions = report.pop("versions")
    assert set(versions) == {"python", "fairque", "redis-py", "hiredis", "msgspec", "server", "cores"}
    assert set(report) == {"floor", *BY_USERS, "pickup", "bytes_per_task", "redis_us_per_task"}
    assert set(report["floor"]) == FLOOR
    assert set(report["pickup"]) == {"p50_ms", "p99_ms"}
    for name in (*BY_USERS, "bytes_per_task", "redis_us_per_task"):
        assert set(report[name]) == {"3", "20"}
    for name, fields in BY_USERS.items():
        assert all(set(figure) == fields for figure in report[name].values())
    assert all(math.isfinite(figure) and figure > 0 for figure in figures(report))
    assert list(redis_client.scan_iter(match="*bench-*", count=1000)) == []


def test_the_table_shows_each_figure_beside_its_floor_and_target() -> None:
    ten = {"10": Rate(60_000.0)}
    report = Report(
        floor=Floor(10_000.0, 100.0, 10_000.0, 100_000.0, 1e7),
        push_single={"10": Single(6_500.0, 150.0, 300.0)},
        push_batch=ten,
        drain=ten,
        pickup=Pickup(1.6, 3.0),
        bytes_per_task={"10": 180.0},
        redis_us_per_task={"10": 25.0},
        versions={},
    )
    compared = {line.name: (line.ratio, line.met) for line in lines_of(report) if line.target}
    assert compared == {
        "push, one by one, 10 users": ("0.65", False),
        "push, 1,000 a call, 10 users": ("0.60", True),
        "drain, 8 threads, 10 users": ("0.60", True),
        "pickup, idle worker": ("16.0", False),
        "memory above a 100-byte body, 10 users": ("180", True),
    }


@pytest.mark.parametrize("users", ["0", "ten", "10,", "-5", "1000001"])
def test_numbers_of_users_are_checked(users: str) -> None:
    ran = CliRunner().invoke(bench, ["--users", users])
    assert ran.exit_code == 2
    assert "expected numbers of users" in ran.stderr


def test_the_full_plan_has_what_was_promised() -> None:
    assert Plan().rounds >= 3
    assert Plan().rounds * Plan().pickups >= 200


@pytest.mark.parametrize(("percent", "value"), [(1, 1.0), (50, 2.0), (51, 3.0), (99, 4.0), (100, 4.0)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([4.0, 2.0, 1.0, 3.0], percent) == value
