"""The doctor on schedules: what is overdue, cannot be understood or was damaged; nothing where all is well (I18)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from fairque import TaskScheduler
from fairque.core.timing import Timing
from fairque.monitoring.findings import Finding
from fairque.store import schedules
from tests.monitoring.ward import Ward, nothing
from tests.waiting import wait_until


@contextmanager
def scheduler(ward: Ward) -> Iterator[TaskScheduler]:
    """Give the schedules of a ward; nobody fires them."""
    made = TaskScheduler(ward.config, id="s1")
    try:
        yield made
    finally:
        made.close()


def tick(ward: Ward) -> None:
    """Be a scheduler that looks and fires nothing."""
    ward.driver.run(schedules.tick(ward.root, "token", schedules.member_of("s9", "here", 1)))


def overdue(ward: Ward, schedule_id: str, seconds: float) -> None:
    """Let a schedule have been due for so long."""
    found = ward.driver.run(schedules.read(ward.root, schedule_id))
    assert found.schedule is not None
    due = found.now_ms - int(seconds * 1000)
    ward.driver.run(schedules.write(ward.root, found.schedule._replace(due_ms=due), found.schedule))


def misunderstood(ward: Ward, schedule_id: str) -> None:
    """Let a schedule be of a kind that only a later release knows."""
    found = ward.driver.run(schedules.read(ward.root, schedule_id))
    assert found.schedule is not None
    strange = replace(found.schedule.definition, timing=Timing(cron="at teatime"))
    fresh = found.schedule._replace(definition=strange, due_ms=found.now_ms)
    ward.driver.run(schedules.write(ward.root, fresh, found.schedule))


def found(ward: Ward) -> list[Finding]:
    return [one for one in ward.examine().findings if one.severity != "info"]


def test_schedules_that_are_fired_are_sound_and_so_are_those_that_rest(ward: Ward) -> None:
    with scheduler(ward) as made, ward.beating({}):
        for n in range(20):
            made.add_schedule(every=0.1, task=nothing(), schedule_id=f"s{n}", user_id=f"u{n % 3}", overlap="allow")
        made.add_schedule("0 0 1 1 *", nothing(), schedule_id="yearly", user_id="u1")
        made.pause(made.add_schedule("0 0 1 1 *", nothing(), schedule_id="paused", user_id="u9"))
        made.start()
        wait_until(lambda: len(made.history("s7")) > 2, description="schedules are fired")
        reports = [ward.examine() for _ in range(3)]
    assert [one for report in reports for one in report.findings if one.severity != "info"] == []


def test_what_is_overdue_is_told_with_whether_a_scheduler_is_up(ward: Ward) -> None:
    with scheduler(ward) as made:
        made.add_schedule("0 0 1 1 *", nothing(), schedule_id="s", user_id="u")
        assert ward.codes() == set()
        overdue(ward, "s", 5)
        assert ward.codes() == set()
        overdue(ward, "s", 90)
        (one,) = found(ward)
        assert (one.code, one.severity, one.subject) == ("schedulers.none", "warning", "queue")
        assert "no scheduler is up" in one.text
        assert "fairque scheduler" in one.remedy
        tick(ward)
        (one,) = found(ward)
        assert (one.code, one.severity) == ("I18.overdue", "error")
        with made, ward.beating({}):
            wait_until(lambda: made.history("s"), description="it is fired")
            assert ward.codes() == set()


def test_what_no_scheduler_understands_is_told_and_the_others_are_fired(ward: Ward) -> None:
    with scheduler(ward) as made, ward.beating({}):
        made.add_schedule("0 0 1 1 *", nothing(), schedule_id="strange: {s}", user_id="u")
        made.add_schedule(every=0.1, task=nothing(), schedule_id="plain", user_id="u", overlap="allow")
        misunderstood(ward, "strange: {s}")
        made.start()
        wait_until(lambda: ward.codes() == {"schedules.failing"}, description="it is told")
        (one,) = found(ward)
        assert (one.severity, one.subject) == ("warning", "schedule strange: {s}")
        assert "fairque schedule show" in one.remedy
        fires = len(made.history("plain"))
        wait_until(lambda: len(made.history("plain")) > fires, description="the others go on")
        made.update("strange: {s}", cron_expr="0 0 1 1 *")
        assert ward.codes() == set()


@pytest.mark.parametrize(
    ("key", "code"),
    [("schedules", "I22.schedule-due"), ("schedules-due", "I18.undue"), ("user:u:schedules", "I18.unlisted")],
)
def test_a_key_that_is_gone_is_told(ward: Ward, key: str, code: str) -> None:
    with scheduler(ward) as made:
        made.add_schedule("0 0 1 1 *", nothing(), schedule_id="s", user_id="u")
        ward.client.delete(ward.key(key))
        assert [(one.code, one.subject) for one in found(ward)] == [(code, "schedule s")]


@pytest.mark.parametrize("key", ["schedules", "schedules-due", "schedulers", "scheduler-lock"])
def test_a_key_of_another_kind_is_named(ward: Ward, key: str) -> None:
    with scheduler(ward) as made:
        made.add_schedule("0 0 1 1 *", nothing(), schedule_id="s", user_id="u")
    ward.client.delete(ward.key(key))
    ward.client.rpush(ward.key(key), "x")
    (one,) = found(ward)
    assert (one.code, one.text.endswith(f": {key}")) == ("I19.key-type", True)


def test_the_remedies_help(ward: Ward) -> None:
    with scheduler(ward) as made:
        for schedule_id in ("corrupt", "undue", "late"):
            made.add_schedule("0 0 1 1 *", nothing(), schedule_id=schedule_id, user_id="u")
        ward.client.hset(ward.key("schedules"), "corrupt", "hello")
        ward.client.zrem(ward.key("schedules-due"), "undue")
        ward.client.zadd(ward.key("schedules-due"), {"late": time.time() * 1e6})
        assert ward.codes() == {"I18.corrupt", "I18.undue", "I18.due"}
        assert made.remove("corrupt")
        made.add_schedule("0 0 1 1 *", nothing(), schedule_id="corrupt", user_id="u")
        made.pause("undue")
        made.resume("undue")
        late = made.get("late")
        assert late is not None
        assert late.next_fire is not None
        ward.client.zadd(ward.key("schedules-due"), {"late": int(late.next_fire.timestamp() * 1000)})
        assert ward.codes() == set()
        assert made.next_fires("undue") == made.next_fires("late")
