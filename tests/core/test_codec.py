"""Values to bytes and back: what is accepted comes back equal, and what would not is refused by its path."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.core.arguments import check_payload
from fairque.core.codec import (
    Body,
    Ending,
    Terms,
    decode_body,
    decode_ending,
    encode_body,
    encode_ending,
    encode_result,
)
from fairque.core.encoding import MAX_BODY_BYTES, MAX_DEPTH
from fairque.core.retry import Backoff
from fairque.errors import TaskValidationError
from tests.core.travel import WHEN, Colour, Point, Size, nested, takes, travel


def free(value: Any) -> None: ...


def same(one: Any, other: Any) -> bool:
    """Compare with types: 1, 1.0 and True differ, and so do a list and a tuple."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return (
        bool(one == other) and math.copysign(1, one) == math.copysign(1, other)
        if isinstance(one, float)
        else one == other
    )


texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
foreign = st.one_of(
    st.floats(),
    st.binary(),
    st.datetimes(),
    st.decimals(),
    st.integers(),
    st.sampled_from([Colour.RED, Size.BIG, Point(1, 2)]),
)
anything = st.recursive(
    scalars | foreign,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(texts | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


# --- without annotations --------------------------------------------------------------------------------------------


@given(json_values, json_values)
def test_what_json_has_comes_back_exactly(one: Any, other: Any) -> None:
    def function(value: Any, *more: Any, **named: Any) -> None: ...

    args, kwargs = travel(function, one, other, x=one)
    assert same(list(args), [one, other])
    assert same(dict(kwargs), {"x": one})


@given(anything)
def test_what_is_accepted_without_an_annotation_comes_back_exactly(value: Any) -> None:
    try:
        args, _ = travel(free, value)
    except TaskValidationError as refused:
        assert str(refused).startswith(("args[0]", "arguments: "))  # noqa: PT017
    else:
        assert same(args[0], value)


@pytest.mark.parametrize(
    ("value", "path", "fault"),
    [
        ([{"when": datetime(2026, 1, 1, tzinfo=UTC)}], 'args[0][0]["when"]', "datetime needs an annotation"),
        ((1, 2), "args[0]", "tuple needs an annotation"),
        ({1}, "args[0]", "set needs an annotation"),
        (b"a", "args[0]", "bytes needs an annotation"),
        (lambda: None, "args[0]", "function needs an annotation"),
        (Size.BIG, "args[0]", "Size needs an annotation"),
        ({"a": [1, math.nan]}, 'args[0]["a"][1]', "nan"),
        ([math.inf], "args[0][0]", "inf"),
        ({1: 2}, "args[0]", "the key 1 is not a string"),
        ({True: 2}, "args[0]", "the key True is not a string"),
        (["\ud800"], "args[0][0]", "UTF-8"),
        ({"\udfff": 1}, "args[0]", "UTF-8"),
        pytest.param([10**5000], "arg", "limit", id="huge"),
    ],
    ids=lambda value: ascii(value)[:25],
)
def test_what_json_lacks_is_refused_by_its_path(value: Any, path: str, fault: str) -> None:
    with pytest.raises(TaskValidationError) as caught:
        travel(free, value)
    said = str(caught.value).replace("'", '"')
    assert said.startswith(path)
    assert fault in said
    assert len(said) < 300


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_001, 100_000])
def test_a_nesting_beyond_the_limit_is_refused(depth: int) -> None:
    assert travel(free, nested(MAX_DEPTH))[0] == [nested(MAX_DEPTH)]
    with pytest.raises(TaskValidationError, match="nested deeper than"):
        travel(free, nested(depth))


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    for function in (free, takes(list[list[Any]])):
        with pytest.raises(TaskValidationError, match=r"^args\[0\]"):
            travel(function, circle)


def test_a_call_at_the_size_limit_is_taken_and_one_byte_more_is_not() -> None:
    spare = MAX_BODY_BYTES - len(encode_body(Body("", [""], {}, Terms()))) + len("|")
    assert travel(free, "x" * spare)[0] == ["x" * spare]
    with pytest.raises(TaskValidationError, match="1,048,577 bytes"):
        travel(free, "x" * (spare + 1))


def test_an_empty_list_an_empty_dict_and_null_stay_apart() -> None:
    value: list[Any] = [[], {}, None, "", "\0", 0, 0.0, -0.0, False]
    assert same(travel(free, value)[0][0], value)


# --- payloads, results and options ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [WHEN, (1,), {1}, b"a", math.nan, {1: 2}, "\ud800", nested(MAX_DEPTH + 1)])
def test_a_payload_that_json_lacks_is_refused_by_its_path(value: Any) -> None:
    with pytest.raises(TaskValidationError, match=r"^payload\['a'\]"):
        check_payload({"a": value})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (math.nan, ""),
        ([0, math.inf], "[1]"),
        ({"a": -math.inf}, "['a']"),
        (Point(1, math.nan), ".y"),
        ([None, {"a": (1, {2, math.nan})}], "[1]['a'][1]"),
        (object(), ""),
        ({"a": [object()]}, "['a'][0]"),
        ("\ud800", ""),
        ({"\ud800": 1}, ""),
        pytest.param([10**5000], "[0]", id="huge"),
    ],
)
def test_a_result_that_json_lacks_is_refused_by_its_path(value: Any, path: str) -> None:
    with pytest.raises(TaskValidationError) as caught:
        encode_result(value)
    assert str(caught.value).startswith(f"result{path}: ")


def test_of_a_circle_no_endless_path_is_told() -> None:
    circle: list[Any] = [1]
    circle.append({"a": circle})
    with pytest.raises(TaskValidationError) as caught:
        encode_result(circle)
    assert len(str(caught.value)) < 300


def test_an_ending_without_a_key_is_stored_as_it_was_before_there_were_keys() -> None:
    plain = Ending("m:f", 1, 2, "w", msgspec.Raw(b"[3]"))
    assert encode_ending(plain) == b'["m:f",1,2,"w",[3]]'
    assert decode_ending(encode_ending(plain)).key is None
    keyed = decode_ending(encode_ending(msgspec.structs.replace(plain, key="rows")))
    assert (keyed.key, keyed.name, bytes(keyed.result)) == ("rows", "m:f", b"[3]")


def test_a_result_at_the_size_limit_is_taken_and_one_byte_more_is_not() -> None:
    assert len(encode_result("x" * (MAX_BODY_BYTES - 2))) == MAX_BODY_BYTES
    with pytest.raises(TaskValidationError, match="1,048,577 bytes"):
        encode_result("x" * (MAX_BODY_BYTES - 1))


@given(
    st.builds(
        Terms,
        max_retries=st.none() | st.integers(0, 1000),
        backoff=st.none() | st.builds(Backoff),
        result_ttl=st.none() | st.floats(0, 1e6),
    )
)
def test_the_options_of_a_stored_task_come_back_equal(terms: Terms) -> None:
    assert decode_body(encode_body(Body("m:f", [], {}, terms))).terms == terms
