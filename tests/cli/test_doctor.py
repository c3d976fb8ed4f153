"""`fairque doctor`: a live queue checked, for people and for machines."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest
import redis

from fairque import TaskQueue, task
from tests.cli.inside import call
from tests.cli.program import FAIRQUE, environ, run

KEYS = {
    "queue",
    "keys",
    "healthy",
    "users",
    "tasks",
    "records",
    "kept",
    "workers",
    "calls",
    "skipped",
    "findings",
    "more",
}


@task
def nothing() -> None: ...


@pytest.fixture
def root(prefix: str) -> str:
    return f"{{{prefix}:default}}:queue:"


def test_a_sound_queue_is_healthy_and_exits_with_0(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([nothing().with_(user_id=f"u{n % 3}") for n in range(7)])
    ran = run("doctor", env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\x1b" not in ran.stdout
    *_, last = ran.stdout.splitlines()
    assert last.startswith("healthy, 1 warning: 3 users, 7 tasks, 0 workers checked in ")
    assert last.endswith(" calls")
    assert "warning  workers.none" in ran.stdout
    found = call(env, "doctor", "--json").json
    assert set(found) == KEYS
    assert (found["queue"], found["healthy"], found["users"], found["tasks"]) == ("default", True, 3, 7)


def test_damage_exits_with_1_and_says_what_to_do(
    env: dict[str, str], queue: TaskQueue, root: str, redis_client: redis.Redis
) -> None:
    queue.push_batch([nothing().with_(user_id="u", task_id=f"t[{n}]") for n in range(30)])
    redis_client.delete(f"{root}user:u:normal:3")
    ran = call(env, "doctor")
    assert (ran.code, ran.err) == (1, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "error I1.lanes user u 30 ready tasks are counted, its lanes hold 0 (level 3: 30 and 0)" in lines
    lost = next(place for place, line in enumerate(lines) if line.startswith("error I1.lost task t["))
    assert [line[:7] for line in lines[lost + 1 : lost + 3]] == ["task t["] * 2
    assert lines[lost + 3 : lost + 5] == ["and 27 more", "remedy queue.delete_task, then push it again"]
    assert any(line.startswith(f"The `names` are keys behind {root}. Before you mend them") for line in lines)
    assert lines[-1].startswith("not healthy, 32 errors, 1 warning: 1 user, 30 tasks, ")
    said = call(env, "doctor", "--json")
    assert said.code == 1
    assert '"healthy": false' in said.out
    assert '"more": {"I1.lost": 10}' in said.out


def test_one_user_is_checked_alone(env: dict[str, str], queue: TaskQueue, root: str, redis_client: redis.Redis) -> None:
    queue.push_batch([nothing().with_(user_id=user) for user in ("a:1", "b")])
    redis_client.zrem(f"{root}ring", "b")
    assert call(env, "doctor", "--user", "a:1").out.startswith("healthy: 1 user, 2 tasks, ")
    ran = call(env, "doctor", "--user", "b")
    assert (ran.code, ran.out.split()[:2]) == (1, ["error", "I1.turn"])


def test_a_terminal_gets_colours_and_a_bar_where_there_is_much(env: dict[str, str], queue: TaskQueue) -> None:
    queue.push_batch([nothing().with_(user_id=f"u{n % 20}") for n in range(6000)])
    ours, theirs = pty.openpty()
    env = environ(env | {"TERM": "xterm-256color"})
    with subprocess.Popen([*FAIRQUE, "doctor"], env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"checked in" not in seen:
            seen += os.read(ours, 65536)
        assert process.wait(10) == 0
    os.close(ours)
    assert b"task records" in seen
    assert b"\x1b[1;33mhealthy" in seen
    assert b"Traceback" not in seen


@pytest.mark.parametrize("words", [["--seconds", "-1"], ["--seconds", "x"], ["--user"], ["--nothing"]])
def test_wrong_usage_exits_with_2(env: dict[str, str], words: list[str]) -> None:
    assert call(env, "doctor", *words).code == 2


def test_without_redis_it_exits_with_3() -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "doctor")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
