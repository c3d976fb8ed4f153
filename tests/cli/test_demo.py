"""`fairque demo`, the real one with fewer files: what it says, what it draws, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import redis

from fairque.monitoring.demo_config import shipped_config
from tests.cli.program import FAIRQUE, environ, is_alive, run
from tests.waiting import wait_until

TEAMS = ["team-platform", "team-search", "team-billing", "team-support"]


def keys_of(client: redis.Redis, pid: int) -> list[bytes]:
    return list(client.scan_iter(match=f"*fq-demo-{pid}-*"))


def test_it_serves_every_team_on_a_server_of_its_own_and_draws(tmp_path: Path) -> None:
    ran = run("demo", "--files", "60", "--json", "--output", str(tmp_path / "new"), cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    report = json.loads(ran.stdout)
    assert [team["user_id"] for team in report["teams"]] == TEAMS
    assert [team["finished"] for team in report["teams"]] == [60, 14, 12, 10]
    assert all(0 < team["wait_p50_ms"] <= team["wait_p95_ms"] for team in report["teams"])
    assert sum(worker["tasks"] for worker in report["workers"]) == report["tasks"] == 96
    assert not any(is_alive(worker["pid"]) for worker in report["workers"])
    assert report["longest_functions"][0]["amount"] >= report["longest_functions"][-1]["amount"] > 0
    assert "First come, first served" in report["fairness"]
    drawing = ElementTree.parse(tmp_path / "new" / "fairness.svg").getroot()
    said = " ".join(drawing.itertext())
    assert all(team in said for team in TEAMS)


def test_a_pipe_gets_lines_and_a_named_redis_keeps_nothing(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    env = environ({"FAIRQUE_REDIS__URL": redis_url, "FAIRQUE_WORKER__ID": "not-for-the-demo"})
    command = [*FAIRQUE, "demo", "--files", "40"]
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert re.fullmatch(r" +0\.\d s +workers are up: demo-1 \(pid \d+\), demo-2 \(pid \d+\)\n", first)
        assert keys_of(redis_client, process.pid)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "\x1b" not in said
    assert "team-support submits 10 tasks: 10 files of the package click" in said
    assert f"picture: {tmp_path / 'fairness.svg'}" in said
    assert keys_of(redis_client, process.pid) == []


@contextmanager
def under_way(tmp_path: Path, env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Give a demo that is running, and the process ids of its workers."""
    with subprocess.Popen(
        [*FAIRQUE, "demo"],
        env=environ(env),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            pids = [int(pid) for pid in re.findall(r"pid (\d+)", process.stdout.readline())]
            assert len(pids) == 2
            assert all(is_alive(pid) for pid in pids)
            yield process, pids
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_stops_its_workers_and_leaves_no_keys(
    number: signal.Signals, tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    with under_way(tmp_path, {"FAIRQUE_REDIS__URL": redis_url}) as (process, pids):
        process.send_signal(number)
        _, complaint = process.communicate(timeout=20)
        assert process.returncode == 1
        assert complaint == "fairque: stopped; the workers have ended and nothing is left in Redis\n"
        assert not any(is_alive(pid) for pid in pids)
        assert keys_of(redis_client, process.pid) == []


if sys.platform == "linux":  # elsewhere the death of a parent gives no signal

    def test_a_demo_that_is_killed_takes_its_workers_along(tmp_path: Path) -> None:
        with under_way(tmp_path, {}) as (process, pids):
            process.kill()
            wait_until(lambda: not any(is_alive(pid) for pid in pids), description="the workers are gone", timeout=20)


def demo_with(tmp_path: Path, old: str, new: str, **env: str) -> Any:
    text = shipped_config().read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "demo.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return run("demo", "--config", "demo.yaml", "--files", "20", env=env, cwd=tmp_path)


def test_a_worker_that_dies_at_its_start_is_told_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text("raise OSError('no disk today')\n", encoding="utf-8")
    ran = demo_with(tmp_path, "tasks: [", "tasks: [dying, ")
    assert ran.returncode == 1
    assert "ended with exit code 1. Log of demo-" in ran.stderr
    assert "OSError: no disk today" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("fairque.monitoring.demo_tasks", "json", "demo.yaml: tasks: must list fairque.monitoring.demo_tasks"),
        ("team-billing", "team-other", "demo.yaml: workers: none of them serves team-billing"),
    ],
)
def test_a_file_that_would_leave_it_hanging_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    ran = demo_with(tmp_path, old, new)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [what]


def test_a_place_for_the_picture_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = run("demo", "--output", str(tmp_path / "file" / "below"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Not a directory" in ran.stderr


def test_the_package_carries_its_configuration() -> None:
    assert shipped_config().name == "demo.yaml"
    assert os.access(shipped_config(), os.R_OK)
