"""Every promise has an id that stands in the code, in a test that attacks it, and in docs/guarantees.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IDS = [f"I{number}" for number in range(1, 25)]
LATER = {"I21": "clusters"}
"""Ids whose feature is not there yet. They leave this list with it."""
TOLD = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def files_with(id_: str, *places: str) -> list[str]:
    paths = (path for place in places for path in (ROOT / place).rglob("*") if path.suffix in (".py", ".lua"))
    word = re.compile(rf"\b{id_}\b")
    return [str(path) for path in paths if path != Path(__file__) and word.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("id_", [id_ for id_ in IDS if id_ not in LATER])
def test_a_promise_is_told_upheld_and_attacked(id_: str) -> None:
    assert re.search(rf"^\| {id_} \| .+ \| .+ \|$", TOLD, re.MULTILINE), "told"
    assert files_with(id_, "scripts/lua", "fairque"), "upheld"
    assert files_with(id_, "tests"), "attacked"


@pytest.mark.parametrize(("id_", "feature"), LATER.items())
def test_what_is_not_promised_yet_is_named_as_that(id_: str, feature: str) -> None:
    assert f"{id_} ({feature})" in TOLD
    assert not files_with(id_, "scripts/lua", "fairque"), "the feature is there: promise it, and take it off the list"


def test_no_other_id_is_named() -> None:
    named = set(re.findall(r"\bI\d+\b", TOLD))
    assert named == set(IDS)
