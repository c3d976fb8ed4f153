"""Names that travel: what is taken, what is refused, and that no name can forge a key (I23)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.core.ids import (
    MAX_ID_BYTES,
    check_task_id,
    check_user_id,
    decode_id,
    encode_id,
    fingerprint,
    format_task_id,
    user_print_of,
)
from fairque.errors import TaskValidationError

CHECKS = pytest.mark.parametrize(("check", "place"), [(check_user_id, "user_id"), (check_task_id, "task_id")])
Check = Callable[[object], str]
printable = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(":|{}%"), min_size=1, max_size=60)

HARMLESS = [
    "a:critical",
    "a:normal:x",
    "{a}",
    "a}b{",
    "a|b",
    "a,b",
    "%3A",
    "%",
    "[a-z]",
    "../x",
    "a b",
    "é",
    "e\u0301",
    "\u0430dmin",  # Cyrillic: looks like Latin, is another user
    "User",
    "user",
    "🦊",
    "0",
    "x" * MAX_ID_BYTES,
    "é" * (MAX_ID_BYTES // 2),
]
REFUSED: list[object] = [
    "",
    " ",
    " a",
    "a ",
    "a\nb",
    "a\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "a\0b",
    "a\tb",
    "a\u00a0b",  # no-break space
    "a\u202eb",  # right-to-left override
    "a\u200bb",  # zero width space
    "\ud800",
    "a\udfff",
    "x" * (MAX_ID_BYTES + 1),
    "é" * (MAX_ID_BYTES // 2) + "x",
    "x" * 10_000_000,
    3,
    3.0,
    True,
    None,
    b"a",
    ["a"],
]


@CHECKS
@pytest.mark.parametrize("name", HARMLESS)
def test_an_id_of_printable_characters_is_taken_as_it_is(check: Check, place: str, name: str) -> None:
    assert check(name) == name, place
    assert decode_id(encode_id(name)) == name


@CHECKS
@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:20])
def test_another_id_is_refused_by_its_place_and_in_one_short_line(check: Check, place: str, name: object) -> None:
    with pytest.raises(TaskValidationError, match=f"^{place}: ") as caught:
        check(name)
    said = str(caught.value)
    assert len(said) < 200
    assert said.isprintable()


def test_a_star_names_a_task_but_no_user() -> None:
    assert check_task_id("*") == "*"
    with pytest.raises(TaskValidationError, match="user_id: '\\*' means every user"):
        check_user_id("*")


def test_ids_that_differ_in_a_byte_are_different_keys() -> None:
    assert len({encode_id(name) for name in HARMLESS}) == len(HARMLESS)
    assert len({fingerprint("{p:q}", name) for name in HARMLESS}) == len(HARMLESS)


@given(printable)
def test_an_encoded_id_comes_back_and_holds_no_separator(name: str) -> None:
    encoded = encode_id(name)
    assert decode_id(encoded) == name
    assert not set(encoded) & set(":|{}")
    assert type(encoded) is str


@given(printable, printable)
def test_two_ids_never_share_an_encoding(one: str, other: str) -> None:
    assert (encode_id(one) == encode_id(other)) == (one == other)


@given(
    at_ms=st.integers(0, 2**48 - 1),
    counter=st.integers(0, 4095),
    noise=st.integers(0, 2**30 - 1),
    user=printable,
)
def test_a_generated_id_is_a_uuid_of_version_7_that_tells_its_user(
    at_ms: int, counter: int, noise: int, user: str
) -> None:
    print_ = fingerprint("{p:q}", user)
    task_id = format_task_id(at_ms, counter, noise, print_)
    parsed = uuid.UUID(task_id)
    assert (str(parsed), parsed.version, parsed.variant) == (task_id, 7, uuid.RFC_4122)
    assert parsed.int >> 80 == at_ms
    assert parsed.int >> 64 & 0xFFF == counter
    assert user_print_of(task_id) == print_
    assert check_task_id(task_id) == task_id


@given(st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 4095)), st.tuples(st.integers(0, 2**48 - 1), st.just(0)))
def test_generated_ids_sort_by_time_and_counter(one: tuple[int, int], other: tuple[int, int]) -> None:
    first, second = sorted([one, other])
    assert format_task_id(*first, 0, "0" * 8) <= format_task_id(*second, 0, "0" * 8)


@pytest.mark.parametrize("task_id", ["extract", "", "x" * 36, str(uuid.UUID(int=0)), "*"])
def test_a_chosen_id_tells_no_user(task_id: str) -> None:
    assert user_print_of(task_id) is None


def test_a_fingerprint_is_eight_digits_that_depend_on_the_queue() -> None:
    one, other = fingerprint("{p:a}", "user:1"), fingerprint("{p:b}", "user:1")
    assert re.fullmatch("[0-9a-f]{8}", one)
    assert one != other
