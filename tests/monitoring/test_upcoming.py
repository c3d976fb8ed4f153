"""What is said of the clocks beside fires that are to come."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest

from fairque.core.schedule import fires_after
from fairque.core.timing import Timing
from fairque.monitoring.upcoming import upcoming, upcoming_json


def marks(timing: Timing, after: str, count: int) -> dict[str, str]:
    """Return the marks of the next fires, by local time."""
    since = datetime.fromisoformat(after)
    found = upcoming(timing, islice(fires_after(timing, since), count), since)
    return {f"{local:%d. %H:%M:%S %z}": "; ".join(said) for _, local, said in found}


@pytest.mark.parametrize(
    ("cron", "zone", "after", "told"),
    [
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            {
                "28. 02:30:00 +0100": "",
                "29. 03:00:00 +0200": "clock forward 1 h; 02:30 does not exist",
                "30. 02:30:00 +0200": "",
            },
        ),
        (
            "0 3 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            {"28. 03:00:00 +0100": "", "29. 03:00:00 +0200": "clock forward 1 h", "30. 03:00:00 +0200": ""},
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            {"25. 02:30:00 +0200": "02:30 comes twice: the first time", "26. 02:30:00 +0100": "clock back 1 h"},
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:15:00Z",
            {
                "25. 02:30:00 +0200": "02:30 comes twice: the first time",
                "25. 02:00:00 +0100": "clock back 1 h; 02:00 comes twice: the second time",
                "25. 02:30:00 +0100": "02:30 comes twice: the second time",
                "25. 03:00:00 +0100": "",
            },
        ),
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            {"04. 02:30:00 +1100": "clock forward 30 min; 02:15 does not exist", "05. 02:15:00 +1100": ""},
        ),
        (
            "20 0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T00:00:00Z",
            {
                "29. 12:00:20 -1000": "",
                "31. 00:00:00 +1400": "clock forward 24 h; 2011-12-30 12:00:20 does not exist",
                "31. 12:00:20 +1400": "",
            },
        ),
        ("0 12 1 * *", "Europe/Berlin", "2026-03-02T00:00:00Z", {"01. 12:00:00 +0200": "clock forward 1 h"}),
        ("0 12 * * *", "UTC", "2026-03-28T13:00:00Z", {"29. 12:00:00 +0000": "", "30. 12:00:00 +0000": ""}),
    ],
)
def test_a_fire_is_marked_where_the_clocks_are_moved(cron: str, zone: str, after: str, told: dict[str, str]) -> None:
    assert marks(Timing(cron=cron, zone=zone), after, len(told)) == told


def test_an_interval_follows_no_clock_and_only_tells_that_it_was_moved() -> None:
    timing = Timing(every_ms=1_800_500, zone="Europe/Berlin", anchor_ms=1_774_744_199_000)
    assert marks(timing, "2026-03-29T00:59:00Z", 2) == {
        "29. 01:59:59 +0100": "",
        "29. 03:30:00 +0200": "clock forward 1 h",
    }


def test_machines_get_both_times_and_the_marks() -> None:
    since = datetime.fromisoformat("2026-03-29T00:00:00Z")
    timing = Timing(cron="30 2 * * *", zone="Europe/Berlin")
    assert upcoming_json(upcoming(timing, islice(fires_after(timing, since), 1), since)) == [
        {
            "at": "2026-03-29T01:00:00+00:00",
            "local": "2026-03-29T03:00:00+02:00",
            "zone": "CEST",
            "marks": ["clock forward 1 h", "02:30 does not exist"],
        }
    ]


def test_a_timing_ends_at_its_end() -> None:
    since = datetime.fromisoformat("2026-03-29T00:00:00Z")
    timing = Timing(cron="@daily", end_ms=1_774_915_200_000)  # the 31st
    assert [f"{at:%d}" for at in fires_after(timing, since)] == ["30", "31"]
