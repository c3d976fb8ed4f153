"""`make bench`: that every curve is really measured, written and drawn; never how fast the machine is."""

from __future__ import annotations

import importlib
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from fairque.worker import keeper

BENCH = Path(__file__).resolve().parent.parent / "bench"
SVG = "{http://www.w3.org/2000/svg}"
CURVES = ["users", "queued", "threads", "bodies", "processes", "idle", "flood"]


def speed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the bench on a server of its own: it changes settings of the server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRQUE_")}
    command = [sys.executable, "-W", "error", str(BENCH / "speed.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)


class Run:
    """What a run said and wrote."""

    def __init__(self, place: Path, *arguments: str) -> None:
        self.place = place
        ended = speed("--results", str(place), *arguments)
        assert (ended.returncode, ended.stderr) == (0, "")
        self.said = ended.stdout
        self.results = msgspec.json.decode((place / "speed.json").read_bytes())
        self.page = (place / "speed.md").read_text(encoding="utf-8")
        self.curves: dict[str, dict[str, Any]] = {curve["name"]: curve for curve in self.results["curves"]}

    def series(self, curve: str, name: str) -> list[float]:
        """Return the values of a series that was measured everywhere."""
        (found,) = (one for one in self.curves[curve]["series"] if f"{one['name']}, {one['unit']}" == name)
        values: list[float] = found["values"]
        return values


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("quick"), "--quick", "--only", ",".join(CURVES))


def test_every_curve_has_figures_at_growing_points(quick: Run) -> None:
    assert list(quick.curves) == CURVES
    assert quick.results["quick"]
    assert {"python", "server", "cores", "fairque"} <= set(quick.results["versions"])
    for name, curve in quick.curves.items():
        assert all(a < b for a, b in pairwise(curve["x"])), name
        for series in curve["series"]:
            known = [value for value in series["values"] if value is not None]
            assert len(series["values"]) == len(curve["x"])
            assert len(known) >= 2, (name, series["name"])
            assert all(math.isfinite(value) and value >= 0 for value in known)
            assert name == "idle" or all(value > 0 for value in known), (name, series["name"])
        assert name == "idle" or any(fact.startswith("floor:") for fact in curve["facts"]), "a floor of the same run"


def test_figures_go_together(quick: Run) -> None:
    parts = zip(
        quick.series("users", "Redis: push, us a task"),
        quick.series("users", "Redis: claim + finish, us a task"),
        quick.series("users", "Redis: all, us a task"),
        strict=True,
    )
    assert all(math.isclose(push + claim, whole) for push, claim, whole in parts)
    volumes = zip(
        quick.curves["bodies"]["x"],
        quick.series("bodies", "push_batch, tasks/s"),
        quick.series("bodies", "push_batch, MB/s"),
        strict=True,
    )
    assert all(math.isclose(size * rate / 1e6, volume) for size, rate, volume in volumes)
    assert quick.series("idle", "the workers themselves, % of a core")[0] == 0, "there are none"
    assert quick.series("queued", "drain, tasks/s")[0] is None, "too few to tell a rate"


def test_waits_are_percentiles_of_real_tasks_beside_a_real_flood(quick: Run) -> None:
    flood = quick.curves["flood"]
    assert [one["name"] for one in flood["series"]] == ["nobody else", "flood, own worker", "flood, one worker for all"]
    for series in flood["series"]:
        assert all(a <= b for a, b in pairwise(series["values"]))
        assert flood["facts"][f"{series['name']}: tasks of the quiet user"] > 0
    assert sum(name.endswith("tasks/s of the flood") and value > 0 for name, value in flood["facts"].items()) == 2
    assert any("longest script (push)" in name or "longest script (settle)" in name for name in flood["facts"])


def test_tables_pictures_and_verdicts_are_there(quick: Run) -> None:
    for name, curve in quick.curves.items():
        picture = ElementTree.parse(quick.place / f"{name}.svg").getroot()
        texts = {text.text for text in picture.iter(f"{SVG}text")}
        assert {curve["title"], curve["x_name"]} <= texts
        assert {series["name"] for series in curve["series"]} | {series["unit"] for series in curve["series"]} <= texts
        assert len(list(picture.iter(f"{SVG}path"))) == len(curve["series"])
        assert f"## {curve['title']}\n" in quick.page
        assert f"({name}.svg)" in quick.page
        assert curve["title"] in quick.said
        assert curve["name"] == "bodies" or curve["goals"], "each has a goal of its own"
        for goal in curve["goals"]:
            verdict = "met" if goal["met"] else "missed"
            assert f"| {goal['name']} | {goal['measured']} | {goal['target']} | {verdict} |\n" in quick.page + "\n"


def test_tables_and_pictures_are_made_again_from_what_was_written(quick: Run) -> None:
    before = {path.name: path.read_bytes() for path in quick.place.iterdir()}
    again = Run(quick.place, "--again")
    assert {path.name: path.read_bytes() for path in quick.place.iterdir()} == before
    assert again.said == quick.said
    assert len(before) == 2 + len(CURVES)


def test_the_main_figures_are_those_of_the_command(tmp_path: Path) -> None:
    run = Run(tmp_path, "--quick", "--only", "main")
    assert run.results["main"]["push_single"].keys() == {"10", "100"}
    assert "| drain, 8 threads, 100 users |" in run.page
    assert "## Main figures" in run.page
    assert run.curves == {}


def test_an_unknown_curve_is_refused() -> None:
    ended = speed("--only", "users,weather")
    assert ended.returncode == 2
    assert "no such curve: weather" in ended.stderr


def test_the_full_plan_has_what_was_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    plan = importlib.import_module("curves.plan").Plan()
    assert (plan.users[0], plan.users[-1]) == (10, 100_000)
    assert (plan.queued[0], plan.queued[-1]) == (1_000, 1_000_000)
    assert (plan.threads[0], plan.threads[-1]) == (1, 32)
    assert (plan.bodies[0], plan.bodies[-1]) == (10, 100_000)
    assert plan.processes == (1, 2, 4, 8)
    assert plan.idle[-1] == 200
    assert plan.looked % keeper.IDLE_BEAT == 0, "as many heartbeats as in any such time"
    assert plan.flood == 100_000
    assert plan.rounds >= 3
