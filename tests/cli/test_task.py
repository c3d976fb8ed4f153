"""`fairque task`: how one task stands and why it has not started; to cancel it, or to try it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from fairque import TaskQueue, task
from fairque.core.outcome import Progress
from fairque.core.settings import RedisSettings
from fairque.store.driver import Driver
from fairque.store.progress import Report, report
from fairque.store.tasks import root_of
from tests.cli.inside import call
from tests.cli.program import run
from tests.waiting import wait_until


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


def test_show_has_the_options_and_how_far_the_run_has_come(
    env: dict[str, str], queue: TaskQueue, redis_url: str, prefix: str
) -> None:
    options = {"task_id": "x", "timeout": 90, "executor": "process", "unique_key": "order:7", "max_retries": 2}
    queue.push(secretive("sesame").with_(**options), user_id="u")
    waits = call(env, "task", "show", "x", "--user", "u").rows
    assert [waits[name] for name in ("retries", "timeout", "executor", "unique key")] == [
        "2 at most", "90 s for an attempt", "process", "order:7",
    ]  # fmt: skip
    assert "progress" not in waits
    (popped,) = queue.pop_many(1)
    assert popped.lease is not None
    said = Report(b"u|x", popped.lease.token.encode(), Progress(42.5, "half\x1b[2J way"))
    driver = Driver(RedisSettings(url=redis_url))
    assert driver.run(report(root_of(prefix, "default"), [said])) == [True]
    driver.close()
    assert call(env, "task", "show", "x", "--user", "u").rows["progress"] == "42.5% half\\x1b[2J way"
    found = call(env, "task", "show", "x", "--user", "u", "--json").json
    assert found["progress"] == {"percent": 42.5, "message": "half\x1b[2J way"}
    assert [found[name] for name in options] == ["x", 90, "process", "order:7", 2]


@pytest.mark.parametrize("reason", ["canceled", "expired"])
def test_show_says_why_a_task_was_canceled(env: dict[str, str], queue: TaskQueue, reason: str) -> None:
    queue.pause()
    handle = queue.push(secretive("x").with_(expires_in=0.001 if reason == "expired" else None), user_id="u")
    if reason == "canceled":
        assert handle.cancel()
    wait_until(lambda: queue.pop() or handle.state() == "canceled", description="the task is canceled")
    rows = call(env, "task", "show", handle.task_id).rows
    why = {
        "canceled": "the task was canceled",
        "expired": "the task had not started in the time that expires_in gave it",
    }[reason]
    assert (rows["state"], rows["because"]) == ("canceled", why)
    assert "failure" not in rows
    found = call(env, "task", "show", handle.task_id, "--json").json
    assert (found["state"], found["failure"]) == ("canceled", {"type": reason, "message": why})


def test_show_says_what_a_deferred_task_waits_for(env: dict[str, str], queue: TaskQueue) -> None:
    queue.enqueue(secretive("x").with_(task_id="a") >> secretive("y").with_(task_id="b"), user_id="u")
    rows = call(env, "task", "show", "b", "--user", "u").rows
    assert (rows["state"], rows["because"]) == ("deferred", "deferred on [a (queued)]")
    for command in ("show", "explain"):
        found = call(env, "task", command, "b", "--user", "u", "--json").json
        assert (found["state"], found["waits_for"]) == ("deferred", [{"task_id": "a", "state": "queued"}])


# --- cancel and retry -----------------------------------------------------------------------------------------------


def test_cancel_ends_what_waits_and_asks_what_runs(env: dict[str, str], queue: TaskQueue) -> None:
    waits = queue.push(secretive("x"), user_id="u")
    assert call(env, "task", "cancel", waits.task_id).out == f"{waits.task_id} is canceled\n"
    found = call(env, "task", "cancel", waits.task_id, "--json").json
    assert found == {"task_id": waits.task_id, "user_id": "u", "state": "canceled"}
    runs = queue.push(secretive("x").with_(task_id="[mine]"), user_id="u")
    assert len(queue.pop_many(1)) == 1
    ran = call(env, "task", "cancel", "[mine]", "--user", "u")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("[mine] runs on pop-")
    assert ran.out.endswith(", which was asked to stop it\n")
    assert call(env, "task", "cancel", "[mine]", "--user", "u", "--json").json["state"] == "started"
    assert runs.state() == "started"


def test_retry_queues_again_what_failed_or_was_canceled(env: dict[str, str], queue: TaskQueue) -> None:
    handle = queue.push(secretive("x"), user_id="u")
    queue.fail(queue.pop_many(1)[0], "no")
    assert call(env, "task", "retry", handle.task_id).out == f"{handle.task_id} is queued again\n"
    assert handle.cancel()
    found = call(env, "task", "retry", handle.task_id, "--user", "u", "--json").json
    assert found == {"task_id": handle.task_id, "user_id": "u", "state": "queued"}


def test_what_cannot_be_canceled_or_tried_again_exits_with_1_and_why(env: dict[str, str], queue: TaskQueue) -> None:
    handle = queue.push(secretive("x").with_(unique_key="k", task_id="x"), user_id="u")
    ran = call(env, "task", "retry", "x", "--user", "u")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "fairque: x: has neither failed nor was it canceled: it is queued\n"
    queue.fail(queue.pop_many(1)[0], "no")
    ran = call(env, "task", "cancel", "x", "--user", "u")
    assert (ran.code, ran.out, ran.err) == (1, "", "fairque: x: cannot be canceled: it has ended already: failed\n")
    queue.push(secretive("y").with_(unique_key="k"), user_id="u")
    ran = call(env, "task", "retry", "x", "--user", "u", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("fairque: x: another task has its unique key now")
    assert handle.state() == "failed"


# --- explain --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("verb", ["show", "explain", "cancel", "retry"])
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


@pytest.mark.parametrize("verb", ["show", "explain", "cancel", "retry"])
def test_without_redis_it_exits_with_3(verb: str) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "task", verb, "x")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
