"""The short form of `make ticks`; and a product that is broken in one place is found out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MUTANTS = ("everybody_leads", "nobody_compares", "some_are_dropped")
RUNS = {"sound": ["--ticks", "10000"]} | {name: ["--ticks", "4000", "--mutant", name] for name in MUTANTS}


class Play:
    """A run in a process of its own, for it forks."""

    def __init__(self, options: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ticks", "--seed", "7", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Wait for it; return its exit code and what it told."""
        told, _ = self.process.communicate()
        return self.process.returncode, told


@pytest.fixture(scope="module")
def plays() -> Iterator[dict[str, Play]]:
    """Give runs that go on beside each other."""
    begun = {name: Play(options) for name, options in RUNS.items()}
    yield begun
    for play in begun.values():
        with play.process as left:
            left.wait()


def test_each_fire_is_pushed_once_whoever_is_killed_or_stopped_i18(plays: dict[str, Play]) -> None:
    code, told = plays["sound"].end()
    assert code == 0, told


def test_the_lock_only_saves_work_i18(plays: dict[str, Play]) -> None:
    code, told = plays["everybody_leads"].end()
    assert code == 0, told


@pytest.mark.parametrize(("mutant", "kind"), [("nobody_compares", "double: "), ("some_are_dropped", "missed: ")])
def test_a_broken_scheduler_is_found_out(plays: dict[str, Play], mutant: str, kind: str) -> None:
    code, told = plays[mutant].end()
    assert code == 1, told
    assert f"\n{kind}" in told
