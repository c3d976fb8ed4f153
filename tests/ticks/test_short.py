"""The short form of `make ticks`; and a product that is broken in one place is found out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RUNS = {
    "sound": ["--ticks", "10000"],
    **{
        name: ["--ticks", "4000", "--mutant", name]
        for name in ("everybody_leads", "nobody_compares", "some_are_dropped")
    },
}

Play = subprocess.Popen[str]


@pytest.fixture(scope="module")
def plays() -> Iterator[dict[str, Play]]:
    """Give runs that go on beside each other, in processes of their own, for they fork."""
    words = [sys.executable, "-m", "tests.ticks", "--seed", "7"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    begun = {name: Play([*words, *options], cwd=ROOT, text=True, **streams) for name, options in RUNS.items()}
    yield begun
    for play in begun.values():
        play.communicate()


def test_each_fire_is_pushed_once_whoever_is_killed_or_stopped_i18(plays: dict[str, Play]) -> None:
    told, _ = plays["sound"].communicate()
    assert plays["sound"].returncode == 0, told


def test_the_lock_only_saves_work_i18(plays: dict[str, Play]) -> None:
    told, _ = plays["everybody_leads"].communicate()
    assert plays["everybody_leads"].returncode == 0, told


@pytest.mark.parametrize(("mutant", "kind"), [("nobody_compares", "double: "), ("some_are_dropped", "missed: ")])
def test_a_broken_scheduler_is_found_out(plays: dict[str, Play], mutant: str, kind: str) -> None:
    told, _ = plays[mutant].communicate()
    assert plays[mutant].returncode == 1, told
    assert f"\n{kind}" in told
