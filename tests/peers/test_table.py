"""The table of speeds: what stands in it, and that the README's is the one that was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

Module = Callable[[str], Any]

FIGURES = {
    "set_s": 10_000.0,
    "set_p50_us": 100.0,
    "evalsha_s": 10_000.0,
    "pipelined_set_s": 100_000.0,
    "push_s": 8_000.0,
    "push_p50_us": 120.0,
    "push_p99_us": 240.0,
    "push_ratio": 0.8,
    "bulk_s": 90_000.0,
    "bulk_ratio": 0.9,
    "drain_s": 40_000.0,
    "drain_ratio": 0.4,
    "pickup_p50_ms": 0.61,
    "pickup_p99_ms": 1.25,
    "pickup_ratio": 6.1,
    "task_bytes": 160.0,
    "task_commands": 4.7,
    "task_reads": 0.01,
}


def entry(title: str, **others: Any) -> dict[str, Any]:
    about = {"name": title.lower(), "title": title, "worker": "8 threads", "crash": "run again", "note": ""}
    promises = {"acknowledged": "at its end", "results": "a day", "fairness": "first come, first served"}
    return about | promises | {"versions": {title.lower(): "1.2", "redis": "8.1.0"}} | others


def document(*entries: dict[str, Any]) -> dict[str, Any]:
    about = {"date": "2026-11-22T10:00:00+00:00", "python": "3.11.7", "cores": 2, "plan": {"rounds": 3}}
    return about | {"server": "Redis server v=7.0.15 sha=0:0 bits=64", "entries": list(entries)}


QUICK = entry("Quick", median=FIGURES)
SLOW = entry(
    "Slow",
    crash="lost",
    median=FIGURES | {"push_s": 9_000.0, "bulk_s": None, "bulk_ratio": None, "drain_s": 300.0, "drain_ratio": 0.003},
)
ABSENT = entry("Absent", error="not installed: no network")


def test_the_best_of_each_column_is_marked_and_each_stands_beside_its_floor_and_promise(module: Module) -> None:
    lines = module("speed_table").as_markdown(document(QUICK, SLOW, ABSENT)).splitlines()
    assert [line.split(" | ")[:4] for line in lines[2:5]] == [
        ["| Quick 1.2, 8 threads", "8,000/s (0.80)", "**90,000/s (0.90)**", "**40,000/s (0.400)**"],
        ["| Slow 1.2, 8 threads", "**9,000/s (0.80)**", "–", "300/s (0.003)"],
        ["| Absent 1.2, 8 threads", "–", "–", "–"],
    ]
    assert [line.split(" | ")[-1] for line in lines[:1] + lines[2:5]] == [
        "a crashed worker's tasks |",
        "run again |",
        "lost |",
        "could not take part: not installed: no network |",
    ]
    assert len({line.count("|") for line in lines[:5]}) == 1
    legend = " ".join(lines[6:])
    assert "Medians of 3" in legend
    assert "Redis 7.0.15, Python 3.11.7, 2 cores, 2026-11-22" in legend
    assert "EVALSHA of `return 1` (10,000/s in the median)" in legend
    assert max(len(line) for line in lines[6:]) <= 120


def test_the_terminal_shows_what_each_promises_and_why_somebody_is_missing(module: Module) -> None:
    console = Console(width=300, file=StringIO())
    with console.capture() as captured:
        console.print(module("speed_table").as_table(document(QUICK, SLOW, ABSENT)))
    shown = captured.get()
    assert "slow: acknowledged at its end; a crashed worker's tasks: lost; results kept a day" in shown
    assert "absent could not take part: not installed: no network" in shown


def test_nobody_took_part(module: Module) -> None:
    table = module("speed_table").as_markdown(document(ABSENT))
    assert "| Absent 1.2, 8 threads | – | – |" in table
    assert "EVALSHA" not in table


def test_the_table_stands_between_its_marks_and_nothing_else_changes(module: Module) -> None:
    written = module("readme").written
    once = written("before\n<!-- peers -->\nold\n<!-- /peers -->\nafter\n", "peers", "| new |\n")
    assert once == "before\n<!-- peers -->\n\n| new |\n\n<!-- /peers -->\nafter\n"
    assert written(once, "peers", "| new |\n") == once
    for without in ("", "<!-- peers -->\n", "<!-- /peers -->\n<!-- peers -->\n"):
        with pytest.raises(ValueError, match="marks"):
            written(without, "peers", "| new |\n")


def test_the_readme_says_what_was_measured(module: Module) -> None:
    ran = CliRunner().invoke(module("readme").main, ["--check"])
    assert ran.exit_code == 0, ran.output


def test_a_readme_that_says_anything_else_is_found(
    module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    readme = module("readme")
    other = tmp_path / "README.md"
    other.write_text(readme.README.read_text(encoding="utf-8").replace("B |", "b |"), encoding="utf-8")
    monkeypatch.setattr(readme, "README", other)
    ran = CliRunner().invoke(readme.main, ["--check"])
    assert ran.exit_code == 1
    assert "run python bench/peers/readme.py" in ran.stderr
    assert CliRunner().invoke(readme.main, []).exit_code == 0
    assert CliRunner().invoke(readme.main, ["--check"]).exit_code == 0


def test_everybody_was_measured_with_the_versions_that_are_pinned(module: Module) -> None:
    measured = json.loads(module("readme").PEERS.read_text(encoding="utf-8"))["entries"]
    contestants = module("contestants").CONTESTANTS
    assert [entry["name"] for entry in measured] == [one.name for one in contestants]
    pinned = [one for one in contestants if one.pins]
    versions = {entry["name"]: entry["versions"] for entry in measured}
    assert {one.name: module("home").versions_of(one) for one in pinned} == {
        one.name: versions[one.name] for one in pinned
    }
    assert [entry["name"] for entry in measured if "error" in entry] == []
