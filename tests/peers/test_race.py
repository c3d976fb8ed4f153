"""The race for fairness: how long ten tasks of one user wait behind another's five thousand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

Module = Callable[[str], Any]


def test_tasks_are_counted_up_to_the_last_quiet_one_by_their_own_stamps(module: Module) -> None:
    race = module("race")
    noisy = [10.0 + n if n < 30 else 0.0 for n in range(race.NOISY)]
    run = race._run([*noisy, *(10.5 + n for n in range(race.QUIET))])
    assert (run.starts, run.seconds) == (20, 9.5)


def test_the_quiet_user_gets_an_even_share(module: Module, tmp_path: Path) -> None:
    output = tmp_path / "race.json"
    arguments = ["--only", "fairque", "--repeats", "1", "--json", "--output", str(output)]
    ran = CliRunner().invoke(module("race").main, arguments)
    assert ran.exit_code == 0, ran.output
    (entry,) = json.loads(output.read_text(encoding="utf-8"))["entries"]
    assert 20 <= entry["median"]["starts"] < 100  # of 5,010; threads that started together are in no order
