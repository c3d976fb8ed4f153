"""Pages about fairness, limits and one task: what people read, on a terminal and in a pipe."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairque.core.limits import Caps
from fairque.core.models import Task
from fairque.core.outcome import Failure, Progress
from fairque.core.settings import FairnessSettings
from fairque.core.state import TaskState
from fairque.monitoring.fairness_page import fairness_page, report_json
from fairque.monitoring.limits_page import queue_page, standings_table, task_caps_page, user_page
from fairque.monitoring.overview import Standing
from fairque.monitoring.task_page import explanation_json, explanation_page, task_json, task_page
from fairque.queue.explaining import Explanation, Reason
from fairque.queue.report import FairnessReport, UserShare
from tests.monitoring.test_tables import printed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def rows_of(page: Any) -> dict[str, str]:
    """Return the lines of a page by their first words."""
    lines = printed(page, terminal=False).splitlines()
    return {name: rest.strip() for name, _, rest in (line.partition("  ") for line in lines if line)}


# --- fairness -------------------------------------------------------------------------------------------------------


def share(user_id: str, **fields: Any) -> UserShare:
    plain: dict[str, Any] = {
        "weight": 1.0,
        "entitled": 0.5,
        "received": 0.5,
        "starts": 10,
        "run_seconds": 1.0,
        "waiting": 0,
    }
    waits = {"wait_p50_ms": 1.0, "wait_p95_ms": 20.0, "wait_p99_ms": 3000.0}
    return UserShare(user_id=user_id, **(plain | waits | {"noisy": False} | fields))


REPORT = FairnessReport(
    cost="time",
    jain=0.8123,
    users=(
        share("[b]big", weight=2.5, entitled=0.6, received=0.9, waiting=1234, noisy=True),
        share("new", entitled=0.4, received=0.1, starts=0, wait_p50_ms=None, wait_p95_ms=None, wait_p99_ms=None),
    ),
)


def test_the_fairness_page_has_everything_in_a_pipe() -> None:
    text = printed(fairness_page(REPORT, queue="emails", address="redis://h", pretty=False), terminal=False)
    assert "\x1b" not in text
    assert "fairness of emails at redis://h, last 10 to 20 min" in text
    assert "time: service is measured in run time" in text
    assert "0.812 (1 is perfectly fair)" in text
    assert "[b]big (ask for more than twice what they are entitled to)" in text
    head, first, second = [line.split() for line in text.splitlines()[-3:]]
    assert " ".join(head) == "user weight entitled received wait p50 p95 p99 starts run waiting noisy"
    assert " ".join(first) == "[b]big 2.5 60.0% 90.0% 1 ms 20 ms 3.0 s 10 1.0 s 1,234 noisy"
    assert " ".join(second) == "new 1 40.0% 10.0% - - - 0 - 0"


def test_the_fairness_page_has_bars_of_one_scale_on_a_terminal() -> None:
    page = fairness_page(REPORT, queue="q", address="a", pretty=True)
    text = printed(page, terminal=True)
    assert "\x1b[1;33m0.812" in text
    assert "█████▍    60.0%" in text
    assert "████████  90.0%" in text


def test_the_fairness_page_of_one_user_and_of_nobody() -> None:
    only = printed(fairness_page(REPORT, queue="q", address="a", user_id="new", pretty=False), terminal=False)
    assert only.splitlines()[-1].startswith("new ")
    assert sum(line.startswith("[b]big") for line in only.splitlines()) == 0
    gone = printed(fairness_page(REPORT, queue="q", address="a", user_id="gone", pretty=False), terminal=False)
    assert gone.splitlines()[-1] == "gone: no run has ended in this time, and nothing waits"
    empty = fairness_page(FairnessReport(cost="count", jain=1.0, users=()), queue="q", address="a", pretty=False)
    assert "noisy now   nobody" in printed(empty, terminal=False)
    few = printed(fairness_page(REPORT, queue="q", address="a", pretty=False, rows=1), terminal=False)
    assert few.splitlines()[-1].startswith("and 1 more users")


def test_the_fairness_report_as_json_has_the_index_of_all_and_the_users_asked_for() -> None:
    plain = report_json("emails", REPORT, "new")
    assert (plain["queue"], plain["cost"], plain["jain"], plain["noisy"]) == ("emails", "time", 0.8123, ("[b]big",))
    assert [user["user_id"] for user in plain["users"]] == ["new"]
    assert len(report_json("emails", REPORT)["users"]) == 2


# --- limits ---------------------------------------------------------------------------------------------------------


def test_caps_that_let_nothing_through_say_so_in_words() -> None:
    rows = rows_of(user_page(Standing(user_id="u", max_concurrency=0, max_backlog=0, paused=True, started=1)))
    assert rows["max_concurrency"] == "0     none may run; 1 running"
    assert rows["max_backlog"] == "0     every push is refused; 0 waiting"
    assert rows["paused"] == "yes   nothing starts"


def test_each_cap_stands_beside_what_it_is_measured_by() -> None:
    user = Standing(
        user_id="u", weight=2.5, max_concurrency=5, started=3, queued=2, scheduled=1, failed=4, source="own"
    )
    rows = rows_of(user_page(user))
    assert rows["user"] == "u     settings of its own"
    assert (rows["weight"], rows["max_concurrency"], rows["rate"]) == ("2.5", "5     3 running", "none")
    assert (rows["max_backlog"], rows["paused"], rows["failed"]) == ("none  3 waiting", "no", "4")


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        (Caps(rate="100/s"), "100/s        up to 100 at once after a quiet time"),
        (Caps(rate="10/m", burst=1000), "10/m         up to 1,000 at once after a quiet time"),
        (Caps(burst=7), "none         burst 7 has no effect without a rate"),
    ],
)
def test_a_rate_says_what_may_come_at_once(caps: Caps, said: str) -> None:
    assert rows_of(task_caps_page("jobs:render", caps))["rate"] == said


def test_the_page_of_a_queue_has_its_rules_and_the_names_with_caps() -> None:
    tasks = {"a:b": Caps(), "m:[f]": Caps(max_concurrency=0, rate="1/s", burst=3, max_backlog=2, paused=True)}
    strict = FairnessSettings(cost="declared", aging_seconds=math.inf)
    page = queue_page("q", "redis://h", strict, Caps(max_concurrency=1000), tasks, {"running": 12, "waiting": 3})
    text = printed(page, terminal=False)
    assert "declared  a start is charged what its task declares" in text
    assert "inf       priorities are strict" in text
    assert "1,000     12 running" in text
    assert text.splitlines()[-1] == "task  m:[f]  max_concurrency 0, rate 1/s, burst 3, max_backlog 2, paused"
    assert "a:b" not in text


def test_users_in_a_table_with_all_others_by_name() -> None:
    users = (
        Standing(user_id="*", weight=3, source="own"),
        Standing(user_id="[u]", rate="1/s", burst=5, bars=("rate",)),
    )
    text = printed(standings_table(users, pretty=False), terminal=False)
    first, second = text.splitlines()[1:]
    assert first.split() == ["*", "(all", "others)", "3", "-", "-", "-", "-", "0", "0", "0", "0"]
    assert second.split() == ["[u]", "1", "-", "1/s", "5", "-", "0", "0", "0", "0", "rate", "1/s"]
    assert "deferred" not in text
    marked = printed(
        standings_table([Standing(user_id="u", scheduled=2, deferred=7, failed=1)], pretty=False), terminal=False
    )
    assert marked.split()[-4:] == ["0", "2", "7", "1"]
    assert "`fairque user show U`" in printed(standings_table(users, pretty=False, rows=1), terminal=False)


# --- a task ---------------------------------------------------------------------------------------------------------


def told(**fields: Any) -> Explanation:
    plain: dict[str, Any] = {
        "task_id": "t1",
        "user_id": "u",
        "name": "m:f",
        "state": TaskState.QUEUED,
        "position": 2,
        "weight": 2.0,
    }
    place = {"users_before": 1, "ready_users": 5, "share": 0.25, "due_at": None, "started_at": None}
    return Explanation(**(plain | place | {"reasons": (Reason("turn", "waits for its turn"),)} | fields))


def test_an_explanation_has_its_place_its_share_and_a_line_for_each_reason() -> None:
    reasons = (Reason("paused", "user paused"), Reason("no_worker", "no worker serves this user: [none] is up"))
    rows = rows_of(explanation_page(told(reasons=reasons)))
    assert rows["task"] == "t1  m:f"
    assert (rows["position"], rows["turn"]) == ("2 tasks of this user before it", "1 of 5 ready users before this one")
    assert rows["share"] == "25.0% of the service while the same users are busy (weight 2)"
    assert (rows["because"], rows[""]) == ("user paused", "no worker serves this user: [none] is up")


def test_what_has_no_meaning_is_left_out_of_an_explanation() -> None:
    ended = told(state=TaskState.FAILED, position=None, reasons=(Reason("failed", "it has ended: failed"),))
    assert set(rows_of(explanation_page(ended))) == {"task", "user", "state", "because"}
    scheduled = told(state=TaskState.SCHEDULED, position=None, due_at=NOW)
    assert set(rows_of(explanation_page(scheduled))) == {"task", "user", "state", "share", "because"}
    assert explanation_json(scheduled)["due_at"] == "2026-11-22T12:00:00+00:00"
    assert explanation_json(scheduled)["reasons"] == [{"code": "turn", "text": "waits for its turn"}]


def test_a_task_shows_its_times_and_failure_and_never_its_arguments() -> None:
    failure = Failure("ValueError", "no [disk]", "Traceback\n  line\nValueError: no [disk]\n")
    task: Task[Any] = Task(
        name="m:f",
        args=("secret",),
        kwargs={"word": "secret"},
        payload={"key": "secret"},
        result=b'"secret"',
        task_id="019aab0e-8c00-7000-8000-000000000000",
        user_id="u",
        state=TaskState.FAILED,
        attempt=3,
        failures=2,
        lost=1,
        failure=failure,
        ended_at=NOW,
    )
    text = printed(task_page(task, told(), now=NOW + timedelta(minutes=3)), terminal=False)
    plain = task_json(task, told())
    assert "secret" not in f"{text}{plain}"
    assert "attempts  3, 2 failed, 1 lost with their worker" in text
    assert "ended     2026-11-22 12:00:00.000+00:00 (3 min ago)" in text
    assert "failure   ValueError: no [disk]" in text
    assert plain["pushed_at"] == datetime.fromtimestamp(0x019AAB0E8C00 / 1000, UTC).isoformat()
    assert plain["failure"] == {"type": "ValueError", "message": "no [disk]", "traceback": failure.traceback}


def test_what_people_write_is_no_markup() -> None:
    task: Task[Any] = Task(
        task_id="x", user_id="u", state=TaskState.STARTED, unique_key="[b]order[/i]", progress=Progress(50, "[/half]")
    )
    rows = rows_of(task_page(task, told(), now=NOW))
    assert (rows["unique key"], rows["progress"]) == ("[b]order[/i]", "50%  [/half]")


def test_a_chosen_id_tells_no_time() -> None:
    task: Task[Any] = Task(
        task_id="019aab0e-8c00-7000-8000-000000000000", user_id="u", state=TaskState.STARTED, incarnation="a1"
    )
    assert task_json(task, told())["pushed_at"] is None
    text = printed(task_page(task, told(due_at=NOW, started_at=NOW), now=NOW - timedelta(seconds=30)), terminal=False)
    assert "due       2026-11-22 12:00:00.000+00:00 (in 30 s)" in text
    assert "name      none: a payload task" in text


def test_a_task_of_a_flow_says_what_it_waits_for_and_which_flow_it_is_of() -> None:
    fields: dict[str, Any] = {"user_id": "u", "state": TaskState.DEFERRED, "incarnation": "g0123456789abcde"}
    task: Task[Any] = Task(
        task_id="019aab0e-8c00-7000-8000-000000000000", parents=("[a]", "b", "c", "d", "e"), policy="c", **fields
    )
    rows = rows_of(task_page(task, told(), now=NOW))
    assert (rows["flow"], rows["parents"]) == ("g0123456789abcde", "[a], b, c and 2 more (cancel)")
    assert "pushed" in rows
    plain = task_json(task, told())
    assert (plain["flow"], plain["parents"], plain["edge"]) == ("g0123456789abcde", ["[a]", *"bcde"], "cancel")
    alone = task_page(Task(task_id="x", user_id="u", state=TaskState.QUEUED, incarnation="a1"), told(), now=NOW)
    assert not {"flow", "parents"} & set(rows_of(alone))
