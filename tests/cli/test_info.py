"""`fairque info` and `fairque-info`: what a queue holds, for people and for machines."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fairque import task
from fairque.config import FairQueueConfig
from fairque.core.options import Priority
from fairque.queue.queue import TaskQueue
from fairque.worker.worker import Worker
from tests.cli.inside import call
from tests.cli.program import FAIRQUE, FAIRQUE_INFO, environ, run, settings

LINE = {
    "user_id",
    "queued",
    "critical",
    "started",
    "deferred",
    "scheduled",
    "failed",
    "weight",
    "served",
    "share",
    "wait_p50_ms",
    "wait_p95_ms",
    "max_concurrency",
    "rate",
    "burst",
    "max_backlog",
    "paused",
    "source",
    "bars",
}
SHARE = {
    *("user_id", "weight", "entitled", "received", "starts", "run_seconds", "waiting", "noisy"),
    *("wait_p50_ms", "wait_p95_ms", "wait_p99_ms"),
}


@task
def nothing() -> None: ...


@task(max_retries=0)
def failing() -> None:
    raise ValueError("on purpose")


@pytest.fixture
def env(redis_url: str, prefix: str) -> dict[str, str]:
    return settings(redis_url, prefix)


@pytest.fixture
def busy(env: dict[str, str]) -> dict[str, str]:
    """A queue that has served two users and has more waiting for one of them, and for a third."""
    config = FairQueueConfig.create_default("w-1", environ=env)
    with TaskQueue(config) as queue:
        queue.push_batch([nothing()] * 6, user_id="acme:1")
        queue.push(nothing(), user_id="[red]markup")
        queue.push(failing(), user_id="[red]markup")
        with Worker(config) as worker:
            worker.drain(20)
        queue.push(nothing().with_(priority=Priority.CRITICAL), user_id="acme:1")
        queue.push(nothing(), user_id="acme:1")
        queue.push(nothing().with_(delay=600), user_id="late")
    return env


def info(env: dict[str, str], *words: str) -> Any:
    return call(env, "info", *words, "--json").json


def test_json_has_totals_users_and_workers(busy: dict[str, str]) -> None:
    found = info(busy)
    assert set(found) == {"queue", "stats", "users", "workers", "schedulers", "schedules"}
    stats = found["stats"]
    assert (stats["queued"], stats["scheduled"], stats["finished_total"], stats["failed"]) == (2, 1, 7, 1)
    assert found["queue"] == stats["queue"] == "default"
    assert all(set(user) == LINE for user in found["users"])
    users = {user["user_id"]: user for user in found["users"]}
    assert list(users) == ["acme:1", "[red]markup", "late"]
    first = users["acme:1"]
    assert (first["queued"], first["critical"], first["served"], first["share"]) == (2, 1, 6, 0.75)
    assert 0 < first["wait_p50_ms"] <= first["wait_p95_ms"]
    assert (users["[red]markup"]["failed"], users["[red]markup"]["served"]) == (1, 2)
    assert (users["late"]["scheduled"], users["late"]["wait_p50_ms"], users["late"]["weight"]) == (1, None, 1)
    assert (found["workers"], found["schedulers"], found["schedules"]) == ([], [], [])


def test_users_have_their_weight_and_what_bars_them(busy: dict[str, str]) -> None:
    with TaskQueue(FairQueueConfig.create_default(environ=busy)) as queue:
        queue.set_user("acme:1", weight=2.5, max_backlog=2)
        queue.pause("late")
        queue.pause(task="m:f")
    users = {user["user_id"]: user for user in info(busy)["users"]}
    assert (users["acme:1"]["weight"], users["acme:1"]["bars"]) == (2.5, ["max_backlog"])
    assert (users["late"]["paused"], users["late"]["bars"]) == (True, ["paused"])
    lines = call(busy, "info").out.splitlines()
    assert "paused, so that nothing starts: task m:f" in lines
    rows = {line.split()[0]: line for line in lines if line}
    assert rows["acme:1"].split()[1] == "2.5"
    assert rows["acme:1"].endswith("  backlog 2/2")
    assert rows["late"].endswith("  paused")


def test_fairness_has_what_each_user_was_due_and_got(busy: dict[str, str]) -> None:
    found = info(busy, "--fairness")
    assert set(found) == {"queue", "cost", "jain", "noisy", "users"}
    assert (found["queue"], found["cost"], found["noisy"]) == ("default", "count", [])
    assert 0.5 < found["jain"] <= 1
    assert all(set(user) == SHARE for user in found["users"])
    users = {user["user_id"]: user for user in found["users"]}
    assert (users["acme:1"]["starts"], users["acme:1"]["received"], users["acme:1"]["waiting"]) == (6, 0.75, 2)
    (only,) = info(busy, "--fairness", "--user", "acme:1")["users"]
    assert only == users["acme:1"]


def test_fairness_for_people(busy: dict[str, str]) -> None:
    ran = call(busy, "info", "--fairness")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("fairness of default at ")
    assert any(line.startswith("Jain index  ") for line in lines)
    assert next(line for line in lines if line.startswith("acme:1")).split()[1:4] == ["1", "75.0%", "75.0%"]
    both = call(busy, "info", "--fairness", "--stats")
    assert both.code == 2
    assert "give one of them" in both.err


def test_json_has_the_workers_that_are_up(env: dict[str, str]) -> None:
    config = FairQueueConfig.create_default("w-1", ["a"], ["*"], environ=env)
    with Worker(config):
        (worker,) = info(env)["workers"]
    assert worker["id"] == "w-1"
    assert worker["pid"] == os.getpid()
    assert (worker["running"], worker["slots"]) == (0, 10)
    assert abs(worker["last_seen"] - time.time()) < 5


def test_stats_and_user_narrow_it(busy: dict[str, str]) -> None:
    assert set(info(busy, "--stats")) == {"queue", "stats"}
    (only,) = info(busy, "--user", "late")["users"]
    assert (only["user_id"], only["scheduled"], only["share"]) == ("late", 1, 0)
    (unknown,) = info(busy, "--user", "nobody")["users"]
    assert (unknown["user_id"], unknown["queued"], unknown["served"]) == ("nobody", 0, 0)


def test_both_programs_say_the_same(busy: dict[str, str]) -> None:
    both = [run("info", "--json", env=busy), run("--json", env=busy, program=FAIRQUE_INFO)]
    assert [(ran.returncode, ran.stderr) for ran in both] == [(0, "")] * 2
    assert [json.loads(ran.stdout) for ran in both] == [info(busy)] * 2


def test_a_pipe_gets_plain_aligned_text(busy: dict[str, str]) -> None:
    ran = run("info", env=busy | {"COLUMNS": "30"})
    assert ran.returncode == 0
    assert "\x1b" not in ran.stdout
    lines = ran.stdout.splitlines()
    assert all(line == line.rstrip() for line in lines)
    head = next(line for line in lines if line.startswith("user "))
    row = next(line for line in lines if line.startswith("acme:1"))
    assert row[: head.index("waiting") + len("waiting")].endswith(" 2")
    assert "75.0%" in row
    assert any(line.startswith("[red]markup") for line in lines)
    assert "no worker is up" in lines


def test_an_empty_queue_is_said_to_be_empty(env: dict[str, str]) -> None:
    ran = call(env, "info")
    assert ran.code == 0
    assert "no user has a task waiting, running or failed" in ran.out


def test_a_terminal_gets_colours_and_watch_looks_again_until_it_is_interrupted(busy: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [*FAIRQUE, "info", "--watch"]
    env = environ(busy | {"TERM": "xterm-256color"})
    with subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while seen.count(b"acme:1") < 2:
            seen += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    os.close(ours)
    assert b"\x1b[1m" in seen
    assert b"Traceback" not in seen


def test_watch_with_json_is_a_line_each_time(busy: dict[str, str], tmp_path: Path) -> None:
    command = [*FAIRQUE_INFO, "--watch", "--json", "--fairness"]
    with subprocess.Popen(command, env=environ(busy), cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert looks[0] == looks[1]
