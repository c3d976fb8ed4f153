"""Measuring speed beside other queues: what is measured is there, and who cannot take part stops nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

Module = Callable[[str], Any]

TINY = {"pushes": 20, "bulk": 1_100, "share": 0.004, "pickups": 5, "rounds": 1}


def test_one_contestant_is_measured_in_every_figure(module: Module, tmp_path: Path) -> None:
    output = tmp_path / "peers.json"
    ran = CliRunner().invoke(module("speed").main, ["--only", "fairque", "--quick", "--json", "--output", str(output)])
    assert ran.exit_code == 0, ran.output
    document = json.loads(ran.stdout)
    assert document == json.loads(output.read_text(encoding="utf-8"))
    (entry,) = document["entries"]
    assert (entry["name"], list(entry["versions"])) == ("fairque", ["fairque", "redis", "hiredis"])
    assert all(figure > 0 for figure in entry["median"].values()), entry["median"]
    assert entry["median"]["task_reads"] < 1 < entry["median"]["task_commands"]  # a batch in each round trip
    assert {"date", "python", "cores", "server", "plan"} < set(document)


def test_who_cannot_take_part_is_named_with_the_reason_and_the_others_go_on(
    module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    speed, home = module("speed"), module("home")
    fairque = module("contestants").CONTESTANTS[0]
    nowhere, broken = replace(fairque, name="nowhere", pins=("nowhere==1",)), replace(fairque, name="no-such-adapter")

    def python_of(contestant: Any) -> Path:
        if contestant.name == "nowhere":
            raise home.NotInstalled("not installed: no matching distribution")
        found: Path = home.python_of(contestant)
        return found

    monkeypatch.setattr(speed, "python_of", python_of)
    console = Console(quiet=True)
    entries = speed.measured([nowhere, broken, fairque], speed.Plan(**TINY), console)
    assert [len(entry.runs) for entry in entries] == [0, 0, 1]
    assert entries[0].error == "not installed: no matching distribution"
    assert "No module named 'no_such_adapter_'" in entries[1].error
    assert entries[2].error == ""

    document = module("report").document_of(entries, plan=TINY)
    table = module("speed_table").as_markdown(document)
    assert "could not take part: the push failed: ModuleNotFoundError" in table
    with pytest.raises(SystemExit) as ended:
        module("program").finish(entries, document, table, tmp_path / "peers.json", console)
    assert ended.value.code == 1


def test_only_known_names_are_taken(module: Module) -> None:
    ran = CliRunner().invoke(module("speed").main, ["--only", "fairque,gearman"])
    assert ran.exit_code == 2
    assert "no such contestant: gearman" in ran.stderr


def test_a_part_does_not_pass_for_the_whole(module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    speed = module("speed")
    monkeypatch.setattr(speed, "RESULTS", tmp_path)
    monkeypatch.setattr(speed, "measured", lambda *_: [])
    for options, name in ((["--only", "rq"], "peers-part"), (["--quick"], "peers-part"), ([], "peers")):
        ran = CliRunner().invoke(speed.main, options)
        assert ran.exit_code == 0, ran.output
        assert [path.stem for path in tmp_path.iterdir()] == [name]
        (tmp_path / f"{name}.json").unlink()
