"""`fairque schedule next`: when something fires, by local time and in UTC; of an expression without any server."""

from __future__ import annotations

import pytest

from fairque import TaskScheduler
from tests.cli.inside import Ran, call
from tests.cli.timetable import NIGHTLY, WORD, add

NO_REDIS = {"FAIRQUE_REDIS__URL": "redis://127.0.0.1:1/0"}
BERLIN = ("--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--after", "2026-03-28T00:00Z", "--count", "3")


def following(*words: str) -> Ran:
    return call(NO_REDIS, "schedule", "next", *words)


def test_people_get_both_times_and_what_the_clocks_do() -> None:
    ran = following(*BERLIN)
    assert (ran.code, ran.err) == (0, "")
    head, before, gap, behind = ran.out.splitlines()
    assert head.split() == ["local", "time", "offset", "UTC", "in"]
    assert before.startswith("Sat 2026-03-28 02:30:00  CET +01:00   2026-03-28 01:30:00  ")
    assert gap.startswith("Sun 2026-03-29 03:00:00  CEST +02:00  2026-03-29 01:00:00  ")
    assert gap.endswith("  clock forward 1 h; 02:30 does not exist")
    assert behind.startswith("Mon 2026-03-30 02:30:00  CEST +02:00  2026-03-30 00:30:00  ")


def test_machines_get_them_too() -> None:
    told = following(*BERLIN, "--json").json
    assert told.keys() == {"schedule_id", "cron", "every", "timezone", "start", "end", "fires"}
    assert (told["schedule_id"], told["cron"], told["timezone"]) == (None, "30 2 * * *", "Europe/Berlin")
    assert [fire["at"] for fire in told["fires"]] == [
        "2026-03-28T01:30:00+00:00",
        "2026-03-29T01:00:00+00:00",
        "2026-03-30T00:30:00+00:00",
    ]
    assert told["fires"][1]["marks"] == ["clock forward 1 h", "02:30 does not exist"]


def test_from_now_on_unless_it_is_said_and_in_the_configurations_zone() -> None:
    told = call(
        NO_REDIS | {"FAIRQUE_SCHEDULER__TIMEZONE": "Asia/Tokyo"}, "schedule", "next", "--cron", "@daily", "--json"
    )
    assert told.json["timezone"] == "Asia/Tokyo"
    assert len(told.json["fires"]) == 10
    assert all(fire["local"].endswith("T00:00:00+09:00") for fire in told.json["fires"])
    assert following("--cron", "@daily", "--count", "1").out.splitlines()[1].endswith((" h", " min", " s"))


def test_an_interval_is_counted_from_where_it_is_asked() -> None:
    told = following("--every", "90.5", "--after", "2026-03-28T00:00Z", "--count", "2", "--json").json
    assert [fire["at"] for fire in told["fires"]] == ["2026-03-28T00:01:30.500000+00:00", "2026-03-28T00:03:01+00:00"]


def test_of_a_schedule_that_is_there(env: dict[str, str], scheduler: TaskScheduler) -> None:
    add(env, *NIGHTLY, *WORD)
    told = call(env, "schedule", "next", "nightly", "--count", "40", "--json").json
    assert told["schedule_id"] == "nightly"
    assert [fire["at"] for fire in told["fires"]] == [at.isoformat() for at in scheduler.next_fires("nightly", 40)]
    told = call(env, "schedule", "next", "nightly", "--after", "2026-10-24T12:00Z", "--count", "1", "--json").json
    assert told["fires"][0]["marks"] == ["02:30 comes twice: the first time"]
    scheduler.pause("nightly")
    assert len(call(env, "schedule", "next", "nightly").out.splitlines()) == 11


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give an ID, or one of --cron and --every"),
        (["nightly", "--cron", "@daily"], "give an ID, or one of --cron and --every"),
        (["nightly", "--timezone", "UTC"], "give an ID, or one of --cron and --every"),
        (["--cron", "@daily", "--every", "5"], "give an ID, or one of --cron and --every"),
        (["--cron", "@daily", "--count", "0"], "0 is not in the range 1<=x<=1000"),
        (["--cron", "@daily", "--after", "today"], "must be an instant"),
        (["--cron", "0 0 31 2 *"], "never fires"),
        (["--cron", "@daily", "--timezone", "Nowhere"], "timezone: "),
        (["--every", "0"], "every: must be from 0.1"),
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], said: str) -> None:
    ran = following(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())
