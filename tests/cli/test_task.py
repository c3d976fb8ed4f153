"""`fairque task`: how one task stands, and why it has not started."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from fairque import TaskQueue, task
from tests.cli.inside import call
from tests.cli.program import run


@task(name="jobs:secretive", max_retries=0)
def secretive(word: str) -> str:
    return word


def ago(instant: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(instant)).total_seconds()


def test_show_says_how_a_task_stands_and_never_its_arguments_or_result(env: dict[str, str], queue: TaskQueue) -> None:
    handle = queue.push(secretive("sesame"), user_id="user:1")
    waits = call(env, "task", "show", handle.task_id)
    assert waits.rows["task"] == handle.task_id
    assert [waits.rows[name] for name in ("name", "user", "state", "attempts")] == [
        "jobs:secretive", "user:1", "queued", "0",
    ]  # fmt: skip
    (popped,) = queue.pop_many(1)
    runs = call(env, "task", "show", handle.task_id)
    assert runs.rows["state"].startswith("started on pop-")
    assert {"pushed", "started"} <= set(runs.rows)
    queue.finish(popped, "open sesame")
    ended = call(env, "task", "show", handle.task_id, "--json")
    assert (ended.json["state"], ended.json["attempts"], ended.json["failure"]) == ("finished", 1, None)
    assert 0 <= ago(ended.json["ended_at"]) <= ago(ended.json["pushed_at"]) + 0.1 < 30
    assert "sesame" not in waits.out + runs.out + ended.out


def test_show_has_the_failure(env: dict[str, str], queue: TaskQueue) -> None:
    handle = queue.push(secretive("x"), user_id="u")
    (popped,) = queue.pop_many(1)
    queue.fail(popped, ValueError("no [disk] today"))
    ran = call(env, "task", "show", handle.task_id)
    assert (ran.rows["state"], ran.rows["failure"]) == ("failed", "ValueError: no [disk] today")
    found = call(env, "task", "show", handle.task_id, "--json").json
    assert (found["failure"]["type"], found["failure"]["message"]) == ("ValueError", "no [disk] today")
    assert (found["failures"], found["max_retries"]) == (1, 0)


def test_explain_draws_place_share_and_reasons(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([secretive("a"), secretive("b")], user_id="user:1")
    handle = queue.push(secretive("c"), user_id="user:1")
    queue.push(secretive("d"), user_id="other")
    queue.pause("user:1")
    ran = call(env, "task", "explain", handle.task_id)
    assert ran.rows["task"] == f"{handle.task_id} jobs:secretive"
    assert ran.rows["position"] == "2 tasks of this user before it"
    assert ran.rows["share"].startswith("50.0% of the service")
    assert ran.out.splitlines()[-2:] == [
        "because   user paused",
        "          no worker serves this user: none is up",
    ]
    found = call(env, "task", "explain", handle.task_id, "--json").json
    assert [reason["code"] for reason in found["reasons"]] == ["paused", "no_worker"]
    assert (found["position"], found["share"], found["state"]) == (2, 0.5, "queued")


def test_a_chosen_id_is_found_with_its_user(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push(secretive("x").with_(task_id="[mine]", delay=600), user_id="user:1")
    rows = call(env, "task", "show", "[mine]", "--user", "user:1").rows
    assert (rows["task"], rows["state"]) == ("[mine]", "scheduled")
    assert rows["due"].endswith("(in 10 min)")
    assert "pushed" not in rows
    assert call(env, "task", "explain", "[mine]", "--user", "user:1").rows["because"].startswith("scheduled until ")


def test_the_program_itself_explains(env: dict[str, str], queue: TaskQueue) -> None:
    handle = queue.push(secretive("x"), user_id="user:1")
    ran = run("task", "explain", handle.task_id, env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "because   no worker serves this user: none is up" in ran.stdout.splitlines()
    assert json.loads(run("task", "show", handle.task_id, "--json", env=env).stdout)["user_id"] == "user:1"


@pytest.mark.parametrize("verb", ["show", "explain"])
def test_an_unknown_task_exits_with_1_and_the_remedy(env: dict[str, str], queue: TaskQueue, verb: str) -> None:
    handle = queue.push(secretive("x"), user_id="user:1")
    queue.push(secretive("x").with_(task_id="mine"), user_id="user:1")
    fate = "it was never pushed, was deleted, or its result has expired"
    for words, said in (
        (["mine"], f"mine: no such task: {fate}; an id that you chose is found with its user: add --user USER"),
        (["mine", "--user", "v"], f"mine: v has no such task: {fate}"),
        (
            [handle.task_id, "--user", "v"],
            f"{handle.task_id}: v has no such task: {fate}; without --user this id is found whoever's it is",
        ),
    ):
        ran = call(env, "task", verb, *words)
        assert (ran.code, ran.out, ran.err) == (1, "", f"fairque: {said}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([""], "task_id: is empty"),
        (["a\nb"], "task_id: has a character that is not printable"),
        (["a", "--user", "*"], "user_id: '*' means every user"),
        ([], "Missing argument 'ID'"),
    ],
)
def test_wrong_usage_exits_with_2(env: dict[str, str], words: list[str], said: str) -> None:
    ran = call(env, "task", "explain", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize("verb", ["show", "explain"])
def test_without_redis_it_exits_with_3(verb: str) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "task", verb, "x")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
