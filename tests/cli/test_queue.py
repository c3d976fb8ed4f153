"""`fairque queue`: caps of a queue or of a task name, and how the queue shares service."""

from __future__ import annotations

import json

import msgspec
import pytest

from fairque import FairQueueConfig, TaskQueue, task
from fairque.core.limits import Caps
from fairque.core.settings import FairnessSettings
from fairque.store import claims
from fairque.store.driver import Driver
from fairque.store.tasks import root_of
from tests.cli.inside import call
from tests.cli.program import run

CAPS = {"max_concurrency", "rate", "burst", "max_backlog", "paused"}


@task(name="jobs:render")
def render() -> None: ...


def test_show_has_the_rules_the_caps_and_what_they_are_measured_by(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([render()] * 3, user_id="u")
    assert queue.pop() is not None
    queue.set_limits(max_concurrency=5)
    queue.set_limits(task="jobs:render", rate="1/s")
    ran = call(env, "queue", "show")
    assert ran.rows["queue"].startswith("default at ")
    assert (ran.rows["cost"], ran.rows["aging_seconds"]) == (
        "count a start is charged one", "60 a priority level is worth so much waiting",
    )  # fmt: skip
    assert (ran.rows["max_concurrency"], ran.rows["max_backlog"]) == ("5 1 running", "none 2 waiting")
    assert ran.rows["task"] == "jobs:render rate 1/s"
    found = call(env, "queue", "show", "--json").json
    assert set(found) == {"queue", "cost", "aging_seconds", "tasks"} | CAPS
    assert (found["queue"], found["cost"], found["aging_seconds"]) == ("default", "count", 60.0)
    assert found["tasks"]["jobs:render"]["rate"] == "1/s"


def test_set_changes_the_queue_and_how_it_shares(env: dict[str, str], queue: TaskQueue) -> None:
    words = ["--max-concurrency", "100", "--rate", "5/h", "--cost", "time", "--aging-seconds", "inf"]
    rows = call(env, "queue", "set", *words).rows
    assert (rows["cost"], rows["aging_seconds"]) == (
        "time a start is charged what its run takes",
        "inf priorities are strict",
    )
    assert queue.get_limits() == Caps(max_concurrency=100, rate="5/h")
    assert queue.get_fairness() == FairnessSettings(cost="time", aging_seconds=float("inf"))
    found = call(env, "queue", "show", "--json").json
    assert found["aging_seconds"] is None  # JSON has no infinity
    call(
        env, "queue", "set", "--max-concurrency", "none", "--rate", "none", "--cost", "none", "--aging-seconds", "none"
    )
    assert (queue.get_limits(), queue.get_fairness()) == (Caps(), FairnessSettings())


def test_the_program_itself_sets_a_task_names_caps(env: dict[str, str], queue: TaskQueue) -> None:
    ran = run("queue", "set", "--task", "jobs:render", "--max-concurrency", "0", env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "max_concurrency  0            none may run" in ran.stdout.splitlines()
    assert queue.get_limits(task="jobs:render") == Caps(max_concurrency=0)
    assert queue.get_limits() == Caps()
    shown = json.loads(run("queue", "show", "--task", "jobs:render", "--json", env=env).stdout)
    assert set(shown) == {"queue", "task"} | CAPS
    assert (shown["task"], shown["max_concurrency"]) == ("jobs:render", 0)


@pytest.mark.parametrize("words", [[], ["--task", "jobs:render"]])
def test_pause_and_resume(env: dict[str, str], queue: TaskQueue, words: list[str]) -> None:
    queue.push(render(), user_id="u")
    assert call(env, "queue", "pause", *words).rows["paused"] == "yes nothing starts"
    assert queue.pop() is None
    assert call(env, "queue", "resume", *words, "--json").json["paused"] is False
    assert queue.pop() is not None


def test_a_cost_cannot_change_while_tasks_wait_and_nothing_else_is_changed_then(
    env: dict[str, str], queue: TaskQueue
) -> None:
    queue.push(render(), user_id="u")
    ran = call(env, "queue", "set", "--cost", "time", "--max-concurrency", "1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "fairque: tasks are ready or running: let the queue drain, then change its cost\n"
    assert queue.get_limits() == Caps()


def test_a_name_that_no_worker_knows_is_remarked_on(env: dict[str, str], prefix: str) -> None:
    words = ["queue", "set", "--task", "jobs:rendre", "--rate", "1/s"]
    assert call(env, *words).out.splitlines()[-1].startswith("paused")  # no worker is up: nobody can tell
    known = {"tasks": ["jobs:render"], "tasks_total": 1}
    driver = Driver(FairQueueConfig.create_default(environ=env).redis)
    beat = claims.beat(
        root_of(prefix, "default"), "w", "b", msgspec.json.encode(known), lists=claims.SERVES_ALL, served={}
    )
    driver.run(beat)
    driver.close()
    ran = call(env, *words)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "none of the workers knows a task jobs:rendre; did you mean jobs:render?"
    assert call(env, "queue", "show", "--task", "jobs:render").out.splitlines()[-1].startswith("paused")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set"], "nothing to set: give one or more of --max-concurrency"),
        (["set", "--task", "m:f", "--cost", "time"], "--cost: can be set for the whole queue only: leave out --task"),
        (["set", "--task", "m:f", "--aging-seconds", "1", "--cost", "time"], "--cost and --aging-seconds: can be set"),
        (["set", "--task", "", "--rate", "1/s"], "Invalid value for '--task': expected 1 to 512 printable characters"),
        (["pause", "--task", "a b"], "expected 1 to 512 printable characters without blanks"),
        (["set", "--cost", "money"], "must be one of count, declared, time, not the text 'money'"),
        *(
            (["set", "--aging-seconds", value], "must be a number of at least 0.001")
            for value in ("0", "-1", "nan", "x")
        ),
        (["set", "--max-concurrency", "-1"], "must be a whole number from 0 to 1000000000, not -1"),
        (["set", "--weight", "2"], "No such option"),
    ],
)
def test_wrong_usage_exits_with_2_and_changes_nothing(
    env: dict[str, str], queue: TaskQueue, words: list[str], said: str
) -> None:
    ran = call(env, "queue", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())
    assert (queue.get_limits(), queue.all_limits().tasks, queue.get_fairness()) == (Caps(), {}, FairnessSettings())


@pytest.mark.parametrize("words", [["show"], ["set", "--rate", "1/s"], ["pause"], ["resume", "--task", "m:f"]])
def test_without_redis_it_exits_with_3(words: list[str]) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "queue", *words)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
