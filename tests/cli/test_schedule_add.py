"""`fairque schedule add`: what is said of a schedule is kept, what cannot be is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairque import Priority, TaskScheduler
from tests.cli.inside import call
from tests.cli.program import TASKS
from tests.cli.timetable import KEYS, NIGHTLY, WORD, add


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
