"""`fairque schedule`: schedules as people and machines add them, see them, turn them off and fire them by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairque import FairQueueConfig, Priority, TaskQueue, TaskScheduler, Worker, task
from tests.cli.inside import Ran, call
from tests.cli.program import TASKS, run
from tests.waiting import wait_until

NIGHTLY = (
    "nightly",
    "--cron",
    "30 2 * * *",
    "--timezone",
    "Europe/Berlin",
    "--task",
    "nights:send",
    "--user",
    "user:1",
)
WORD = ("--args", '["sesame"]')
KEYS = {
    *("schedule_id", "cron", "every", "timezone", "start", "end", "task", "user_id", "priority", "catchup", "overlap"),
    *("state", "version", "next_fire", "origin", "changed"),
}


@task(name="nights:send", max_retries=0)
def send(word: str) -> str:
    return word


@pytest.fixture
def scheduler(env: dict[str, str]) -> Iterator[TaskScheduler]:
    with closing(TaskScheduler(FairQueueConfig.create_default(environ=env))) as scheduler:
        yield scheduler


def add(env: dict[str, str], *words: str) -> Ran:
    ran = call(env, "schedule", "add", *words)
    assert (ran.code, ran.err) == (0, ""), ran
    return ran


# --- add ------------------------------------------------------------------------------------------------------------


def test_a_schedule_is_added_once_and_replaced_by_another_of_its_id(
    env: dict[str, str], scheduler: TaskScheduler
) -> None:
    assert add(env, *NIGHTLY, *WORD).out.startswith("nightly is added: fires next 20")
    assert add(env, *NIGHTLY, *WORD).out.startswith("nightly stays as it is: fires next 20")
    assert add(env, *NIGHTLY, *WORD, "--priority", "high").out.startswith("nightly is replaced: fires next 20")
    found = scheduler.get("nightly")
    assert found is not None
    assert (found.version, found.origin, found.task.priority, found.task.args) == (2, "cli", Priority.HIGH, ("sesame",))


def test_all_that_can_be_said_of_one_is_kept(env: dict[str, str], scheduler: TaskScheduler) -> None:
    span = ("--start", "2040-03-01T09:00:00+01:00", "--end", "2041-03-01 08:00Z")
    how = ("--catchup", "all(7)", "--overlap", "allow", "--kwargs", '{"word": "x"}', "--json")
    told = call(
        env, "schedule", "add", "poll", "--every", "90.5", "--task", "nights:send", "--user", "u", *span, *how
    ).json
    assert told.keys() == KEYS
    assert (told["every"], told["cron"], told["timezone"], told["state"]) == (90.5, None, "UTC", "active")
    assert (told["start"], told["end"]) == ("2040-03-01T08:00:00+00:00", "2041-03-01T08:00:00+00:00")
    assert (told["next_fire"], told["catchup"], told["overlap"]) == (told["start"], "all(7)", "allow")
    found = scheduler.get("poll")
    assert found is not None
    assert (found.task.kwargs, found.user_id) == ({"word": "x"}, "u")


def test_the_zone_is_the_configurations_unless_it_is_given(env: dict[str, str]) -> None:
    env = env | {"FAIRQUE_SCHEDULER__TIMEZONE": "Asia/Tokyo"}
    words = ("schedule", "add", "s", "--cron", "@daily", "--task", "nights:send", "--user", "u", *WORD, "--json")
    assert call(env, *words).json["timezone"] == "Asia/Tokyo"
    assert call(env, *words, "--timezone", "UTC").json["timezone"] == "UTC"


def test_a_task_whose_module_is_not_here_is_taken_with_a_doubt(env: dict[str, str], scheduler: TaskScheduler) -> None:
    words = ("far", "--every", "60", "--task", "elsewhere.jobs:run", "--user", "u", "--args", "[[1], null]")
    ran = call(env, "schedule", "add", *words)
    assert ran.code == 0
    assert ran.err.startswith(
        "fairque: whether there is a task elsewhere.jobs:run cannot be told here: there is no module"
    )
    found = scheduler.get("far")
    assert found is not None
    assert (found.task_name, found.task.args) == ("elsewhere.jobs:run", ([1], None))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a directory with modules of tasks: one that is sound, one that cannot be imported."""
    (tmp_path / "sound_jobs.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "broken_jobs.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("sound_jobs", None)
    sys.path.remove(str(tmp_path))


@pytest.mark.usefixtures("place")
def test_a_module_that_is_here_is_asked(env: dict[str, str], scheduler: TaskScheduler) -> None:
    words = ("schedule", "add", "s", "--every", "60", "--user", "u", "--task")
    ran = call(env, *words, "sound_jobs:duoble", "--args", "[1]")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("fairque: no task is called sound_jobs:duoble; did you mean sound_jobs:double")
    ran = call(env, *words, "sound_jobs:weekday", "--args", '["2026-02-31"]')
    assert ran.code == 2
    assert "args[0]: Invalid" in ran.err
    assert scheduler.list() == []
    assert call(env, *words, "sound_jobs:weekday", "--args", '["2026-02-28"]').code == 0
    ran = call(env, *words, "broken_jobs:run")
    assert ran.code == 0
    assert "broken_jobs cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--every", "5", "--cron", "@daily"], "give one of --cron and --every"),
        ([], "give one of --cron and --every"),
        (["--cron", "0 9 * *"], "expected 5 fields"),
        (["--cron", "0 0 31 2 *"], "never fires"),
        (["--cron", "R * * * *"], "drawn by lot"),
        (["--cron", "@daily", "--timezone", "Berlin"], "did you mean Europe/Berlin?"),
        (["--cron", "@daily", "--timezone", "../etc/passwd"], "timezone: "),
        (["--every", "0.05"], "every: must be from 0.1"),
        (["--every", "nan"], "every: must be from 0.1"),
        (["--every", "5", "--catchup", "some"], "catchup: expected none, one, all or all(N)"),
        (["--every", "5", "--overlap", "maybe"], "'maybe' is not one of 'skip', 'allow'"),
        (["--every", "5", "--start", "2026-03-01T09:00"], "has no offset from UTC"),
        (["--every", "5", "--end", "soon"], "must be an instant such as 2026-03-01T09:00:00+01:00"),
        (["--every", "5", "--end", "2020-03-01T09:00Z"], "end: has passed"),
        (["--every", "5", "--priority", "7"], "must be 1 to 6"),
        (["--every", "5", "--args", "[1]"], "args[0]: Expected `str`, got `int`"),
        (["--every", "5", "--args", "[]"], "missing a required argument: 'word'"),
        (["--every", "5", "--user", "*"], "user_id: '*' means every user"),
        (["--every", "5", "--task", "a b"], "name: expected 1 to 512 printable characters"),
    ],
)
def test_wrong_usage_exits_with_2_and_adds_nothing(
    env: dict[str, str], scheduler: TaskScheduler, words: list[str], said: str
) -> None:
    ran = call(env, "schedule", "add", "s", "--task", "nights:send", "--user", "u", *WORD, *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())
    assert scheduler.list() == []


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
