"""Weights and caps as values: what is accepted, in which words it is refused, and what a rate comes to."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairque.core.checking import fields_of
from fairque.core.limits import Caps, UserSettings, checked
from fairque.core.settings import FairnessSettings, Settings
from fairque.errors import ConfigError, LimitsError

MOST = 10**9
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

counts = st.none() | st.integers(0, MOST)
rates = st.builds("{}/{}".format, st.integers(1, 999_999_999), st.sampled_from(list(SECONDS)))
accepted = st.fixed_dictionaries(
    {},
    optional={
        "weight": st.none() | st.floats(0.001, 1000) | st.integers(1, 1000),
        "max_concurrency": counts,
        "max_backlog": counts,
        "burst": st.none() | st.integers(1, MOST),
        "rate": st.none() | rates,
        "paused": st.none() | st.booleans(),
    },
)
anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())


# --- checked --------------------------------------------------------------------------------------------------------


@given(accepted)
def test_what_is_accepted_is_kept_and_none_is_the_default(changes: dict[str, Any]) -> None:
    found = checked(UserSettings, changes, "set_user")
    for name in fields_of(UserSettings):
        value = changes.get(name)
        assert getattr(found, name) == (getattr(UserSettings(), name) if value is None else value)


def read(changes: dict[str, Any]) -> UserSettings | str:
    """Return what the changes come to, or why not."""
    try:
        return checked(UserSettings, changes, "here")
    except LimitsError as error:
        return str(error)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(list(fields_of(UserSettings))) | st.text(max_size=12), anything, max_size=4))
def test_anything_else_is_told_a_line_for_each_fault(changes: dict[str, Any]) -> None:
    match read(changes):
        case UserSettings() as found:
            assert set(changes) <= set(fields_of(UserSettings))
            assert 0.001 <= found.weight <= 1000
            assert found.max_concurrency is None or 0 <= found.max_concurrency <= MOST
        case lines:
            told = str(lines).split("\n")
            assert all(line.startswith("here: ") for line in told)
            assert 1 <= len(told) <= len(changes)
            assert max(map(len, told)) < 250


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *(("weight", value, "a number from 0.001 to 1000") for value in (0, 0.0009, 1000.1, -1, math.nan, math.inf)),
        *(("weight", value, "a number from 0.001 to 1000") for value in (10**400, True, "3", [1])),
        *((name, value, "a whole number from 0 to 1000000000") for name in ("max_concurrency", "max_backlog")
          for value in (-1, MOST + 1, True, 2.0, "3", math.nan)),
        *(("burst", value, "a whole number from 1 to 1000000000") for value in (0, -1, True, 1.5)),
        *(("rate", value, "a number over s, m, h or d, such as 100/s or 10/m")
          for value in ("ten", "0/s", "0.0/s", "-1/s", "1/x", "1/S", "1", "/s", "1/s/s", "1e3/s", " 1/s", "1/s\n")),
        *(("rate", value, "text") for value in (10, 1.5, True, ["1/s"])),
        *(("paused", value, "true or false") for value in (0, 1, "yes", "true")),
    ],
)  # fmt: skip
def test_each_value_that_is_not_accepted_says_what_is(name: str, value: Any, said: str) -> None:
    with pytest.raises(LimitsError) as caught:
        checked(UserSettings, {name: value}, "set_user")
    assert str(caught.value).startswith(f"set_user: {name}: must be {said}")
    with pytest.raises(ConfigError):
        UserSettings(**{name: value})


@pytest.mark.parametrize(
    ("kind", "name", "meant"),
    [
        (UserSettings, "max_concurency", "did you mean max_concurrency?"),
        (UserSettings, "wieght", "did you mean weight?"),
        (UserSettings, "max_backlogs", "did you mean max_backlog?"),
        (Caps, "weight", "known are max_concurrency, rate, burst, max_backlog, paused"),
        (FairnessSettings, "ageing_seconds", "did you mean aging_seconds?"),
    ],
)
@pytest.mark.parametrize("value", [1, None])
def test_an_unknown_name_is_told_with_the_nearest(kind: type[Caps], name: str, meant: str, value: Any) -> None:
    with pytest.raises(LimitsError, match="unknown key") as caught:
        checked(kind, {name: value}, "here")
    assert str(caught.value) == f"here: {name}: unknown key; {meant}"


def test_everything_that_is_wrong_is_a_line_each() -> None:
    with pytest.raises(LimitsError) as caught:
        checked(UserSettings, {"weight": 0, "rate": "x", "max_backlog": -1, "nonsense": 1}, "w")
    assert {line.split(": ")[1] for line in str(caught.value).splitlines()} == {
        "weight", "rate", "max_backlog", "nonsense",
    }  # fmt: skip


# --- rates ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 999_999_999), st.sampled_from(list(SECONDS)), st.none() | st.integers(1, MOST))
def test_a_rate_is_starts_over_seconds_and_its_burst_a_seconds_worth(number: int, unit: str, burst: int | None) -> None:
    caps = Caps(rate=f"{number}/{unit}", burst=burst)
    assert caps.per_second == number / SECONDS[unit]
    assert caps.bucket == (burst if burst is not None else max(1, math.ceil(number / SECONDS[unit])))


@pytest.mark.parametrize(
    ("rate", "per_second", "bucket"), [("100/s", 100, 100), ("10/m", 1 / 6, 1), ("0.5/s", 0.5, 1), ("90/m", 1.5, 2)]
)
def test_rates_by_example(rate: str, per_second: float, bucket: int) -> None:
    caps = Caps(rate=rate)
    assert caps.per_second == pytest.approx(per_second)
    assert caps.bucket == bucket


def test_without_a_rate_there_is_no_bucket() -> None:
    assert (Caps(burst=5).per_second, Caps(burst=5).bucket) == (None, None)


# --- in a configuration ---------------------------------------------------------------------------------------------


def test_users_of_a_configuration_are_checked_each_with_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(users={"user:1": {"weight": 0}, "user:2": {"rate": "fast"}})  # type: ignore[dict-item]
    assert [line.split(": must")[0] for line in caught.value.problems] == [
        "users['user:1'].weight", "users['user:2'].rate",
    ]  # fmt: skip


@pytest.mark.parametrize("user", ["", " a", "a\tb", "x" * 257])
def test_a_configuration_with_a_user_that_cannot_be_is_refused(user: str) -> None:
    with pytest.raises(ConfigError, match=r"users\[0\]: "):
        Settings(users={user: UserSettings()})


def test_settings_are_frozen_values() -> None:
    assert UserSettings(weight=2) == msgspec.structs.replace(UserSettings(), weight=2)
    with pytest.raises(AttributeError):
        UserSettings().weight = 3  # type: ignore[misc]
