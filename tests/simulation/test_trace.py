"""A trace as a file: every fault is told, with its path; and those that come with fairque are found and sound."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fairque.config import read_document
from fairque.core.yaml_text import read_yaml
from fairque.errors import ConfigError
from fairque.monitoring.trace import Trace, find_trace, shipped_traces, trace_of
from tests.simulation.traces import make

ONE = {"user": "a", "count": 1}


def faults(document: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        trace_of(document, "f")
    return [problem.removeprefix("f: ") for problem in caught.value.problems]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    document = {
        "cots": "time",
        "until": 0,
        "workers": [{"id": "w", "slots": 0}, {"id": "w", "asigned_users": ["a"]}],
        "users": {"a": {"wieght": 2}, "b": {"rate": "fast"}},
        "arrivals": [{"user": "a", "duration": {"kind": "unifrom"}}, {"every": 1}],
    }
    assert faults(document) == [
        "until: must be a number from 0.001 to 31536000, not 0",
        "workers[0].slots: must be a whole number from 1 to 1000, not 0",
        "workers[1].asigned_users: unknown key; did you mean assigned_users?",
        "users['a'].wieght: unknown key; did you mean weight?",
        "users['b'].rate: must be a number over s, m, h or d, such as 100/s or 10/m, not the text 'fast'",
        "arrivals[0].duration.kind: must be one of constant, uniform, exponential, lognormal, choice, "
        "not the text 'unifrom'; did you mean uniform?",
        "arrivals[1].user: is missing",
        "cots: unknown key; did you mean cost?",
    ]


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        ({"user": "*"}, "user: '*' means everyone: name one user"),
        ({"user": ""}, "user: is empty"),
        ({"user": "a", "every": 1, "per_second": 2, "count": 3}, "every: cannot stand beside per_second: give one"),
        ({"user": "a", "until": 3}, "every: must be given, or per_second, where there is `until`"),
        ({"user": "a", "every": 1, "until": 3, "at": 3}, "until: must be after at, 3, not 3"),
        ({"user": "a", "per_second": 1}, "would never end: give it a count or until, or the trace an until"),
        ({"user": "a", "priority": 7}, "priority: must be a whole number from 1 to 6, not 7"),
        ({"user": "a", "task": "two words"}, "task: must be the name of a task, such as export"),
        ({"user": "a", "duration": 0}, "duration: must be a number from 0.001 to 86400, not 0"),
        ({"user": "a", "duration": "long"}, "duration: must be a number from 0.001 to 86400, not the text 'long'; or"),
        ({"user": "a", "duration": {"mean": 1}}, "duration.kind: is missing"),
        ({"user": "a", "duration": {"kind": "exponential", "maen": 1}}, "duration.mean: is missing"),
        ({"user": "a", "duration": {"kind": "uniform", "low": 2, "high": 1}}, "duration.low: is above high: 2 and 1"),
        ({"user": "a", "duration": {"kind": "choice", "of": []}}, "duration.of: is empty"),
        ({"user": "a", "duration": {"kind": "choice", "of": [1, 2], "odds": [1]}}, "duration.odds: must be 2 numbers"),
    ],
)
def test_a_stream_that_is_wrong_is_told_with_its_path(stream: dict[str, Any], fault: str) -> None:
    told = faults({"workers": [{"id": "w"}], "arrivals": [stream]})
    assert any(line.startswith((f"arrivals[0].{fault}", f"arrivals[0]: {fault}")) for line in told), told


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (None, "workers: is missing"),
        ([], "must be a mapping, not a list"),
        ({"workers": [], "arrivals": [ONE]}, "workers: is empty: nobody would run anything"),
        ({"workers": [{"id": "w"}], "arrivals": []}, "arrivals: is empty: nobody would submit anything"),
        (
            {"workers": [{"id": "w", "assigned_users": ["b"]}], "arrivals": [ONE]},
            "arrivals[0].user: no worker serves a",
        ),
        ({"workers": [{"id": "w", "steal_targets": ["b"]}], "arrivals": [ONE]}, "workers[0].steal_targets: overlaps"),
        (
            {"workers": [{"id": "w", "count": 2}, {"id": "w-2"}], "arrivals": [ONE]},
            "workers[1].id: is already the id of workers[0]: w-2",
        ),
        ({"workers": [{"id": "w"}], "users": {"": {}}, "arrivals": [ONE]}, "users['']: is empty"),
        ({"workers": [{"id": "w"}], "title": "x" * 73, "arrivals": [ONE]}, "title: must be text of at most 72"),
    ],
)
def test_a_trace_that_is_wrong_is_told_with_its_path(document: Any, fault: str) -> None:
    told = faults(document)
    assert any(line.startswith(fault) for line in told), told


def test_what_is_not_said_has_a_default() -> None:
    trace = make(ONE)
    assert (trace.cost, trace.seed, trace.until, trace.aging_seconds) == ("count", 1, None, 60.0)
    assert (trace.workers[0].assigned_users, trace.workers[0].serves_all) == (("*",), True)
    assert trace.settings_of("a").weight == 1


def test_settings_of_all_others_stand_under_the_star() -> None:
    trace = make(ONE, {"user": "b"}, users={"*": {"weight": 3}, "b": {"rate": "1/s"}})
    assert [trace.settings_of(user).weight for user in trace.user_ids] == [3, 1]


def test_copies_of_a_worker_are_numbered() -> None:
    trace = make(ONE, slots=4, count=3)
    assert trace.workers[0].ids == ("w-1", "w-2", "w-3")
    assert trace.slots == 12


# --- files ----------------------------------------------------------------------------------------------------------


def test_every_shipped_trace_is_sound_and_says_what_it_is() -> None:
    traces = {name: trace_of(read_document(path), name) for name, path in shipped_traces().items()}
    assert {"noisy-neighbour", "bursty", "long-and-short"} <= set(traces)
    assert all(isinstance(trace, Trace) and trace.title for trace in traces.values())


def test_a_trace_is_found_by_its_path_or_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_trace("bursty") == shipped_traces()["bursty"]
    assert find_trace("other.yaml") == Path("other.yaml")
    Path("bursty").touch()
    assert find_trace("bursty") == Path("bursty")
    with pytest.raises(ConfigError, match=r"burst: no such file, .* did you mean bursty"):
        find_trace("burst")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "no such file"),
        (b"\xff", "is not text in UTF-8"),
        (b"seed: 1\nseed: 2\n", "line 2, column 1: the key 'seed' stands on line 1 already"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "t.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    assert str(caught.value) == f"{path}: {fault}"


def test_the_documented_trace_is_sound() -> None:
    document = Path(__file__).parents[2] / "docs" / "simulator.md"
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    trace = trace_of(read_yaml(block), "docs")
    assert set(trace.__struct_fields__) == set(re.findall(r"^(\w+):", block, re.MULTILINE))
