"""Expressions and zones that are refused, each in a sentence that says what is wrong and what to write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairque.core.cron import NAMED, Cron, parse_cron
from fairque.core.cron_fields import FIELDS
from fairque.core.zones import zone_named
from fairque.errors import ScheduleError

FORMS = "is not known: write a value, a range (1-5), a step (*/2, 1-10/3), or several of them with commas"
LOT = "is drawn by lot: a schedule must mean the same in every process, write the number"
APART = "do not go together: make it two schedules"
COUNT = "expected 5 fields (minute hour day month weekday), or 6 with seconds first, got"
NEVER = "never fires: there is no such day"


def refusal(expression: object) -> str:
    with pytest.raises(ScheduleError) as refused:
        parse_cron(expression)
    return str(refused.value)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", f"{COUNT} 0"),
        ("* * * *", f"{COUNT} 4"),
        ("0 0 0 0 0 0 0 0", f"{COUNT} 8"),
        ("0 0 9 * * * 2027", "has 7 fields, but years are not written here: start= and end= bound a schedule"),
        ("@reboot", "a schedule has no start of a machine: push the task when the program starts"),
        ("@every 5m", "write every= and a number of seconds instead of a cron expression"),
        ("@noon", f"is not known; the names are {', '.join(NAMED)}"),
        ("60 * * * *", "minute '60' is not from 0 to 59"),
        ("60 * * * * *", "second '60' is not from 0 to 59"),
        ("0 24 * * *", "hour '24' is not from 0 to 23"),
        ("0 0 0 * *", "day of the month '0' is not from 1 to 31"),
        ("0 0 LW * *", "day of the month 'LW' is not from 1 to 31"),
        ("0 0 L-3 * *", "day of the month 'L-3' is not from 1 to 31"),
        ("0 0 1 13 *", "month '13' is not from 1 to 12, or from JAN to DEC"),
        ("0 0 1 mai *", "month 'MAI' is not from 1 to 12, or from JAN to DEC"),
        ("0 0 * * 8", "weekday '8' is not from 0 to 7, or from SUN to SAT"),
        ("0 0 * * sunday", "weekday 'SUNDAY' is not from 0 to 7, or from SUN to SAT"),
        ("0 0 * * 5L", "weekday '5L' is not known: for the last one of a month, write L5"),
        ("0 0 * * 1#6", f"weekday '1#6' {FORMS}"),
        ("? 0 * * *", f"minute '?' {FORMS}"),
        ("1,,2 * * * *", f"minute '' {FORMS}"),
        ("-5 * * * *", f"minute '-5' {FORMS}"),
        ("1.5 * * * *", f"minute '1.5' {FORMS}"),
        ("*/5/5 * * * *", f"minute '*/5/5' {FORMS}"),
        ("R * * * *", f"minute 'R' {LOT}"),
        ("5,r * * * *", f"minute 'R' {LOT}"),
        ("0 H(0-7) * * *", f"hour 'H(0-7)' {LOT}"),
        ("H/15 * * * *", f"minute 'H/15' {LOT}"),
        ("*/0 * * * *", "minute '*/0' stands still: a step is at least 1"),
        ("*/60 * * * *", "minute '*/60' is one value: write 0"),
        ("*/100 * * * *", "minute '*/100' is one value: write 0"),
        ("0 */24 * * *", "hour '*/24' is one value: write 0"),
        ("59/15 * * * *", "minute '59/15' is one value: write 59"),
        ("5-5 * * * *", "minute '5-5' is one value: write 5"),
        ("0 0 * * sun-sun", "weekday 'SUN-SUN' is one value: write 0"),
        ("5-1 * * * *", "minute '5-1' runs backwards: make it two ranges, such as 5-59,0-1"),
        ("0 22-4/3 * * *", "hour '22-4/3' runs backwards: make it two ranges, such as 22-23,0-4"),
        ("0 0 * nov-feb *", "month 'NOV-FEB' runs backwards: make it two ranges, such as 11-12,1-2"),
        ("0 0 * * fri-mon", "weekday 'FRI-MON' runs backwards: make it two ranges, such as 5-6,0-1"),
        ("0 0 15W * 5", f"day of the month '15W' and weekday '5' {APART}"),
        ("0 0 1 * 1#1", f"day of the month '1' and weekday '1#1' {APART}"),
        ("0 0 1 * L5", f"day of the month '1' and weekday 'L5' {APART}"),
        ("0 0 31 2 *", NEVER),
        ("0 0 30,31 feb *", NEVER),
        ("0 0 31 4,6,9,11 *", NEVER),
    ],
)
def test_an_expression_is_refused_by_its_field(expression: str, why: str) -> None:
    assert refusal(expression) == f"cron {expression!r}: {why}"


@pytest.mark.parametrize("expression", ["0 0 * * 1#1,5", "0 0 15W,3 * *", "0 0 ?,1 * *"])
def test_what_croniter_alone_refuses_is_told_in_its_words(expression: str) -> None:
    assert refusal(expression).startswith(f"cron {expression!r}: ")


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (None, "cron: expected text such as '0 9 * * 1-5', got empty"),
        (5, "cron: expected text such as '0 9 * * 1-5', got 5"),
        (b"* * * * *", "cron: expected text such as '0 9 * * 1-5', got binary data"),
        (["*"] * 5, "cron: expected text such as '0 9 * * 1-5', got a list"),
        ("0 9 * * *" + " " * 492, "cron: expected at most 500 characters, got 501"),
        ("1," * 5000, "cron: expected at most 500 characters, got 10000"),
        ("٣ * * * *", "cron: expected ASCII digits and letters only, got the text '٣ * * * *'"),
        ("0\u00a09 * * *", "cron: expected ASCII digits and letters only, got the text '0\\xa09 * * *'"),
    ],
)
def test_what_is_no_expression_at_all(expression: object, why: str) -> None:
    assert refusal(expression) == why


def test_a_long_expression_is_shown_by_its_beginning() -> None:
    assert len(refusal("0 0 " + "61," * 150 + "1 * *")) < 200


@pytest.mark.parametrize("expression", ["0,1-2 0-23/2 1,L 1,jun sun-fri", "0 0 * * 0-7", "59 23 31 12 sat-sun"])
def test_what_is_unusual_but_clear_is_taken(expression: str) -> None:
    assert parse_cron(expression).text == expression


words = st.sampled_from(
    ["*", "?", "L", "W", "#", "R", "H", "/", "-", ",", "(", ")", "mon", "jan", "0", "1", "7", "31", "99"]
)
fields = st.lists(words, min_size=1, max_size=5).map("".join)


def parsed(text: str) -> Cron | str:
    """Return the expression, or why it is none."""
    try:
        return parse_cron(text)
    except ScheduleError as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.lists(fields, min_size=4, max_size=7).map(" ".join))
def test_any_text_is_an_expression_or_refused_in_one_line(text: str) -> None:
    match parsed(text):
        case Cron() as cron:
            assert len(cron.text.split()) in {1, len(FIELDS) - 1, len(FIELDS)}
        case str() as why:
            assert len(why.splitlines()) == 1


# --- zones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "Asia/Calcutta", "EST5EDT", "Etc/GMT+2", "America/Argentina/Ushuaia"]
)
def test_a_zone_of_the_tz_database(name: str) -> None:
    assert zone_named(name).key == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("America/Los_Angles", "did you mean America/Los_Angeles?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("utc", "did you mean UTC?"),
        (" UTC", "did you mean UTC?"),
        ("Mars/Phobos", "names are like 'Europe/Berlin' or 'UTC'"),
        ("../etc/passwd", "names are like 'Europe/Berlin' or 'UTC'"),
        ("/etc/passwd", "names are like 'Europe/Berlin' or 'UTC'"),
        ("Europe/../UTC", "names are like 'Europe/Berlin' or 'UTC'"),
        ("Europe", "names are like 'Europe/Berlin' or 'UTC'"),
        ("tzdata.zi", "names are like 'Europe/Berlin' or 'UTC'"),
        ("localtime", "names are like 'Europe/Berlin' or 'UTC'"),
        ("right/UTC", "names are like 'Europe/Berlin' or 'UTC'"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_names_that_are_near(name: str, why: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        zone_named(name)
    assert str(refused.value) == f"timezone: the tz database has no zone {name!r}; {why}"


@pytest.mark.parametrize("name", ["", None, b"UTC", 3, ["UTC"], "x" * 10_000, "UTC\0", "a\nb", "\udcff"])
def test_what_is_no_name_is_refused_in_one_short_line(name: object) -> None:
    with pytest.raises(ScheduleError) as refused:
        zone_named(name)
    assert str(refused.value).startswith("timezone: ")
    assert len(str(refused.value)) < 170
    assert len(str(refused.value).splitlines()) == 1
