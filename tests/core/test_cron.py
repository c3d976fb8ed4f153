"""When cron expressions fire: the rules for local times that a zone skips or repeats, and what fields mean."""

from __future__ import annotations

import subprocess
import sys
import time
from copy import deepcopy
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from fairque.core.cron import parse_cron
from fairque.core.zones import zone_named

BERLIN = "Europe/Berlin"
YEAR_9999 = 253_370_764_800


def instant_of(local: str, zone: str) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp())


def fires(expression: str, zone: str, since: str, until: str) -> list[str]:
    """Return the fires after one local time and before another, as somebody there writes them."""
    cron, found = parse_cron(expression), list[str]()
    fire = cron.after(instant_of(since, zone), zone_named(zone))
    while fire is not None and fire < instant_of(until, zone):
        found.append(datetime.fromtimestamp(fire, ZoneInfo(zone)).strftime("%m-%d %H:%M:%S %z"))
        fire = cron.after(fire, zone_named(zone))
    return found


def days(expression: str, since: str, until: str) -> list[str]:
    """Return the days on which it fires, in UTC."""
    return [fire[:5] for fire in fires(expression, "UTC", since, until)]


# --- clocks that are put forward ------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["30 2 * * *", "0,30 2 * * *", "0 2,3 * * *", "* 2 29 3 *", "59 59 2 * * *"])
def test_what_is_skipped_is_one_fire_when_the_clocks_are_put_forward(expression: str) -> None:
    assert fires(expression, BERLIN, "2026-03-29", "2026-03-29 03:30") == ["03-29 03:00:00 +0200"]


def test_open_hours_fire_for_what_is_skipped_too() -> None:
    assert fires("15 * * * *", BERLIN, "2026-03-29 01:00", "2026-03-29 04:30") == [
        "03-29 01:15:00 +0100",
        "03-29 03:00:00 +0200",
        "03-29 03:15:00 +0200",
        "03-29 04:15:00 +0200",
    ]


def test_a_day_that_was_skipped_fires_when_the_next_begins() -> None:
    assert fires("0 12 * * *", "Pacific/Apia", "2011-12-29", "2011-12-31 13:00") == [
        "12-29 12:00:00 -1000",
        "12-31 00:00:00 +1400",
        "12-31 12:00:00 +1400",
    ]
    assert fires("0 0 30 12 *", "Pacific/Apia", "2011-12-01", "2012-01-01") == ["12-31 00:00:00 +1400"]


def test_midnight_that_is_skipped() -> None:
    assert fires("@daily", "America/Havana", "2026-03-07 12:00", "2026-03-09 12:00") == [
        "03-08 01:00:00 -0400",
        "03-09 00:00:00 -0400",
    ]


# --- clocks that are put back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["30 2 * * *", "30 2 25 10 *", "0 30 1-2 * * *"])
def test_fixed_hours_fire_the_first_time_only(expression: str) -> None:
    assert fires(expression, BERLIN, "2026-10-25 02:00", "2026-10-26") == ["10-25 02:30:00 +0200"]


@pytest.mark.parametrize("hours", ["*", "*/2", "0-23", "0-11,12-23", "2,*"])
def test_open_hours_fire_each_time(hours: str) -> None:
    assert fires(f"30 {hours} * * *", BERLIN, "2026-10-25 02:00", "2026-10-25 03:00") == [
        "10-25 02:30:00 +0200",
        "10-25 02:30:00 +0100",
    ]


def test_between_the_two_passes_and_in_the_second_one() -> None:
    second_pass = int(datetime.fromisoformat("2026-10-25T02:00+01:00").timestamp())
    zone = zone_named(BERLIN)
    for after in (second_pass - 1, second_pass, second_pass + 600):
        fixed, open_ = parse_cron("5,45 2 * * *").after(after, zone), parse_cron("5,45 * * * *").after(after, zone)
        assert fixed == instant_of("2026-10-26 02:05", BERLIN)
        assert open_ == second_pass + (300 if after < second_pass + 300 else 2700)


def test_midnight_that_is_repeated() -> None:
    """Havana puts its clocks from 01:00 back to 00:00."""
    assert fires("@daily", "America/Havana", "2026-10-31 12:00", "2026-11-02 12:00") == [
        "11-01 00:00:00 -0400",
        "11-02 00:00:00 -0500",
    ]
    assert len(fires("@hourly", "America/Havana", "2026-10-31 23:59", "2026-11-01 02:00")) == 3


def test_nearly_a_whole_day_that_was_repeated() -> None:
    """Kwajalein lived 30 September 1969 twice, but for an hour."""
    assert fires("0 12 * * *", "Pacific/Kwajalein", "1969-09-29", "1969-10-02") == [
        "09-29 12:00:00 +1100",
        "09-30 12:00:00 +1100",
        "10-01 12:00:00 -1200",
    ]
    assert len(fires("0 * * * *", "Pacific/Kwajalein", "1969-09-29", "1969-10-01")) == 24 + 23 + 23


# --- jumps of other lengths -----------------------------------------------------------------------------------------


def test_half_an_hour_in_lord_howe() -> None:
    assert fires("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", "2026-04-06") == ["04-05 01:45:00 +1100"]
    assert fires("*/20 * * * *", "Australia/Lord_Howe", "2026-04-05 01:30", "2026-04-05 02:10") == [
        "04-05 01:40:00 +1100",
        "04-05 01:40:00 +1030",
        "04-05 02:00:00 +1030",
    ]
    assert fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", "2026-10-05") == ["10-04 02:30:00 +1100"]


def test_two_hours_in_troll() -> None:
    assert fires("30 1,2 * * *", "Antarctica/Troll", "2026-03-29", "2026-03-30") == ["03-29 03:00:00 +0200"]
    assert fires("30 1,2 * * *", "Antarctica/Troll", "2026-10-25", "2026-10-26") == [
        "10-25 01:30:00 +0200",
        "10-25 02:30:00 +0200",
    ]


def test_ramadan_in_morocco() -> None:
    assert fires("30 2 * * *", "Africa/Casablanca", "2026-02-15", "2026-02-16") == ["02-15 02:30:00 +0100"]
    assert fires("30 2 * * *", "Africa/Casablanca", "2026-03-22", "2026-03-23") == ["03-22 03:00:00 +0100"]


def test_an_offset_of_odd_seconds() -> None:
    """Monrovia's clocks were 44 min 30 s behind UTC until the first midnight, UTC, of 7 January 1972."""
    assert fires("0 6 * * *", "Africa/Monrovia", "1970-01-01", "1970-01-02") == ["01-01 06:00:00 -004430"]
    assert fires("0 0 * * *", "Africa/Monrovia", "1972-01-06 12:00", "1972-01-08") == ["01-07 00:44:30 +0000"]


# --- what fields mean -----------------------------------------------------------------------------------------------


def test_six_fields_begin_with_the_second() -> None:
    found = fires("*/20 0 9 * * *", "UTC", "2026-05-01", "2026-05-02")
    assert found == ["05-01 09:00:00 +0000", "05-01 09:00:20 +0000", "05-01 09:00:40 +0000"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 13 * FRI", ["05-01", "05-08", "05-13", "05-15", "05-22", "05-29"]),
        ("0 0 * * 5#3", ["05-15"]),
        ("0 0 * * L5", ["05-29"]),
        ("0 0 L * *", ["05-31"]),
        ("0 0 28-L * ?", ["05-28", "05-29", "05-30", "05-31"]),
        ("0 0 16W * *", ["05-15"]),
        ("0 0 ? * SAT-SUN", ["05-02", "05-03", "05-09", "05-10", "05-16", "05-17", "05-23", "05-24", "05-30", "05-31"]),
        ("0 0 * * 7", ["05-03", "05-10", "05-17", "05-24", "05-31"]),
        ("0 0 5/10 may *", ["05-05", "05-15", "05-25"]),
        ("0 0 1-10/4 * *", ["05-01", "05-05", "05-09"]),
        ("@monthly", ["05-01"]),
        ("@Weekly", ["05-03", "05-10", "05-17", "05-24", "05-31"]),
    ],
)
def test_days(expression: str, expected: list[str]) -> None:
    assert days(expression, "2026-04-30 12:00", "2026-05-31 12:00") == expected


def test_29_february_also_across_a_year_that_lacks_it() -> None:
    cron, zone = parse_cron("0 0 29 2 *"), zone_named(BERLIN)
    assert cron.after(instant_of("2026-01-01", BERLIN), zone) == instant_of("2028-02-29", BERLIN)
    assert cron.after(instant_of("2096-03-01", BERLIN), zone) == instant_of("2104-02-29", BERLIN)


def test_long_ago_and_the_end_of_time() -> None:
    minutely, zone = parse_cron("* * * * *"), zone_named("UTC")
    assert minutely.after(-1, zone) == 0
    assert minutely.after(-3_000_000_001, zone) == -3_000_000_000
    assert minutely.after(YEAR_9999 - 61, zone) == YEAR_9999 - 60
    assert [minutely.after(late, zone) for late in (YEAR_9999 - 60, YEAR_9999, 10**18)] == [None, None, None]
    assert parse_cron("0 0 29 2 *").after(YEAR_9999 - 86_400, zone_named("Pacific/Kiritimati")) is None


@pytest.mark.parametrize("expression", ["* * * 2 1#5", "* * 31 4,6,9,11 0", "* * * 29 2 *", "* * * * * *"])
def test_no_answer_takes_long_to_find(expression: str) -> None:
    """A 29 February on a fifth Monday comes every 28 years; an hour of seconds is repeated in October."""
    cron, zone = parse_cron(expression), zone_named(BERLIN)

    def seconds(since: str) -> float:
        began = time.process_time()
        assert cron.after(instant_of(since, BERLIN), zone) is not None
        return time.process_time() - began

    for since in ("2044-03-01", "2026-10-25 02:59:59"):
        assert min(seconds(since) for _ in range(3)) < 0.05


# --- the value ------------------------------------------------------------------------------------------------------


def test_the_same_text_is_the_same_expression() -> None:
    assert parse_cron(" 0  9 *\t* * \n") is parse_cron("0 9 * * *")
    assert parse_cron("0 9 * * *").text == "0 9 * * *"
    assert {parse_cron("@daily"), parse_cron("0 0 * * *"), parse_cron("0 0 * * *")} == {
        parse_cron("@daily"),
        parse_cron("0 0 * * *"),
    }
    assert repr(parse_cron("@daily")) == "Cron(text='@daily')"


def test_a_question_leaves_nothing_behind_that_another_thread_could_meet() -> None:
    cron = parse_cron("0 0 * * 5#3")
    before = deepcopy(vars(cron._named))
    assert cron.after(10**9, zone_named("UTC")) is not None
    assert vars(cron._named) == before


def test_croniter_is_loaded_when_an_expression_is() -> None:
    program = "import sys, fairque.core.cron; sys.exit('croniter' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], check=False, env={"PYTHONPATH": ":".join(sys.path)}).returncode
        == 0
    )
