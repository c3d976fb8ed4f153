"""`fairque failed`: the dead letters, as people and machines see them, queue them again and forget them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import pytest

from fairque import TaskQueue, task
from tests.cli.inside import call
from tests.cli.program import run

VERBS = ["list", "requeue", "purge"]


@task(name="jobs:send", max_retries=0)
def send(word: str) -> str:
    return word


@task(name="jobs:other", max_retries=0)
def other(word: str) -> str:
    return word


@pytest.fixture
def fail(queue: TaskQueue) -> Callable[..., list[str]]:
    """Give a function that lets tasks of a user fail and returns their ids."""

    def push(user_id: str, *errors: BaseException, kind: object = send) -> list[str]:
        ids = []
        for error in errors:
            ids.append(queue.push(kind("sesame"), user_id=user_id).task_id)  # type: ignore[operator]
            (popped,) = queue.pop_many(1)
            queue.fail(popped, error)
        return ids

    return push


Fail = Callable[..., list[str]]


# --- list -----------------------------------------------------------------------------------------------------------


def test_list_has_a_line_for_each_failed_task_and_never_its_arguments(env: dict[str, str], fail: Fail) -> None:
    first, second = fail("user:1", ValueError("no [disk]\ntoday"), KeyError("x"))
    ran = call(env, "failed", "list")
    head, *lines = [line.split() for line in ran.out.splitlines()]
    assert head == ["task", "user", "name", "attempts", "failed", "error"]
    assert [line[0] for line in lines] == [second, first]
    assert lines[1][1:4] == ["user:1", "jobs:send", "1"]
    assert " ".join(lines[1][5:]) == "s ago ValueError: no [disk] today"
    assert "sesame" not in ran.out


@pytest.mark.parametrize("columns", [100, 140])
def test_on_a_terminal_ids_are_whole_and_the_rest_is_cut_to_the_room_there_is(
    env: dict[str, str], fail: Fail, columns: int
) -> None:
    (task_id,) = fail("a user whose name is longer than need be", ValueError("word " * 99))
    ran = call({**env, "FORCE_COLOR": "1", "COLUMNS": str(columns)}, "failed", "list")
    *_, line = ran.out.splitlines()
    assert len(ran.out.splitlines()) == 3
    assert task_id in line
    assert " s ago" in line
    assert "ValueError: w" in line
    assert "a user whose" in line


def test_list_tells_machines_all_but_the_traceback(env: dict[str, str], fail: Fail) -> None:
    (task_id,) = fail("user:1", ValueError("no disk"))
    found = call(env, "failed", "list", "--json").json
    assert (found["queue"], found["cursor"]) == ("default", None)
    (line,) = found["tasks"]
    assert line["failure"] == {"type": "ValueError", "message": "no disk"}
    assert [line[name] for name in ("task_id", "user_id", "name", "state", "attempts", "failures", "max_retries")] == [
        task_id, "user:1", "jobs:send", "failed", 1, 1, 0,
    ]  # fmt: skip
    assert line["ended_at"].endswith("+00:00")
    assert call(env, "failed", "list", "--json", "--user", "nobody").json["tasks"] == []


def test_filters_say_which(env: dict[str, str], fail: Fail) -> None:
    a, b = fail("a", ValueError("1"), KeyError("2"))
    (c,) = fail("b", ValueError("3"), kind=other)

    def ids(*words: str) -> set[str]:
        return {line["task_id"] for line in call(env, "failed", "list", "--json", *words).json["tasks"]}

    assert ids() == {a, b, c}
    assert ids("--user", "a") == {a, b}
    assert ids("--error", "ValueError") == {a, c}
    assert ids("--task", "jobs:other") == {c}
    assert ids("--older-than", "3600") == set()
    assert ids("--older-than", "0", "--user", "a", "--error", "KeyError", "--task", "jobs:send") == {b}


def test_a_list_goes_on_where_another_ended(env: dict[str, str], fail: Fail) -> None:
    ids = fail("user 1|é", *(ValueError(str(n)) for n in range(5)))
    found = call(env, "failed", "list", "--limit", "3", "--json").json
    rest = call(env, "failed", "list", "--json", "--cursor", found["cursor"]).json
    assert [line["task_id"] for line in found["tasks"] + rest["tasks"]] == ids[::-1]
    assert rest["cursor"] is None
    *_, last = call(env, "failed", "list", "--limit", "3").out.splitlines()
    said = shlex.split(last.removeprefix("there may be more: "))
    assert said == ["--cursor", found["cursor"]]
    assert len(call(env, "failed", "list", *said).out.splitlines()) == 3
    assert call(env, "failed", "list", "--limit", "5").rows.keys() >= set(ids)


def test_list_says_that_there_is_none(env: dict[str, str], fail: Fail) -> None:
    assert call(env, "failed", "list").out == "no task has failed\n"
    fail("u", ValueError("x"))
    assert call(env, "failed", "list", "--error", "KeyError").out == "no such task\n"


def test_what_an_error_says_does_not_steer_the_terminal(env: dict[str, str], fail: Fail) -> None:
    (task_id,) = fail("u", ValueError("\x1b[2J\x1b]0;title\x07 gone \u202e"))
    for words in (["failed", "list"], ["task", "show", task_id]):
        ran = call(env, *words)
        assert "\\x1b[2J\\x1b]0;title\\x07 gone" in ran.out
        assert "\\u202e" in ran.out
        assert "\x1b" not in ran.out


# --- requeue and purge ----------------------------------------------------------------------------------------------


def test_requeue_queues_what_is_meant_and_says_how_many(env: dict[str, str], queue: TaskQueue, fail: Fail) -> None:
    fail("a", ValueError("1"), KeyError("2"))
    fail("b", ValueError("3"))
    assert call(env, "failed", "requeue", "--error", "KeyError").out == "1 failed task is queued again\n"
    assert call(env, "failed", "requeue", "--json").json == {"queue": "default", "requeued": 2}
    assert call(env, "failed", "requeue").out == "0 failed tasks are queued again\n"
    assert (queue.get_stats()["queued"], queue.get_stats()["failed"]) == (3, 0)


def test_purge_forgets_what_is_meant_without_a_question(env: dict[str, str], queue: TaskQueue, fail: Fail) -> None:
    fail("a", ValueError("1"), KeyError("2"))
    fail("b", ValueError("3"))
    assert call(env, "failed", "purge", "--user", "b").out == "1 failed task is forgotten\n"
    assert call(env, "failed", "purge", "--yes", "--json").json == {"queue": "default", "purged": 2}
    assert queue.get_stats()["failed"] == 0


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 2), ("\n", 2), ("", 2)])
def test_purge_of_everything_asks_before(
    env: dict[str, str], queue: TaskQueue, fail: Fail, answer: str, left: int
) -> None:
    fail("a", ValueError("1"), KeyError("2"))
    ran = call(env, "failed", "purge", answer=answer)
    assert ran.err.startswith("Forget all failed tasks of the queue default (2)? [y/N]: ")
    assert (ran.code, ran.out) == ((0, "2 failed tasks are forgotten\n") if answer == "y\n" else (1, ""))
    assert queue.get_stats()["failed"] == left


@pytest.mark.parametrize("verb", ["requeue", "purge"])
def test_a_terminal_is_told_what_is_going_on(env: dict[str, str], fail: Fail, verb: str) -> None:
    fail("u", ValueError("1"))
    ran = call({**env, "FORCE_COLOR": "1"}, "failed", verb, "--user", "u")
    doing = {"requeue": "queueing failed tasks again …", "purge": "forgetting failed tasks …"}[verb]
    assert doing in ran.err
    assert ran.out.startswith("1 failed task is ")


def test_the_program_itself_lists_requeues_and_purges(env: dict[str, str], queue: TaskQueue, fail: Fail) -> None:
    (task_id,) = fail("user:1", ValueError("no disk"))
    ran = run("failed", "list", env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[1].split()[:4] == [task_id, "user:1", "jobs:send", "1"]
    assert run("failed", "requeue", env=env).stdout == "1 failed task is queued again\n"
    assert queue.pop() is not None
    asked = run("failed", "purge", env=env)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.endswith("Aborted!\n")
    assert json.loads(run("failed", "purge", "--yes", "--json", env=env).stdout)["purged"] == 0


# --- how they end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--limit", "0"], "0 is not in the range 1<=x<=100000"),
        (["list", "--limit", "x"], "'x' is not a valid integer"),
        (["list", "--cursor", "x"], "cursor: is not one that a page of failed tasks had"),
        (["list", "--cursor", "*:x:1"], "user_id: '*' means every user"),
        *(([verb, "--user", "*"], "user_id: '*' means every user") for verb in VERBS),
        *(([verb, "--user", ""], "user_id: is empty") for verb in VERBS),
        *(([verb, "--older-than", "nan"], "older_than: must be from 0") for verb in VERBS),
        *(([verb, "--older-than", "-1"], "older_than: must be from 0") for verb in VERBS),
        *(([verb, "--older-than", "1h"], "'1h' is not a valid float") for verb in VERBS),
        (["requeue", "--yes"], "No such option"),
        (["purge", "x"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_exits_with_2_and_changes_nothing(
    env: dict[str, str], queue: TaskQueue, fail: Fail, words: list[str], said: str
) -> None:
    fail("u", ValueError("1"))
    ran = call(env, "failed", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())
    assert queue.get_stats()["failed"] == 1


@pytest.mark.parametrize("verb", VERBS)
def test_without_redis_it_exits_with_3(verb: str) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "failed", verb)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
