"""`fairque user`: what users may take, as people and machines set and see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairque import TaskQueue, task
from fairque.core.limits import UserSettings
from tests.cli.inside import call
from tests.cli.program import run

LINE = {
    *("queue", "user_id", "queued", "critical", "started", "deferred", "scheduled", "failed"),
    *("weight", "max_concurrency", "rate", "burst", "max_backlog", "paused", "source", "bars"),
}


@task
def nothing() -> None: ...


def test_set_changes_what_is_given_and_shows_what_is_in_force(env: dict[str, str], queue: TaskQueue) -> None:
    words = ["--weight", "2.5", "--max-concurrency", "3", "--rate", "10/m", "--burst", "4", "--max-backlog", "0"]
    rows = call(env, "user", "set", "user:1", *words).rows
    assert rows["user"] == "user:1 settings of its own"
    assert (rows["weight"], rows["max_concurrency"]) == ("2.5", "3 0 running")
    assert (rows["rate"], rows["max_backlog"]) == (
        "10/m up to 4 at once after a quiet time", "0 every push is refused; 0 waiting",
    )  # fmt: skip
    given = UserSettings(weight=2.5, max_concurrency=3, rate="10/m", burst=4, max_backlog=0)
    assert queue.get_user("user:1") == given
    found = call(env, "user", "set", "user:1", "--weight", "none", "--rate", "None", "--burst", "none", "--json").json
    assert set(found) == LINE
    assert (found["user_id"], found["weight"], found["rate"], found["max_concurrency"]) == ("user:1", 1.0, None, 3)
    assert queue.get_user("user:1") == UserSettings(max_concurrency=3, max_backlog=0)


def test_the_program_itself_sets_and_shows(env: dict[str, str]) -> None:
    ran = run("user", "set", "user:1", "--max-concurrency", "0", env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "max_concurrency  0       none may run; 0 running" in ran.stdout.splitlines()
    shown = run("user", "show", "user:1", "--json", env=env)
    assert json.loads(shown.stdout)["max_concurrency"] == 0


def test_show_has_what_waits_runs_and_bars(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([nothing()] * 3, user_id="user:1")
    later = queue.push(nothing().with_(delay=60), user_id="user:1")
    queue.push(nothing().with_(depends_on=[later]), user_id="user:1")
    queue.set_user("user:1", max_concurrency=1)
    assert len(queue.pop_many(3)) == 1
    rows = call(env, "user", "show", "user:1").rows
    assert (rows["max_concurrency"], rows["max_backlog"]) == ("1 1 running", "none 4 waiting")
    assert rows["deferred"] == "1 of those that wait"
    found = call(env, "user", "show", "user:1", "--json").json
    assert [found[state] for state in ("queued", "started", "scheduled", "deferred")] == [2, 1, 1, 1]
    assert (found["bars"], found["source"], found["known"]) == (["max_concurrency"], "own", True)


def test_show_says_when_nothing_is_known_of_a_user(env: dict[str, str]) -> None:
    ran = call(env, "user", "show", "user:9")
    assert ran.rows["user"] == "user:9 no settings of its own: the defaults are in force"
    last = ran.out.splitlines()[-1]
    assert last == "nothing is known of user:9: no settings of its own, no task, and none ran of late"
    assert call(env, "user", "show", "user:9", "--json").json["known"] is False


def test_all_others_have_settings_too(env: dict[str, str], queue: TaskQueue) -> None:
    rows = call(env, "user", "set", "*", "--max-concurrency", "0", "--weight", "2").rows
    assert rows["user"] == "* all users, but for values of their own"
    assert rows["max_concurrency"] == "0 none may run"
    assert queue.get_user("anybody").max_concurrency == 0
    shown = call(env, "user", "show", "anybody")
    assert shown.rows["user"] == "anybody no settings of its own: those of * (all others) are in force"
    assert call(env, "user", "show", "*", "--json").json["weight"] == 2
    call(env, "user", "reset", "*")
    assert queue.get_user("anybody") == UserSettings()


def test_pause_and_resume(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push(nothing(), user_id="user:1")
    paused = call(env, "user", "pause", "user:1")
    assert (paused.rows["paused"], paused.out.splitlines()[-1]) == (
        "yes nothing starts", "user:1 is paused: nothing of it starts",
    )  # fmt: skip
    assert queue.pop() is None
    queue.pause()
    resumed = call(env, "user", "resume", "user:1")
    assert resumed.out.splitlines()[-1] == (
        "user:1 is not paused; the queue itself is paused: `fairque queue resume` ends that"
    )
    queue.resume()
    assert call(env, "user", "resume", "user:1", "--json").json["paused"] is False
    assert queue.pop() is not None


def test_reset_takes_the_users_own_settings_away(env: dict[str, str], queue: TaskQueue) -> None:
    queue.set_user("user:1", weight=4)
    found = call(env, "user", "reset", "user:1", "--json").json
    assert (found["weight"], found["source"]) == (1, "default")
    assert queue.get_user("user:1") == UserSettings()


# --- erase ----------------------------------------------------------------------------------------------------------


def test_erase_removes_all_of_one_user_and_says_how_much(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([nothing()] * 150, user_id="erin")
    queue.push(nothing().with_(delay=60), user_id="erin")
    queue.set_user("erin", weight=3)
    queue.push(nothing(), user_id="b")
    assert call(env, "user", "erase", "erin", "--yes").out == "erin is erased: 151 tasks removed\n"
    assert set(queue.users()) == {"b"}
    assert queue.get_user("erin") == UserSettings()
    assert call(env, "user", "erase", "b", "--yes", "--json").json == {"queue": "default", "user_id": "b", "removed": 1}
    assert call(env, "user", "erase", "nobody", "--yes").out == "nobody is erased: 0 tasks removed\n"


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 3), ("\n", 3), ("", 3)])
def test_erase_asks_before(env: dict[str, str], queue: TaskQueue, answer: str, left: int) -> None:
    queue.push_batch([nothing().with_(max_retries=0)] * 3, user_id="erin")
    queue.fail(queue.pop_many(1)[0], "no")
    assert len(queue.pop_many(1)) == 1
    ran = call(env, "user", "erase", "erin", answer=answer)
    asked = "Remove all of erin: 1 waiting, 1 running and 1 failed tasks, all results, all settings? [y/N]: "
    assert ran.err.startswith(asked)
    assert (ran.code, ran.out) == ((1, "") if left else (0, "erin is erased: 3 tasks removed\n"))
    assert sum(queue.get_queue_sizes("erin").values()) == left


def test_a_terminal_is_told_what_is_erased(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push(nothing(), user_id="[erin]")
    ran = call({**env, "FORCE_COLOR": "1"}, "user", "erase", "[erin]", "--yes")
    assert "removing all of [erin] …" in ran.err
    assert ran.out == "[erin] is erased: 1 task removed\n"


# --- list -----------------------------------------------------------------------------------------------------------


def test_list_has_whoever_has_tasks_or_settings(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([nothing()] * 2, user_id="[red]busy")
    queue.set_user("set only", weight=2.5, rate="1/s")
    found = call(env, "user", "list", "--json").json
    assert found["queue"] == "default"
    assert all(set(user) == LINE - {"queue"} for user in found["users"])
    assert [user["user_id"] for user in found["users"]] == ["*", "[red]busy", "set only"]
    head, everyone, busy, other = call(env, "user", "list").out.splitlines()
    assert head.split()[:5] == ["user", "weight", "max", "running", "rate"]
    assert everyone.startswith("* (all others) ")
    assert busy.split()[:2] == ["[red]busy", "1"]
    assert "2.5" in other
    assert "1/s" in other


@pytest.mark.parametrize("user", ["user:1", "a|b {c}", "é", "-5", "none", "--json"])
def test_any_valid_id_is_taken_as_it_is(env: dict[str, str], queue: TaskQueue, user: str) -> None:
    found = call(env, "user", "set", "--weight", "3", "--json", "--", user).json
    assert found["user_id"] == user
    assert queue.get_user(user).weight == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["set", "u"],
            "nothing to set: give one or more of --weight, --max-concurrency, --rate, --burst, --max-backlog",
        ),
        *(
            (["set", "u", "--weight", value], "must be a number from 0.001 to 1000, not")
            for value in ("0", "-1", "nan")
        ),
        (["set", "u", "--weight", "heavy"], "Invalid value for '--weight': must be a number"),
        *(
            (["set", "u", "--rate", value], "such as 100/s or 10/m, not")
            for value in ("ten", "0/s", "-1/s", "1/x", "10")
        ),
        *((["set", "u", "--max-concurrency", value], "must be a whole number from 0") for value in ("-1", "1.5", "x")),
        (["set", "u", "--max-backlog", "10000000000"], "must be a whole number from 0 to 1000000000"),
        (["set", "u", "--burst", "0"], "must be a whole number from 1"),
        (["set", "u", "--wieght", "2"], "No such option"),
        (["set", " u", "--weight", "2"], "is blank or starts or ends with a space"),
        (["show", ""], "Invalid value for 'USER': is empty"),
        (["show", "x" * 257], "longer than 256 bytes"),
        (["pause", "*"], "name one user; `fairque queue pause` and `resume` are for everybody"),
        (["resume", "*"], "name one user"),
        (["erase", "*"], "name one user; users are erased one by one"),
        (["erase", "*", "--yes"], "name one user"),
        (["show"], "Missing argument 'USER'"),
        (["lsit"], "No such command 'lsit'"),
    ],
)
def test_wrong_usage_exits_with_2_and_changes_nothing(
    env: dict[str, str], queue: TaskQueue, words: list[str], said: str
) -> None:
    ran = call(env, "user", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())
    assert queue.all_limits().users == {}


def test_a_configuration_names_the_queue_and_a_shared_fairness_that_differs_is_no_news(
    env: dict[str, str], queue: TaskQueue, tmp_path: Path
) -> None:
    queue.set_fairness(aging_seconds=5)
    (tmp_path / "fq.yaml").write_text("queue: {name: emails}\n", encoding="utf-8")
    found = json.loads(run("user", "show", "u", "--config", "fq.yaml", "--json", env=env, cwd=tmp_path).stdout)
    assert found["queue"] == "emails"
    ran = run("user", "list", env=env)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "words", [["list"], ["show", "u"], ["set", "u", "--weight", "2"], ["pause", "u"], ["erase", "u", "--yes"]]
)
def test_without_redis_it_exits_with_3(words: list[str]) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "user", *words)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
