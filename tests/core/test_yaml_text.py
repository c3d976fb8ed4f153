"""YAML, stricter: no key twice, no depth that crashes the loader, no text quoted in an error."""

from __future__ import annotations

import traceback

import pytest

from fairque.core.yaml_text import YamlTextError, read_flow_list, read_yaml, write_yaml


def fault_of(text: str) -> str:
    """What is told of a text; no way of looking at the error shows `sesame`, the password of these tests."""
    with pytest.raises(YamlTextError) as caught:
        read_yaml(text)
    told = traceback.TracebackException.from_exception(caught.value)
    assert "sesame" not in "".join(told.format()) + repr(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("queue:\n  name: a\n  name: b\n", "line 3, column 3: the key 'name' stands on line 2 already"),
        ("queue: {}\n'queue': {}\n", "line 2, column 1: the key 'queue' stands on line 1 already"),
        ("queue: {name: a\x00}", "is not text: it has characters that YAML does not allow"),
        ("[" * 100_000, "line 1, column 51: nested deeper than 50 levels"),
        ("queue: {name: 2026-13-45}", "a value cannot be read (ValueError)"),
        ("queue: {name: !!int sesame}", "a value cannot be read (ValueError)"),
        ("queue: {name: !!bool sesame}", "a value cannot be read (KeyError)"),
        ("queue: {name: !!timestamp sesame}", "a value cannot be read (AttributeError)"),
    ],
)
def test_a_text_that_cannot_be_read_is_told(text: str, fault: str) -> None:
    assert fault_of(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "redis: {password: *sesame}",
        "redis: {password: !sesame x}",
        "redis: {password: !!python/object/apply:os.system [sesame]}",
        "redis:\n  password: 'sesame\n",
        "redis:\n  password: sesame: sesame\n",
        "redis:\n\tpassword: sesame\n",
        "redis: {password: @sesame}",
        "redis: {password: %sesame}",
        'redis: {password: "sesame\\q"}',
        "redis: {password: sesame\n",
        "redis: {password: &sesame}\n--- {}\n",
        "redis: {? [sesame] : 1}",
        "redis: {<<: sesame}",
    ],
)
def test_invalid_yaml_is_told_by_line_and_column_without_its_text(text: str) -> None:
    problem = fault_of(text)
    assert problem.startswith("line ")
    assert ", column " in problem
    assert "\n" not in problem


def test_merged_keys_may_be_given_again() -> None:
    text = "- &first {a: 1, b: 1}\n- &second {<<: *first, b: 2}\n- {<<: *second, b: 3, c: 3}\n"
    assert read_yaml(text) == [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 3}]


def test_a_flow_list_keeps_its_items_as_written() -> None:
    assert read_flow_list('[a, "b,c", 007, 1:30, on, 2026-11-21]') == ["a", "b,c", "007", "1:30", "on", "2026-11-21"]
    for other in ("a", "[a", "[[a]]", "[{a: b}]", "{a: b}", "[a] b", "", "[" * 100_000):
        assert read_flow_list(other) is None


def test_what_is_written_reads_back() -> None:
    document = {"b": ["1:30", "on", "é"], "a": 0.02}
    assert read_yaml(write_yaml(document)) == document
    assert write_yaml(document).startswith("b:")
