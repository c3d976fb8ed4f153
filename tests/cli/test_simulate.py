"""`fairque simulate`, as people run it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import redis

from fairque.monitoring.trace import shipped_traces
from tests.cli.program import FAIRQUE, environ, run
from tests.waiting import wait_until

TRACE = """
title: Two users
workers: [{id: w, slots: 2}]
users: {b: {weight: 3}}
arrivals:
  - {user: a, count: 200}
  - {user: b, count: 200}
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(TRACE, encoding="utf-8")
    return path


def simulate(*words: str | Path, url: str) -> subprocess.CompletedProcess[str]:
    return run("simulate", *map(str, words), "--url", url)


def runs(ran: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    found: list[dict[str, Any]] = json.loads(ran.stdout)["runs"]
    return found


def test_machines_get_one_line_of_json(trace: Path, redis_url: str) -> None:
    (found,) = runs(simulate(trace, "--set", "until=80", "--json", url=redis_url))[1:]
    shares = {user["user_id"]: (user["share"], user["entitled_share"]) for user in found["users"]}
    assert shares["a"] == pytest.approx((0.25, 0.25), rel=0.03)
    assert shares["b"] == pytest.approx((0.75, 0.75), rel=0.01)
    assert found["changes"] == ["until=80"]
    assert found["idle_slot_seconds"] == 0


def test_a_pipe_gets_an_aligned_table_and_a_picture_is_drawn(trace: Path, redis_url: str) -> None:
    picture = trace.with_suffix(".svg")
    ran = simulate(trace, "--picture", picture, url=redis_url)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0] == "Two users"
    assert re.fullmatch(r"b +3 +200 +0 +\d+ .*", lines[4])
    assert "\x1b" not in ran.stdout
    assert lines[-1] == f"picture: {picture}"
    assert "Two users" in "".join(ElementTree.parse(picture).getroot().itertext())


def test_what_if_runs_both_and_shows_them_side_by_side(trace: Path, redis_url: str) -> None:
    words = ("--set", "users.b.weight=1", "--set", "until=50", "--workers", "2")
    as_it_is, changed = runs(simulate(trace, *words, "--json", url=redis_url))
    assert (as_it_is["changes"], as_it_is["slots"]) == ([], 2)
    assert changed["changes"] == ["users.b.weight=1", "until=50", "workers[0].count=2"]
    assert changed["slots"] == 4
    said = simulate(trace, *words, url=redis_url).stdout
    assert "as it is → with users.b.weight=1, until=50, workers[0].count=2" in said
    assert re.search(r"^b +3 → 1 +\d+\.\d\d% → 50\.00% +\d+\.\d\d% → 50\.00% ", said, re.MULTILINE)


def test_a_shipped_trace_is_found_by_its_name_on_a_server_of_its_own(tmp_path: Path) -> None:
    (found,) = runs(run("simulate", "crossed-lists", "--json", cwd=tmp_path))
    assert [user["user_id"] for user in found["users"]] == ["flood", "oslo", "rome", "cairo"]


def test_the_help_names_every_shipped_trace() -> None:
    said = " ".join(run("simulate", "--help").stdout.split())
    assert [name for name in shipped_traces() if name not in said] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "users.b.wieght=3"], "{path}, changed: users['b'].wieght: unknown key; did you mean weight?"),
        (["--set", "seed"], "--set seed: expected PATH=VALUE, such as users.heavy.weight=3 or workers[0].slots=20"),
        (["--set", "cost=tme"], "{path}, changed: cost: must be one of count, declared, time, not the text 'tme'"),
    ],
)
def test_a_wrong_change_is_told_and_nothing_is_run(trace: Path, words: list[str], told: str) -> None:
    ran = run("simulate", str(trace), *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [told.format(path=trace)]


def test_all_that_is_wrong_with_a_file_is_told(trace: Path) -> None:
    trace.write_text(TRACE.replace("weight", "wait").replace("slots: 2", "slots: two"), encoding="utf-8")
    ran = run("simulate", str(trace))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [
        f"{trace}: workers[0].slots: must be a whole number from 1 to 1000, not the text 'two'",
        f"{trace}: users['b'].wait: unknown key; did you mean weight?",
    ]


def test_a_name_that_nobody_knows_and_a_place_for_no_picture_are_refused(trace: Path) -> None:
    ran = run("simulate", "bursti")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "did you mean bursty?" in ran.stderr
    ran = run("simulate", str(trace), "--picture", str(trace / "below.svg"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "cannot be written" in ran.stderr


def test_a_redis_out_of_reach_is_told(trace: Path) -> None:
    ran = simulate(trace, url="redis://localhost:1/0")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.startswith("fairque: redis://localhost:1/0: ")


def test_whoever_stops_it_leaves_no_keys(redis_url: str, redis_client: redis.Redis) -> None:
    command = [*FAIRQUE, "simulate", "noisy-neighbour", "--url", redis_url]
    with subprocess.Popen(command, env=environ(), stderr=subprocess.PIPE, text=True) as process:
        pattern = f"*fq-simulate-{process.pid}-*"
        try:
            wait_until(lambda: list(redis_client.scan_iter(match=pattern)), description="it is under way", timeout=20)
            process.send_signal(signal.SIGINT)
            _, complaint = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 1
    assert complaint == "fairque: stopped; nothing is left in Redis\n"
    assert list(redis_client.scan_iter(match=pattern)) == []


def test_the_package_carries_the_traces() -> None:
    assert all(os.access(path, os.R_OK) for path in shipped_traces().values())
