"""What holds for any expression, zone and instant. Expected fires come from the oracle that looks at a clock."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from fairque.core.cron import parse_cron
from fairque.core.zones import furthest, next_change, offset, zone_named
from fairque.errors import ScheduleError
from tests.zones.changes import HOUR, Change, changes_of
from tests.zones.oracle import Expression, read_clock
from tests.zones.sweep import walked

ZONES = ("Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Asia/Gaza")
CHANGES = [change for zone in ZONES for change in changes_of(zone)]


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Give fields that name not all values, except as `*`: `0-6` beside a day of the month is croniter's matter."""
    value = st.integers(low, high)
    step = st.integers(2, (high - low) // 2)
    span = st.lists(value, min_size=2, max_size=2, unique=True).map(lambda ends: f"{min(ends)}-{max(ends)}")
    listed = st.lists(value, min_size=1, max_size=3).map(lambda values: ",".join(map(str, values)))
    return st.just("*") | st.just("*") | step.map("*/{}".format) | span | listed


expressions = st.tuples(field(0, 59), field(0, 23), field(1, 30), field(1, 12), field(0, 5)).map(" ".join)
changes = st.sampled_from(CHANGES)


def is_taken(text: str) -> bool:
    try:
        parse_cron(text)
    except ScheduleError:
        return False
    return True


taken = expressions.filter(is_taken)


@settings(max_examples=60, deadline=None)
@given(taken, changes, st.integers(-3 * HOUR, HOUR))
def test_around_a_change_any_expression_fires_when_the_oracle_says(text: str, change: Change, shift: int) -> None:
    since, until = change.at + shift, change.at + 4 * HOUR
    right = Expression(text).fires(read_clock(change.zone, change.window[0], until))
    found = walked(lambda cron, at, zone: cron.after(at, zone), parse_cron(text), ZoneInfo(change.zone), since, until)
    assert found == [fire for fire in right if fire >= since]


@settings(max_examples=60, deadline=None)
@given(taken, changes, st.integers(-(10**9), 10**9), st.integers(0, 10**6), st.booleans())
def test_a_fire_is_later_and_a_later_instant_has_no_earlier_one(
    text: str, change: Change, far: int, more: int, near: bool
) -> None:
    cron, zone = parse_cron(text), zone_named(change.zone)
    instant = change.at + (far % (4 * HOUR) - 2 * HOUR if near else far)
    first, second = cron.after(instant, zone), cron.after(instant + more, zone)
    assert first is not None
    assert second is not None
    assert instant < first <= second
    assert first == second or first <= instant + more, "nothing lies between an instant and its fire"
    local, before = first + offset(first, zone), offset(first - 1, zone)
    assert Expression(text).names(local // 60) or before < offset(first, zone), "named, or clocks were put forward"


@settings(max_examples=60, deadline=None)
@given(taken, changes, st.integers(-2 * HOUR, 2 * HOUR), st.sets(st.integers(0, 59), min_size=1, max_size=3))
def test_seconds_are_those_of_each_minute_that_fires(text: str, change: Change, shift: int, seconds: set[int]) -> None:
    zone = zone_named(change.zone)
    with_seconds = parse_cron(f"{','.join(map(str, sorted(seconds)))} {text}")
    instant = change.at + shift
    minute = parse_cron(text).after(instant - 60, zone)
    assert minute is not None
    fire = with_seconds.after(instant, zone)
    assert fire is not None
    if fire != change.at:  # what is skipped fires at that second, whichever it is
        assert fire % 60 in seconds
        assert parse_cron(text).after(fire - fire % 60 - 1, zone) == fire - fire % 60
    assert minute <= fire


@settings(max_examples=60, deadline=None)
@given(changes, st.integers(-3 * 86_400, 3 * 86_400))
def test_a_change_is_found_and_how_far_the_clocks_had_come(change: Change, shift: int) -> None:
    zone = zone_named(change.zone)
    after = change.at + shift
    assert next_change(zone, after, after + 3 * 86_400) == (change.at if shift < 0 else None)
    come = [at + offset(at, zone) for at in range(change.at - 2 * HOUR, after + 1, 1800)] + [
        change.at - 1 + change.before
    ]
    if 0 <= shift <= 3 * HOUR:
        assert furthest(after, zone) == max(*come, after + offset(after, zone))
    else:
        assert furthest(after, zone) == after + offset(after, zone)
