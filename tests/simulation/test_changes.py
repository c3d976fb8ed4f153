"""`--set`: one value of a trace is changed before the trace is checked."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.errors import ConfigError
from fairque.monitoring.trace_changes import changed, read_change, workers_change

DOCUMENT: dict[str, Any] = {"seed": 1, "workers": [{"id": "w", "slots": 1}], "users": {"a.b": {"weight": 1}, "c": None}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed=7", {"seed": 7}),
        ("workers[0].slots=20", {"workers": [{"id": "w", "slots": 20}]}),
        ("users.c.weight=3", {"users": {"a.b": {"weight": 1}, "c": {"weight": 3}}}),
        ("users.new={weight: 2}", {"users": {"a.b": {"weight": 1}, "c": None, "new": {"weight": 2}}}),
        ("users['a.b'].weight=2", {"users": {"a.b": {"weight": 2}, "c": None}}),
        ('users["a.b"]=', {"users": {"c": None}}),
        ("workers[0]=null", {"workers": []}),
        ("workers[0].steal_targets=[]", {"workers": [{"id": "w", "slots": 1, "steal_targets": []}]}),
        ("title=a=b", {"title": "a=b"}),
    ],
)
def test_a_path_leads_to_a_value_that_is_set_made_or_taken_out(text: str, expected: dict[str, Any]) -> None:
    new = changed(DOCUMENT, [read_change(text)])
    assert new == DOCUMENT | expected
    assert DOCUMENT["workers"][0] == {"id": "w", "slots": 1}


@pytest.mark.parametrize("text", ["", "seed", "=3", "a..b=1", ".a=1", "a.[0]=1", "a[b]=1", "a b=1", "a.=1"])
def test_what_is_no_path_and_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected PATH=VALUE"):
        read_change(text)


def test_a_value_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--set seed=\[1: the value is not YAML"):
        read_change("seed=[1")


def test_all_paths_that_lead_nowhere_are_told() -> None:
    texts = ["workers[1].slots=2", "workers.first=2", "seed.more=1", "users[0]=2"]
    with pytest.raises(ConfigError) as caught:
        changed(DOCUMENT, [read_change(text) for text in texts])
    assert caught.value.problems == (
        "--set workers[1].slots=2: a list of 1 has no [1]; its places are numbers from 0 on",
        "--set workers.first=2: a list of 1 has no [first]; its places are numbers from 0 on",
        "--set seed.more=1: there is no more in 1",
        "--set users[0]=2: there is no 0 in a mapping",
    )


def test_copies_are_made_of_the_only_worker() -> None:
    assert changed(DOCUMENT, [workers_change(DOCUMENT, 4)])["workers"] == [{"id": "w", "slots": 1, "count": 4}]
    with pytest.raises(ConfigError, match="the trace has 2"):
        workers_change({"workers": [{}, {}]}, 4)
