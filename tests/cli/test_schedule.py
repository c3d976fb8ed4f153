"""`fairque schedule`: schedules as people and machines see them, turn them off, fire them by hand and remove them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairque import FairQueueConfig, TaskQueue, TaskScheduler, Worker
from tests.cli.inside import call
from tests.cli.program import TASKS, run
from tests.cli.timetable import KEYS, NIGHTLY, WORD, add
from tests.waiting import wait_until

# --- list, show -----------------------------------------------------------------------------------------------------


def test_list_has_a_line_for_each_by_its_next_fire(env: dict[str, str]) -> None:
    assert call(env, "schedule", "list").out == "there is no schedule\n"
    add(env, *NIGHTLY, *WORD)
    add(env, "poll", "--every", "60", "--task", "nights:send", "--user", "user:2", *WORD)
    lines = call(env, "schedule", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["schedule", "poll", "nightly"]
    assert "30 2 * * * Europe/Berlin  nights:send  user:1" in lines[2]
    assert "sesame" not in "".join(lines)
    assert call(env, "schedule", "list", "--user", "user:2").rows.keys() == {"schedule", "poll"}
    *_, more = call(env, "schedule", "list", "--limit", "1").out.splitlines()
    assert more == "and 1 more schedules: `fairque schedule list` shows all with --json"
    assert len(call(env, "schedule", "list", "--limit", "1", "--json").json["schedules"]) == 1
    assert call(env, "schedule", "list", "--user", "user:3").out == "user:3 has no schedule\n"
    found = call(env, "schedule", "list", "--json").json
    assert (found["queue"], [line["schedule_id"] for line in found["schedules"]]) == ("default", ["poll", "nightly"])
    assert all(line.keys() == KEYS | {"last", "remarks"} for line in found["schedules"])


def test_show_has_what_comes_and_what_came(env: dict[str, str], scheduler: TaskScheduler) -> None:
    add(env, *NIGHTLY, *WORD)
    task_id = call(env, "schedule", "run", "nightly").out.strip()
    told = call(env, "schedule", "show", "nightly", "--json").json
    assert told.keys() == KEYS | {"last", "remarks", "next", "history"}
    assert [fire["at"] for fire in told["next"]] == [at.isoformat() for at in scheduler.next_fires("nightly", 5)]
    assert [(fire["outcome"], fire["task_id"]) for fire in told["history"]] == [("by hand", task_id)]
    assert told["last"] == told["history"][0]
    text = call(env, "schedule", "show", "nightly").out
    assert "fires     30 2 * * * Europe/Berlin" in text
    assert f"by hand  0.0 s  {task_id}" in text
    assert "sesame" not in text


def test_a_task_that_no_worker_knows_is_told_by_name(env: dict[str, str]) -> None:
    call(env, "schedule", "add", "far", "--every", "60", "--task", "elsewhere:run", "--user", "u")
    add(env, *NIGHTLY, *WORD)
    assert "no worker knows" not in call(env, "schedule", "list").out
    with Worker(FairQueueConfig.create_default(environ=env)):
        assert call(env, "schedule", "list").out.splitlines()[-1] == "far: no worker knows this task"
        assert "no worker knows this task" in call(env, "schedule", "show", "far").out
        (line,) = call(env, "info", "--user", "u", "--json").json["schedules"]
    assert line["remarks"] == ["no worker knows this task"]


def test_what_is_overdue_without_a_scheduler_stands_out(env: dict[str, str], scheduler: TaskScheduler) -> None:
    add(env, "poll", "--every", "0.1", "--task", "nights:send", "--user", "u", *WORD)
    wait_until(
        lambda: "poll: no scheduler is running" in call(env, "info").out, description="it is overdue", timeout=20
    )
    assert "overdue" in call(env, "schedule", "list").out
    with scheduler:
        wait_until(lambda: "no scheduler" not in call(env, "info").out, description="one is running")
        (leader,) = call(env, "info", "--json").json["schedulers"]
    assert (leader["id"], leader["leads"]) == ("scheduler-001", True)


# --- pause, resume, run, remove -------------------------------------------------------------------------------------


def test_a_paused_one_does_not_fire_until_it_is_resumed(env: dict[str, str]) -> None:
    add(env, *NIGHTLY, *WORD)
    assert call(env, "schedule", "pause", "nightly").out == "nightly is paused: it does not fire\n"
    assert call(env, "schedule", "list").out.splitlines()[1].split()[-4:] == ["paused", "-", "-", "-"]
    assert call(env, "schedule", "resume", "nightly").out.startswith("nightly fires next 20")
    assert call(env, "schedule", "pause", "nightly", "--json").json["state"] == "paused"
    assert call(env, "schedule", "resume", "nightly", "--json").json["state"] == "active"


def test_run_pushes_its_task_and_prints_the_id(env: dict[str, str], queue: TaskQueue) -> None:
    add(env, *NIGHTLY, *WORD, "--overlap", "allow")
    task_id = call(env, "schedule", "run", "nightly").out.strip()
    popped = queue.pop()
    assert popped is not None
    assert (popped.task_id, popped.user_id, popped.args) == (task_id, "user:1", ("sesame",))
    told = call(env, "schedule", "run", "nightly", "--json").json
    assert (told["schedule_id"], told["user_id"], told["created"]) == ("nightly", "user:1", True)


def test_remove_forgets_it(env: dict[str, str], queue: TaskQueue) -> None:
    add(env, *NIGHTLY, *WORD)
    call(env, "schedule", "run", "nightly")
    assert call(env, "schedule", "remove", "nightly").out == "nightly is removed; tasks that it has pushed stay\n"
    assert call(env, "schedule", "list").out == "there is no schedule\n"
    assert queue.get_stats()["queued"] == 1
    add(env, *NIGHTLY, *WORD)
    assert call(env, "schedule", "remove", "nightly", "--json").json == {"schedule_id": "nightly", "removed": True}


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "remove", "run", "next"])
def test_one_that_is_not_there_exits_with_1(env: dict[str, str], verb: str) -> None:
    ran = call(env, "schedule", verb, "nosuch")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("fairque: nosuch: no such schedule: ")


@pytest.mark.parametrize(
    "words", [("list",), ("show", "s"), ("pause", "s"), ("run", "s"), ("remove", "s"), ("next", "s")]
)
def test_without_redis_it_exits_with_3(words: tuple[str, ...]) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "schedule", *words)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")


def test_the_program_itself_adds_and_lists(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(TASKS, encoding="utf-8")
    words = ("--every", "3600", "--task", "jobs:double", "--user", "u", "--args", "[21]")
    ran = run("schedule", "add", "hourly", *words, env=env, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = run("schedule", "list", env=env)
    assert ran.stdout.splitlines()[1].split()[:5] == ["hourly", "every", "3600", "s", "jobs:double"]
