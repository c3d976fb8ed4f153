"""What happens to fires that no scheduler was there for: three hours down, with a clock change in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fairque.core.limits import UserSettings
from fairque.core.schedule import Fire, ms
from fairque.core.settings import RedisSettings
from fairque.scheduler.rounds import Round, round_of
from fairque.scheduler.verbs import ScheduleVerbs
from fairque.store import limits, readings, tasks
from fairque.store.driver import Driver
from tests.contract.jobs import echo

SPRING = (datetime(2027, 3, 28, 0, 37, tzinfo=UTC), datetime(2027, 3, 28, 3, 37, tzinfo=UTC))
"""In Berlin from 1:37 to 5:37: at 1:00 UTC 2:00 became 3:00."""
AUTUMN = (datetime(2027, 10, 31, 0, 7, tzinfo=UTC), datetime(2027, 10, 31, 3, 7, tzinfo=UTC))
"""In Berlin from 2:07 to 4:07: at 1:00 UTC 3:00 became 2:00."""

DOWN = {
    ("spring", "30 2 * * *"): ["01:00"],
    ("spring", "0 3 * * *"): ["01:00"],
    ("spring", "*/30 * * * *"): ["01:00", "01:30", "02:00", "02:30", "03:00", "03:30"],
    ("spring", "15 * * * *"): ["01:00", "01:15", "02:15", "03:15"],
    ("spring", "0 12 * * *"): [],
    ("autumn", "30 2 * * *"): ["00:30"],
    ("autumn", "*/30 * * * *"): ["00:30", "01:00", "01:30", "02:00", "02:30", "03:00"],
    ("autumn", "15 2,3 * * *"): ["00:15", "02:15"],
    ("autumn", "0 0 * * *"): [],
}
"""Which fires come while no scheduler is up, in UTC, worked out by hand."""


class Clock:
    """Schedules of one queue on a simulated clock."""

    def __init__(self, redis_url: str, root: str) -> None:
        self.root = root
        self.driver = Driver(RedisSettings(url=redis_url))
        self.verbs = ScheduleVerbs(root, "Europe/Berlin")
        self.driver.run(tasks.open_queue(root, 60_000))

    def round(self, at: datetime) -> Round:
        """Be a scheduler at this instant, for a round."""
        return self.driver.converse(round_of(self.root, "token", "scheduler|here|1", str(ms(at))))

    def tick(self, at: datetime) -> None:
        """Be a scheduler at this instant, until nothing is due any more."""
        while self.round(at).wait == 0:
            pass

    def add(self, **given: Any) -> str:
        when = {"cron_expr": None, "every": None, "timezone": None, "start": None, "end": None}
        how = {"catchup": "one", "overlap": "allow"}
        when |= {name: value for name, value in given.items() if name in when}
        how |= {name: value for name, value in given.items() if name in how}
        draft = self.verbs.draft(given.get("schedule_id", "s"), echo(given.get("value", 1)), "u", when, how)
        return self.driver.converse(self.verbs.add(draft))

    def history(self) -> list[Fire]:
        return self.driver.run(self.verbs.history("s", 100))[::-1]


@pytest.fixture
def clock(redis_url: str, prefix: str) -> Iterator[Clock]:
    made = Clock(redis_url, f"{{{prefix}:default}}")
    yield made
    made.driver.close()


def hours(fires: list[Fire], outcome: str) -> list[str]:
    return [f"{fire.instant:%H:%M}" for fire in fires if fire.outcome == outcome]


@pytest.mark.parametrize(("catchup", "kept"), [("none", 0), ("one", 1), ("all", 100), ("all(2)", 2), ("all(1)", 1)])
@pytest.mark.parametrize(("season", "cron"), DOWN)
def test_down_for_three_hours_over_a_clock_change(
    clock: Clock, season: str, cron: str, catchup: str, kept: int
) -> None:
    went, came = SPRING if season == "spring" else AUTUMN
    due = DOWN[season, cron]
    clock.tick(went)
    clock.add(cron_expr=cron, catchup=catchup)
    clock.tick(came)
    expected = due[len(due) - min(kept, len(due)) :]
    history = clock.history()
    assert hours(history, "fired") == expected
    passed = due[: len(due) - len(expected)]
    assert hours(history, "missed") == passed[-1:]
    assert [f"{fire.since:%H:%M}" for fire in history if fire.outcome == "missed"] == passed[:1]
    found = clock.driver.run(clock.verbs.get("s"))
    assert found is not None
    assert found.next_fire is not None
    assert found.next_fire > came


@pytest.mark.parametrize("catchup", ["none", "one", "all"])
def test_a_fire_that_is_a_little_late_is_not_missed(clock: Clock, catchup: str) -> None:
    clock.tick(SPRING[0])
    clock.add(cron_expr="0 3 * * *", catchup=catchup)
    clock.tick(datetime(2027, 3, 28, 1, 0, 10, tzinfo=UTC))
    assert hours(clock.history(), "fired") == ["01:00"]
    assert clock.history()[0].lag == 10


def test_one_that_is_later_than_that_is_missed_by_none(clock: Clock) -> None:
    clock.tick(SPRING[0])
    clock.add(cron_expr="0 3 * * *", catchup="none")
    clock.tick(datetime(2027, 3, 28, 1, 0, 10, 1000, tzinfo=UTC))
    assert hours(clock.history(), "missed") == ["01:00"]


def test_intervals_know_no_clock_change(clock: Clock) -> None:
    clock.tick(AUTUMN[0])
    clock.add(every=3600, catchup="all")
    clock.tick(AUTUMN[1])
    assert hours(clock.history(), "fired") == ["01:07", "02:07", "03:07"]


@pytest.mark.parametrize(("most", "fired"), [("all(1000)", 1000), ("all(250)", 250), ("one", 1)])
def test_a_month_of_missed_seconds_is_caught_up_in_bounded_steps(clock: Clock, most: str, fired: int) -> None:
    clock.tick(SPRING[0])
    clock.add(cron_expr="* * * * * *", catchup=most)
    at = datetime(2027, 4, 28, tzinfo=UTC)
    clock.tick(at)
    queued = clock.driver.run(tasks.get(clock.root, f"s/1/{ms(at)}", "u"))
    assert queued is not None
    first = ms(at) - (fired - 1) * 1000
    assert clock.driver.run(tasks.get(clock.root, f"s/1/{first}", "u")) is not None
    assert clock.driver.run(tasks.get(clock.root, f"s/1/{first - 1000}", "u")) is None
    assert len(clock.history()) == min(fired + 1, 100)


def test_a_full_backlog_takes_what_fits_of_those_that_are_caught_up(clock: Clock) -> None:
    clock.tick(AUTUMN[0])
    clock.driver.run(limits.change(clock.root, "u", UserSettings, "set", {"max_backlog": 2}))
    clock.add(cron_expr="*/30 * * * *", catchup="all")
    clock.tick(AUTUMN[1])
    assert hours(clock.history(), "fired") == ["00:30", "01:00"]
    assert hours(clock.history(), "refused") == ["01:30", "02:00", "02:30", "03:00"]


def test_large_tasks_are_fired_some_at_a_time_and_all_without_a_pause(clock: Clock) -> None:
    clock.tick(AUTUMN[0])
    for n in range(9):
        clock.add(schedule_id=f"s{n}", every=3600, value="x" * 1_000_000)
    rounds = 1
    while clock.round(AUTUMN[1]).wait == 0:
        rounds += 1
    assert rounds == 3
    assert clock.driver.run(readings.sizes(clock.root, "u")).queued == 9
