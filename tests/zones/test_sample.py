"""A sample of `make zones`, odd zones included; and that the oracle tells a wrong rule from the right one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest

from fairque.core.cron import Cron
from fairque.core.zones import STRIDE
from tests.zones.changes import Change, changes_of, closest, distinct, offset
from tests.zones.oracle import EXPRESSIONS, Expression
from tests.zones.sweep import Verdict, compared

ODD = (
    "Africa/Casablanca",  # back for Ramadan
    "America/Caracas",  # half an hour, twice
    "America/Havana",  # at midnight
    "America/Recife",  # a summer of seven days
    "Antarctica/Troll",  # two hours
    "Asia/Gaza",  # four changes a year
    "Asia/Pyongyang",
    "Australia/Lord_Howe",  # half an hour, each year
    "Europe/Dublin",  # winter is the exception
    "Pacific/Apia",  # without 30 December 2011
    "Pacific/Chatham",  # at 02:45
    "Pacific/Kwajalein",  # without 21 August 1993
)


@cache
def changes(zone: str) -> list[Change]:
    return list(changes_of(zone))


def outcome(windows: list[Change]) -> Verdict:
    verdict = Verdict()
    for change in windows:
        verdict += compared(change)
    return verdict


@pytest.mark.parametrize("zone", ODD)
def test_odd_zones_fire_as_the_oracle_says(zone: str) -> None:
    back = [change for change in changes(zone) if change.after < change.before][-1:]
    forward = [change for change in changes(zone) if change.after > change.before][-1:]
    verdict = outcome(back + forward)
    assert verdict.differences == []
    assert verdict.comparisons == len(EXPRESSIONS) * len(back + forward)


def test_a_sample_of_all_zones_fires_as_the_oracle_says() -> None:
    chance = Random(6)
    zones = chance.sample(sorted(available_timezones()), 12)
    windows = distinct(change for zone in zones for change in changes(zone))
    verdict = outcome(chance.sample(windows, 12))
    assert verdict.differences == []
    assert verdict.fires > 12 * 300


def test_no_change_is_stepped_over() -> None:
    assert closest(change for zone in ODD for change in changes(zone)) > STRIDE


# --- the oracle finds faults ----------------------------------------------------------------------------------------


def twice(cron: Cron, instant: int, zone: ZoneInfo) -> int | None:
    """Fire each time that a local time is shown, as if all hours were open."""
    return replace(cron, _open=True).after(instant, zone)


def dropping(cron: Cron, instant: int, zone: ZoneInfo) -> int | None:
    """Fire only when the clock shows what is named, never for what it skips."""
    fire = cron.after(instant, zone)
    while fire is not None and not Expression(cron.text).names((fire + offset(zone, fire)) // 60):
        fire = cron.after(fire, zone)
    return fire


def test_two_fires_in_an_hour_that_is_repeated_are_found() -> None:
    back = next(change for change in changes("Europe/Dublin") if change.after < change.before)
    expected = {"5 0-4 * * *", "*/30 1-3 * * *"}
    assert {found.split(" in ")[0] for found in compared(back, twice).differences} == expected


def test_a_fire_that_is_lost_with_a_skipped_hour_is_found() -> None:
    """The clocks are put forward on 29 March 2037."""
    forward = [change for change in changes("Europe/Berlin") if change.after > change.before][-1]
    expected = {"30 2 * * *", "15 * * * *", "5 0-4 * * *", "0 */2 * * *", "5 2 29 * *"}
    assert {found.split(" in ")[0] for found in compared(forward, dropping).differences} == expected
