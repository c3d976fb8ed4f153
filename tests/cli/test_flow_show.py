"""`fairque flow show`: a flow as a tree, as Mermaid text, as JSON; and watched."""

from __future__ import annotations

import json
import signal
import subprocess

from fairque import TaskQueue, chain
from tests.cli.inside import call
from tests.cli.nightly import clean, enqueue, extract, finish
from tests.cli.program import FAIRQUE, environ, run


def test_show_draws_how_a_flow_stands_and_never_arguments_or_results(env: dict[str, str], queue: TaskQueue) -> None:
    enqueue(queue)
    finish(queue, "nightly/extract")
    eu, us = queue.pop_many(2)
    queue.fail(us, ValueError("no [disk]\ntoday"))
    ran = call(env, "flow", "show", "nightly", "--user", "user:1")
    heading, *lines = ran.out.splitlines()
    assert heading.startswith("flow nightly of user:1: started, 2 of 5 tasks have ended (40%): ")
    assert lines == [
        "└── ✓ extract  finished",
        "    ├── ▶ clean-eu clean  started",
        "    ├── ✗ clean-us clean  failed: ValueError: no [disk] today",
        "    └── … load  deferred: waits for clean-eu, clean-us (failed)",
        "        └── … on_failure note  deferred: in case load fails",
    ]
    queue.finish(eu, "open sesame")
    plain = call(env, "flow", "show", "nightly", "--user", "user:1", "--json")
    assert [plain.json[name] for name in ("run_id", "user_id", "state", "total", "ended", "failed", "deferred")] == [
        "nightly", "user:1", "failed", 5, 3, 1, 2,
    ]  # fmt: skip
    tasks = {one["written_id"]: one for one in plain.json["tasks"]}
    assert tasks["clean-us"]["failure"] == {"type": "ValueError", "message": "no [disk]\ntoday"}
    assert tasks["load"]["parents"] == ["nightly/clean-eu", "nightly/clean-us"]
    assert "sesame" not in ran.out + plain.out


def test_show_prints_mermaid_text_for_documents(env: dict[str, str], queue: TaskQueue) -> None:
    enqueue(queue)
    ran = call(env, "flow", "show", "nightly", "--user", "user:1", "--mermaid")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[:11] == [
        "flowchart TD",
        '  n0["extract"]:::queued',
        '  n1["clean<br/>clean-eu"]:::deferred',
        '  n2["clean<br/>clean-us"]:::deferred',
        '  n3["load"]:::deferred',
        '  n4["note"]:::deferred',
        "  n0 --> n1",
        "  n0 --> n2",
        "  n1 --> n3",
        "  n2 --> n3",
        "  n3 -.->|on_failure| n4",
    ]


def test_a_generated_run_id_is_found_whoevers_it_is(env: dict[str, str], queue: TaskQueue) -> None:
    run_id = queue.enqueue(chain(extract("a"), clean("b")), user_id="user:2").run_id
    ran = call(env, "flow", "show", run_id)
    assert ran.out.startswith(f"flow {run_id} of user:2: queued, 0 of 2 tasks have ended (0%): 1 active, 1 deferred; ")
    task_id = call(env, "flow", "show", run_id, "--json").json["tasks"][1]["task_id"]
    shown = call(env, "task", "show", task_id, "--json").json
    assert (shown["flow"], len(shown["parents"])) == (run_id, 1)


def test_watching_ends_with_the_flow(env: dict[str, str], queue: TaskQueue) -> None:
    run_id = queue.enqueue(chain(extract("a").with_(task_id="a"), clean("b").with_(task_id="b")), user_id="u").run_id
    words = [*FAIRQUE, "flow", "show", run_id, "--watch", "--json"]
    with subprocess.Popen(words, env=environ(env), stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["state"] == "queued"
        finish(queue, "a")
        finish(queue, "b")
        *_, last = watching.stdout
        assert watching.wait(timeout=30) == 0
    assert (json.loads(last)["state"], json.loads(last)["finished"]) == ("finished", 2)


def test_ctrl_c_ends_watching_and_it_is_no_failure(env: dict[str, str], queue: TaskQueue) -> None:
    words = [*FAIRQUE, "flow", "show", enqueue(queue), "--user", "user:1", "--watch"]
    with subprocess.Popen(
        words, env=environ(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("flow nightly of user:1: queued")
        watching.send_signal(signal.SIGINT)
        _, complaints = watching.communicate(timeout=30)
    assert (watching.returncode, complaints) == (0, "")


def test_on_a_terminal_it_is_drawn_in_place_and_stays(env: dict[str, str], queue: TaskQueue) -> None:
    run_id = queue.enqueue(extract("a").with_(task_id="a"), user_id="u").run_id
    finish(queue, "a")
    ran = call({**env, "FORCE_COLOR": "1", "TERM": "xterm-256color"}, "flow", "show", run_id, "--watch")
    assert (ran.code, ran.err) == (0, "")
    *_, before, after = ran.out.split("\x1b[?1049l")
    assert "\x1b[?1049h" in before
    assert "✓" in after


def test_the_program_itself_draws_a_flow(env: dict[str, str], queue: TaskQueue) -> None:
    ran = run("flow", "show", enqueue(queue), "--user", "user:1", env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[1] == "└── • extract  queued"
