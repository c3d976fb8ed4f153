"""Whole programs, as a user would run them: with nothing set up, and with warnings as errors."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def others() -> list[Path]:
    """Return further programs, of a directory that the environment names."""
    place = os.environ.get("FAIRQUE_PROGRAMS")
    return sorted(Path(place).resolve().glob("*.py")) if place else []


def run(program: Path, place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRQUE_")}
    return subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env=environment | variables,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check(ended: subprocess.CompletedProcess[str]) -> None:
    """See that it ended well; what it logs of tasks that are meant to fail is no complaint."""
    complaints = [line for line in ended.stderr.splitlines() if not line.startswith("task failed")]
    assert (ended.returncode, complaints) == (0, [])


@pytest.mark.parametrize("program", [*EXAMPLES, *others()], ids=lambda path: path.stem)
def test_a_program_runs_with_nothing_set_up(program: Path, tmp_path: Path) -> None:
    ended = run(program, tmp_path)
    check(ended)
    assert ended.stdout.splitlines()[-1] == f"{program.stem}: ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_takes_the_redis_that_is_named_and_not_long(
    program: Path, tmp_path: Path, redis_url: str, prefix: str
) -> None:
    began = time.monotonic()
    ended = run(program, tmp_path, FAIRQUE_REDIS__URL=redis_url, FAIRQUE_QUEUE__PREFIX=prefix)
    check(ended)
    assert time.monotonic() - began < 10  # 5 s on a machine that does nothing else


def test_every_example_is_listed() -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert {"quickstart", "noisy_neighbour"} <= {program.stem for program in EXAMPLES}
    assert [program.name for program in EXAMPLES if f"({program.name})" not in listed] == []
