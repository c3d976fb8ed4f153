"""`fairque bench`: the shape of what it says, never how fast the machine is."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any

import pytest
import redis
from click.testing import CliRunner
from rich.console import Console

from fairque.cli.bench import bench
from fairque.monitoring.bench import Pickup, Plan, Rate, Report, Single
from fairque.monitoring.bench_floor import Floor, percentile
from fairque.monitoring.bench_program import sets_a_second
from fairque.monitoring.bench_targets import lines_of, page_of

FLOOR = {
    "set_ops_s",
    "set_p50_us",
    "evalsha_ops_s",
    "evalsha_p50_us",
    "evalsha_p99_us",
    "pipelined_set_ops_s",
    "handoff_tasks_s",
}
PROGRAM = {"benchmark_set_ops_s", "benchmark_pipelined_set_ops_s"}
BY_USERS = {"push_single": {"ops_s", "p50_us", "p99_us"}, "push_batch": {"tasks_s"}, "drain": {"tasks_s"}}
EACH = ("bytes_per_task", "redis_us_per_task", "client_us_per_task")


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
    assert set(report) == {"floor", *BY_USERS, "pickup", *EACH}
    assert set(report["floor"]) - PROGRAM == FLOOR
    assert set(report["pickup"]) == {"p50_ms", "p99_ms"}
    for name in (*BY_USERS, *EACH):
        assert set(report[name]) == {"3", "20"}
    for name, fields in BY_USERS.items():
        assert all(set(figure) == fields for figure in report[name].values())
    assert all(math.isfinite(figure) and figure > 0 for figure in figures(report))
    assert list(redis_client.scan_iter(match="*bench-*", count=1000)) == []


def report_of(floor: Floor) -> Report:
    both = {"100": Rate(60_000.0), "7": Rate(20_000.0)}
    return Report(
        floor=floor,
        push_single={"100": Single(6_500.0, 150.0, 300.0)},
        push_batch={"100": Rate(90_000.0)},
        drain=both,
        pickup=Pickup(0.8, 2.0),
        bytes_per_task={"100": 180.0},
        redis_us_per_task={"100": 25.1},
        client_us_per_task={"100": 14.9},
        versions={"server": "redis 7.0.15"},
    )


FLOORS = Floor(10_000.0, 100.0, 10_000.0, 90.0, 140.0, 100_000.0, 1e7)


def test_the_table_shows_each_figure_beside_its_floor_and_target() -> None:
    compared = {line.name: (line.ratio, line.verdict) for line in lines_of(report_of(FLOORS)) if line.ratio}
    assert compared == {
        "push, one by one, 100 users": ("0.65", "missed"),
        "push, one by one: p99, 100 users": ("2.1", "missed"),
        "push, 1,000 a call, 100 users": ("0.90", "met"),
        "drain, 8 threads, 100 users": ("0.60", "met"),
        "drain, 8 threads, 7 users": ("0.20", ""),
        "pickup, idle worker: p50": ("8.0", "missed"),
        "pickup, idle worker: p99": ("2.5", "met"),
        "memory above a 100-byte body, 100 users": ("180", "met"),
        "server CPU: push, claim, finish, 100 users": ("25.1", "missed"),
        "worker CPU: drain, 100 users": ("14.9", "met"),
    }


def test_what_was_missed_is_said_without_colours_too() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(page_of(report_of(FLOORS), pretty=False))
    lines = {line.split("  ")[0]: line.rstrip() for line in captured.get().splitlines()}
    assert lines["push, one by one, 100 users"].endswith("0.65   at least 0.85 of EVALSHA        missed")
    assert lines["floor: redis-benchmark, SET"].endswith("needs a password or TLS")
    assert "redis 7.0.15" in captured.get()


def test_the_servers_own_program_is_a_floor_too(redis_client: redis.Redis, prefix: str) -> None:
    plain = sets_a_second(redis_client, f"{prefix}:floor", b"v" * 100, 1_000)
    assert (plain is not None) == any(map(shutil.which, ("redis-benchmark", "valkey-benchmark")))
    assert redis_client.get(f"{prefix}:floor") == (None if plain is None else b"v" * 100)
    assert sets_a_second(redis_client, f"{prefix}:floor", b"v", 1_000, pipeline=100) != 0


def test_the_servers_own_program_is_given_no_password_and_may_fail() -> None:
    with redis.Redis(password="secret") as locked, redis.Redis(unix_socket_path="/nowhere") as lost:
        assert sets_a_second(locked, "key", b"v", 1) is None
        assert sets_a_second(lost, "key", b"v", 1) is None


@pytest.mark.parametrize("users", ["0", "ten", "10,", "-5", "1000001"])
def test_numbers_of_users_are_checked(users: str) -> None:
    ran = CliRunner().invoke(bench, ["--users", users])
    assert ran.exit_code == 2
    assert "expected numbers of users" in ran.stderr


def test_the_full_plan_has_what_was_promised() -> None:
    assert Plan().rounds >= 3
    assert 100 in Plan().users, "the goals speak of so many"
    assert Plan().rounds * Plan().pickups >= 200


@pytest.mark.parametrize(("percent", "value"), [(1, 1.0), (50, 2.0), (51, 3.0), (99, 4.0), (100, 4.0)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([4.0, 2.0, 1.0, 3.0], percent) == value
