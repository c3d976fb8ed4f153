"""Each damage that somebody else could do to schedules is found by check_page, and nothing else is (I18, I22)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fairque.monitoring.findings import RULES
from tests.lua.inspection import codes
from tests.lua.stock import Stock
from tests.lua.test_check_damage import USERS, Damage, delete, hset, zadd, zrem
from tests.lua.timetable import due, known

LONG_AGO = 1_000_000_000_000
"""When the stock's clock begins."""


def edit(schedule_id: str, old: bytes, new: bytes) -> Damage:
    def damage(stock: Stock) -> None:
        text: Any = stock.client.hget(stock.key("schedules"), schedule_id)
        assert old in text
        stock.client.hset(stock.key("schedules"), schedule_id, text.replace(old, new, 1))

    return damage


def wrong(what: str) -> Damage:
    """Let one of a user's keys hold what fairque did not write."""
    return lambda stock: (stock.client.delete(stock.of("a", what)), stock.client.set(stock.of("a", what), "x"))


DAMAGES: dict[str, tuple[Damage, str]] = {
    "it is not readable": (hset("schedules", "hourly", "nonsense"), "I18.corrupt"),
    "its number is beyond all": (edit("hourly", b"1:", b"9" * 400 + b":"), "I18.corrupt"),
    "it is another user's": (edit("hourly", b":a:", b":b:"), "I18.unlisted"),
    "its user does not have it": (lambda s: s.client.srem(s.of("a", "schedules"), "hourly"), "I18.unlisted"),
    "its user has none": (delete("a", "schedules"), "I18.unlisted"),
    "what its user has is not readable": (wrong("schedules"), "I18.unlisted"),
    "it is in no timetable": (zrem("schedules-due", "hourly"), "I18.undue"),
    "the timetable is gone": (lambda s: s.client.delete(s.key("schedules-due")), "I18.undue"),
    "it has no next fire": (edit("hourly", str(LONG_AGO + 3_600_000).encode(), b""), "I18.due"),
    "it is due too early": (zadd("schedules-due", "hourly", LONG_AGO), "I18.due"),
    "it is due much too late": (zadd("schedules-due", "hourly", 9e12), "I18.due"),
    "it is due though it is paused": (zadd("schedules-due", "paused", LONG_AGO + 9_000_000), "I18.due"),
    "what is due is not there": (zadd("schedules-due", "stranger", LONG_AGO), "I22.schedule-due"),
    "it was put off": (
        lambda s: s.client.lpush(s.of("a", "fires:hourly"), f"E:{LONG_AGO + 3_600_000}:{LONG_AGO}:no"),
        "schedules.failing",
    ),
    "its history is not readable": (wrong("fires:hourly"), ""),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_has_a_remedy(stock: Stock, name: str) -> None:
    damage, expected = DAMAGES[name]
    damage(stock)
    found = codes(stock, *USERS)
    assert found == {*expected.split()}
    assert all(RULES[code].remedy for code in found)


def test_one_that_is_looked_at_again_in_a_minute_is_sound(stock: Stock) -> None:
    stock.client.zadd(stock.key("schedules-due"), {"hourly": time.time() * 1000 + 50_000})
    assert codes(stock, *USERS) == set()


def test_what_the_doctor_tells_to_be_due_by_mistake_is_put_right_by_the_next_tick(stock: Stock) -> None:
    stock.client.zadd(stock.key("schedules-due"), {"hourly": 1, "paused": 2, "stranger": 3})
    assert codes(stock, *USERS) == {"I18.due", "I22.schedule-due"}
    assert due(stock) == []
    assert codes(stock, *USERS) == set()
    assert known(stock, "hourly").due_ms == LONG_AGO + 3_600_000


def test_every_finding_about_schedules_has_its_damage() -> None:
    told = {code for _, expected in DAMAGES.values() for code in expected.split()}
    assert {code for code in RULES if code.startswith("I18.")} - told == {"I18.overdue"}
