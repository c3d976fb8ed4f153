"""Runs that are listed and found again; graphs of ten thousand tasks; and how quickly a result is there."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
import redis

from fairque import TaskQueue, group
from fairque.errors import TaskValidationError
from tests.contract.conftest import Make
from tests.contract.graphs import C, D, F, Q, X, named, serve
from tests.contract.hands import pop
from tests.contract.jobs import echo
from tests.contract.latency import late
from tests.waiting import wait_until


def ids(queue: TaskQueue, *args: Any, **kwargs: Any) -> list[str]:
    return [flow.run_id for flow in queue.flows(*args, **kwargs).flows]


# --- lists ----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_the_newest_first_with_how_far_they_are(queue: TaskQueue) -> None:
    for n, user in enumerate("uvuv"):
        at = queue.enqueue(named("a")[0] >> named("b")[0], user_id=user, run_id=f"{n}").summary().created_at
        wait_until(
            lambda at=at: queue.enqueue(echo(0), user_id="clock").summary().created_at > at,  # type: ignore[misc]
            description="the clock has moved",
        )
    queue.erase_user("clock")
    assert ids(queue) == ["3", "2", "1", "0"]
    assert (ids(queue, "u"), ids(queue, "v"), ids(queue, "w")) == (["2", "0"], ["3", "1"], [])
    serve(queue, most=1)
    (flow, _) = queue.flows("u").flows
    assert (flow.run_id, flow.user_id, flow.total, flow.active, flow.deferred) == ("2", "u", 2, 1, 1)
    assert sorted(str(flow.state) for flow in queue.flows().flows) == ["queued", "queued", "queued", "started"]


def test_pages_go_on_where_the_last_one_ended(queue: TaskQueue) -> None:
    made = {queue.enqueue(echo(n), user_id=f"u{n % 2}").run_id for n in range(25)}
    found: list[str] = []
    page = queue.flows(limit=10)
    while True:
        assert len(page.flows) <= 10
        found += [flow.run_id for flow in page.flows]
        queue.enqueue(echo("new"), user_id="u0")
        if page.cursor is None:
            break
        page = queue.flows(limit=10, cursor=page.cursor)
    assert sorted(found) == sorted(made)
    assert queue.flows("u0", limit=1_000).cursor is None


@pytest.mark.parametrize("limit", [0, -1, 1_001, 1.5, "3", True, None])
def test_a_limit_that_cannot_be_is_refused(queue: TaskQueue, limit: Any) -> None:
    with pytest.raises(TaskValidationError, match="limit: "):
        queue.flows(limit=limit)


@pytest.mark.parametrize("cursor", ["", "x", "1", "1:x", "١:g0123456789abcde", f"{10**20}:g0123456789abcde", 3, b"1:g"])
def test_a_forged_cursor_is_refused(queue: TaskQueue, cursor: Any) -> None:
    with pytest.raises(TaskValidationError, match="cursor: "):
        queue.flows(cursor=cursor)


def test_a_run_that_another_user_has_is_not_found_i23(queue: TaskQueue) -> None:
    """I23."""
    run = queue.enqueue(echo(1), user_id="u", run_id="nightly")
    mark = run.name.mark
    for user in ("v", "U", "u|", "u%7C"):
        assert queue.flow("nightly", user_id=user) is None
        assert queue.flow(mark, user_id=user) is None
    assert queue.flow("nightly") is None, "a chosen id needs its user"
    assert queue.flow(mark, user_id="u").run_id == "nightly"  # type: ignore[union-attr]


def test_an_erased_user_leaves_nothing_of_its_graphs(queue: TaskQueue, redis_client: redis.Redis, prefix: str) -> None:
    a, b, c, d = named("a", "b", "c", "d", on_failure=echo("bad") >> echo("worse"), on_success=echo("good"))
    run = queue.enqueue(a >> (b | c) >> d, user_id="u", run_id="1")
    queue.enqueue(group(echo(n) for n in range(300)) >> echo("last"), user_id="u")
    queue.push(echo(1).with_(depends_on=[run[0], run[3]]), user_id="u")
    serve(queue, "b", most=150)
    pop(queue)
    queue.erase_user("u")
    queue.pop()
    kept = [key.decode().partition(":queue:")[2] for key in redis_client.scan_iter(match=f"*{prefix}*", count=1000)]
    assert {key for key in kept if not key.startswith("last:")} == {"stats"}
    assert (queue.flows().flows, queue.get_stats()["deferred"], queue.users()) == ((), 0, {})
    stats = redis_client.hgetall(f"{{{prefix}:default}}:queue:stats")
    counts = (b"flows", b"parents", b"holding", b"releasing", b"deferred", b"queued", b"scheduled")
    assert {name: stats[name] for name in counts if int(stats.get(name, 0))} == {}


# --- large ones -----------------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
def test_ten_thousand_tasks_between_two_others(queue: TaskQueue) -> None:
    run = queue.enqueue(echo("first") >> group(echo(n) for n in range(9_998)) >> echo("last"), user_id="u")
    assert (len(run), run.summary().deferred, run.state()) == (10_000, 9_999, Q)
    assert serve(queue, most=1) == ["first"]
    served = serve(queue)
    assert (served[:-1], served[-1]) == (list(range(9_998)), "last"), "in the order in which they were written"
    assert (run.state(), run.summary().finished) == (F, 10_000)
    assert run.results(timeout=0) == ["first", *range(9_998), "last"]


def test_ten_thousand_that_are_given_up_at_once_end_in_steps(queue: TaskQueue) -> None:
    members = [echo(n).with_(on_parent_failure="cancel") for n in range(5_000)]
    run = queue.enqueue(named("first")[0] >> group(members) >> echo("last").with_(on_parent_failure="run"), user_id="u")
    assert serve(queue, "first", most=1) == ["first"]
    wait_until(lambda: queue.pop() or run.summary().canceled == 5_000, description="all are canceled")
    assert run.states()[:2] == [X, C]
    assert run.summary().canceled == 5_000


def test_a_chain_of_a_thousand_goes_link_by_link(queue: TaskQueue) -> None:
    links = [echo(n) for n in range(1_000)]
    whole: Any = links[0]
    for link in links[1:]:
        whole = whole >> link
    run = queue.enqueue(whole, user_id="u")
    assert run.states()[:3] == [Q, D, D]
    assert serve(queue) == list(range(1_000))
    assert run.state() is F


def test_a_large_run_is_canceled_as_a_whole(queue: TaskQueue) -> None:
    run = queue.enqueue(echo("first") >> group(echo(n) for n in range(600)) >> echo("last"), user_id="u")
    assert run.cancel() == 602
    assert (run.state(), queue.pop(), queue.get_stats()["deferred"]) == (C, None, 0)


# --- how quickly a result is there ----------------------------------------------------------------------------------


def test_a_waiter_has_the_result_about_as_soon_as_it_is_there(
    make: Make, redis_client: redis.Redis, prefix: str
) -> None:
    seconds = late(make(), make(), redis_client, f"{{{prefix}:default}}:queue:waiters", 40)
    assert statistics.median(seconds) < 0.02, "it is woken, and does not poll"
