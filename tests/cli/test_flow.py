"""`fairque flow`: flows in a list, and canceled; how its commands end."""

from __future__ import annotations

import pytest

from fairque import TaskQueue
from tests.cli.inside import call
from tests.cli.nightly import enqueue, extract, finish

VERBS = ["list", "show", "cancel"]


# --- list -----------------------------------------------------------------------------------------------------------


def test_list_has_a_line_for_each_flow_the_newest_first(env: dict[str, str], queue: TaskQueue) -> None:
    assert call(env, "flow", "list").out == "there is no flow\n"
    enqueue(queue, run_id="monday")
    finish(queue, "monday/extract")
    assert len(call(env, "flow", "list").out.splitlines()) == 2  # which takes longer than the tick of a clock
    enqueue(queue, run_id="tuesday")
    head, *lines = [line.split() for line in call(env, "flow", "list", "--user", "user:1").out.splitlines()]
    assert head[:4] == ["flow", "user", "state", "ended"]
    assert [line[:9] for line in lines] == [
        ["tuesday", "user:1", "queued", "0%", "5", "1", "4", "0", "0"],
        ["monday", "user:1", "started", "20%", "5", "2", "2", "0", "0"],
    ]
    found = call(env, "flow", "list", "--json").json
    assert (found["queue"], found["cursor"]) == ("default", None)
    assert {flow["run_id"]: (flow["state"], flow["ended"]) for flow in found["flows"]} == {
        "monday": ("started", 1),
        "tuesday": ("queued", 0),
    }


def test_filters_say_which(env: dict[str, str], queue: TaskQueue) -> None:
    for user_id in ("a", "b"):
        enqueue(queue, user_id)
    finish(queue, "nightly/extract")

    def users(*words: str) -> set[str]:
        return {flow["user_id"] for flow in call(env, "flow", "list", "--json", *words).json["flows"]}

    assert users() == {"a", "b"}
    assert users("--user", "b") == {"b"}
    assert users("--state", "started") == {"a"}
    assert users("--user", "b", "--state", "started") == set()
    assert call(env, "flow", "list", "--user", "nobody").out == "there is no such flow\n"


def test_a_list_goes_on_where_another_ended(env: dict[str, str], queue: TaskQueue) -> None:
    ids = [enqueue(queue, run_id=f"run-{n}") for n in range(5)]
    found = call(env, "flow", "list", "--user", "user:1", "--limit", "3", "--json").json
    rest = call(env, "flow", "list", "--user", "user:1", "--json", "--cursor", found["cursor"]).json
    flows = found["flows"] + rest["flows"]
    assert sorted(flow["run_id"] for flow in flows) == ids
    instants = [flow["created_at"] for flow in flows]
    assert instants == sorted(instants, reverse=True)
    *_, last = call(env, "flow", "list", "--user", "user:1", "--limit", "3").out.splitlines()
    assert last.startswith("there may be more: --cursor ")


# --- cancel ---------------------------------------------------------------------------------------------------------


def test_cancel_ends_what_waits_and_asks_what_runs(env: dict[str, str], queue: TaskQueue) -> None:
    enqueue(queue)
    assert len(queue.pop_many(1)) == 1
    ran = call(env, "flow", "cancel", "nightly", "--user", "user:1", "--yes", "--json")
    canceled = ran.json.pop("canceled")
    assert 4 <= canceled <= 5  # the hook may go with what it hangs on
    assert (ran.json["run_id"], ran.json["user_id"]) == ("nightly", "user:1")
    states = {one["written_id"]: one["state"] for one in _tasks(env)}
    assert (states["extract"], states["clean-eu"], states["load"]) == ("started", "canceled", "canceled")


def test_cancel_asks_before(env: dict[str, str], queue: TaskQueue) -> None:
    enqueue(queue)
    ran = call(env, "flow", "cancel", "nightly", "--user", "user:1", answer="n\n")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Cancel 5 tasks of nightly of user:1? [y/N]: ")
    assert {one["state"] for one in _tasks(env)} == {"queued", "deferred"}
    ran = call(env, "flow", "cancel", "nightly", "--user", "user:1", answer="y\n")
    assert ran.code == 0
    assert ran.out.startswith("nightly: ")
    assert ran.out.endswith(" canceled, or asked to stop where one runs\n")


def test_what_has_ended_cannot_be_canceled(env: dict[str, str], queue: TaskQueue) -> None:
    queue.enqueue(extract("a").with_(task_id="a"), user_id="user:1", run_id="nightly")
    finish(queue, "nightly/a")
    ran = call(env, "flow", "cancel", "nightly", "--user", "user:1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "fairque: nightly: cannot be canceled: none of its tasks waits or runs: it is finished\n"


def _tasks(env: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = call(env, "flow", "show", "nightly", "--user", "user:1", "--json").json["tasks"]
    return found


# --- how they end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["show", "cancel"])
def test_an_unknown_flow_exits_with_1_and_the_remedy(env: dict[str, str], queue: TaskQueue, verb: str) -> None:
    enqueue(queue)
    mark, fate = "g0123456789abcde", "it was never enqueued, or ended longer ago than results are kept"
    for words, said in (
        (
            ["nightly"],
            f"nightly: no such flow: {fate}; a run id that you chose is found with its user: add --user USER",
        ),
        (["nightly", "--user", "v"], f"nightly: v has no such flow: {fate}"),
        ([mark], f"{mark}: no such flow: {fate}"),
        ([mark, "--user", "v"], f"{mark}: v has no such flow: {fate}; without --user this id is found whoever's it is"),
    ):
        ran = call(env, "flow", verb, *words)
        assert (ran.code, ran.out, ran.err) == (1, "", f"fairque: {said}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "Missing argument 'RUN'"),
        (["show", ""], "run_id: is empty"),
        (["show", "a\nb"], "run_id: has a character that is not printable"),
        (["show", "x", "--mermaid", "--json"], "--mermaid: is neither for --watch nor for --json"),
        (["show", "x", "--mermaid", "--watch"], "--mermaid: is neither for --watch nor for --json"),
        (["list", "--state", "done"], "'done' is not one of"),
        (["list", "--limit", "0"], "0 is not in the range 1<=x<=100000"),
        (["list", "--cursor", "x"], "cursor: "),
        *(([verb, *["x"][: verb != "list"], "--user", "*"], "user_id: '*' means every user") for verb in VERBS),
        *(([verb, *["x"][: verb != "list"], "--user", ""], "user_id: is empty") for verb in VERBS),
    ],
)
def test_wrong_usage_exits_with_2(env: dict[str, str], words: list[str], said: str) -> None:
    ran = call(env, "flow", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())


@pytest.mark.parametrize("words", [["list"], ["show", "x"], ["cancel", "x"]])
def test_without_redis_it_exits_with_3(words: list[str]) -> None:
    ran = call({"FAIRQUE_REDIS__URL": "redis://:geheim@127.0.0.1:1/0"}, "flow", *words)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("fairque: redis://:***@127.0.0.1:1/0: ")
