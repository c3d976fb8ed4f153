"""The simulator against the real scripts: it does what workers do, and what the scripts forget shows."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from fairque.errors import FairqueError
from fairque.monitoring.simulation import Run
from fairque.monitoring.simulation_queue import SimulatedQueue
from tests.simulation.traces import make, run


def starts(ran: Run) -> list[tuple[int, str]]:
    return sorted((job.started, job.user_id) for job in ran.jobs if job.started is not None)


def waits(ran: Run, user: str) -> list[int]:
    return [job.started - job.arrived for job in ran.jobs if job.user_id == user and job.started is not None]


def most_at_once(ran: Run, user: str) -> int:
    changes = [(job.started, 1) for job in ran.jobs if job.user_id == user and job.started is not None]
    changes += [(job.ended, -1) for job in ran.jobs if job.user_id == user and job.ended is not None]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


# --- what a run is --------------------------------------------------------------------------------------------------


def test_users_take_turns_and_every_run_takes_its_time(redis_url: str) -> None:
    ran = run(make({"user": "a", "count": 3, "duration": 2}, {"user": "b", "count": 2}), redis_url)
    assert starts(ran) == [(0, "a"), (2000, "b"), (3000, "a"), (5000, "b"), (6000, "a")]
    assert ran.end == 8000
    assert all(job.ended == (job.started or 0) + job.length for job in ran.jobs)


def test_leases_of_long_runs_are_renewed(redis_url: str) -> None:
    ran = run(make({"user": "a", "count": 3, "duration": 100}, slots=2), redis_url)
    assert [job.started for job in ran.jobs] == [0, 0, 100_000]
    assert ran.renewals >= 38


def test_where_run_time_counts_one_long_task_stands_against_many_short_ones(redis_url: str) -> None:
    long, short = {"user": "a", "count": 9, "duration": 10}, {"user": "b", "count": 900, "duration": 0.1}
    ran = run(make(long, short, cost="time", until=100), redis_url)
    started = [user for _, user in starts(ran)]
    assert started.count("a") == pytest.approx(5, abs=1)
    assert started.count("b") == pytest.approx(500, abs=101)


def test_a_declared_cost_is_charged(redis_url: str) -> None:
    dear = {"user": "a", "count": 90, "cost": 4}
    started = [
        user for _, user in starts(run(make(dear, {"user": "b", "count": 90}, cost="declared", until=50), redis_url))
    ]
    assert started.count("b") == pytest.approx(4 * started.count("a"), abs=4)


def test_it_ends_at_its_end(redis_url: str) -> None:
    ran = run(make({"user": "a", "count": 5}, until=2.5), redis_url)
    assert (ran.end, [job.started for job in ran.jobs]) == (2500, [0, 1000, 2000, None, None])
    assert [job.ended for job in ran.jobs] == [1000, 2000, None, None, None]


def test_the_same_trace_runs_the_same_way(redis_url: str) -> None:
    spread = {"kind": "lognormal", "median": 0.5, "sigma": 1}
    lists = [
        {"id": "x", "slots": 2, "assigned_users": ["a"], "steal_targets": ["b", "c"]},
        {"id": "y", "slots": 2, "assigned_users": ["b", "c"], "steal_targets": ["a"]},
    ]
    streams = [{"user": user, "per_second": 2, "count": 80, "duration": spread} for user in "abc"]
    trace = make(*streams, workers=lists, cost="time")
    first, second = run(trace, redis_url), run(trace, redis_url)
    assert starts(first) == starts(second)
    assert (first.settles, first.wakes, first.polls) == (second.settles, second.wakes, second.polls)


# --- caps and lists -------------------------------------------------------------------------------------------------


def test_caps_are_kept(redis_url: str) -> None:
    users = {"a": {"max_concurrency": 2}, "b": {"rate": "2/s", "burst": 3}}
    streams = [{"user": user, "count": 20, "duration": {"kind": "uniform", "low": 0.1, "high": 2}} for user in "abc"]
    ran = run(make(*streams, users=users, slots=5, count=2), redis_url)
    assert most_at_once(ran, "a") == 2
    assert most_at_once(ran, "c") > 2
    of_b = [at for at, user in starts(ran) if user == "b"]
    assert [at for at in of_b if at == 0] == [0, 0, 0]
    assert all(sum(begin <= at < begin + 1000 for at in of_b) <= 5 for begin in of_b)
    assert ran.lost_ms == 0


def test_settings_of_all_others_are_in_force(redis_url: str) -> None:
    trace = make(
        {"user": "a", "count": 9}, {"user": "b", "count": 9}, slots=9, users={"*": {"max_concurrency": 1}, "b": {}}
    )
    ran = run(trace, redis_url)
    assert most_at_once(ran, "a") == 1
    assert most_at_once(ran, "b") == 8


def test_who_is_paused_is_not_waited_for(redis_url: str) -> None:
    ran = run(make({"user": "a", "count": 2}, {"user": "b", "count": 2}, users={"b": {"paused": True}}), redis_url)
    assert starts(ran) == [(0, "a"), (1000, "a")]
    assert ran.end == 2000


def test_what_is_over_a_backlog_is_refused_and_counted(redis_url: str) -> None:
    ran = run(make({"user": "a", "every": 0.1, "count": 10}, users={"a": {"max_backlog": 2}}), redis_url)
    assert [job.refused for job in ran.jobs] == [False] * 3 + [True] * 7
    assert ran.end == 3000


def test_a_worker_helps_others_when_its_own_users_want_nothing(redis_url: str) -> None:
    lists = [
        {"id": "x", "slots": 1, "assigned_users": ["a"], "steal_targets": ["b"]},
        {"id": "y", "slots": 1, "assigned_users": ["b"]},
    ]
    ran = run(make({"user": "b", "count": 6}, {"user": "a", "at": 1.5, "count": 2}, workers=lists), redis_url)
    assert starts(ran) == [
        (0, "b"), (0, "b"), (1000, "b"), (1000, "b"), (2000, "a"), (2000, "b"), (3000, "a"), (3000, "b"),
    ]  # fmt: skip


# --- wake-ups -------------------------------------------------------------------------------------------------------


class Deaf(SimulatedQueue):
    """A queue whose hints never reach the workers."""

    def take_hint(self, worker: str) -> bool:
        super().take_hint(worker)
        return False


SPARSE = {"user": "a", "every": 3.1, "count": 20, "duration": 0.5}


def test_a_push_wakes_a_sleeping_worker_at_once(redis_url: str) -> None:
    ran = run(make(SPARSE, count=3), redis_url)
    assert waits(ran, "a") == [0] * 20
    assert (ran.lost_ms, ran.unheard) == (0, 0)
    assert ran.wakes >= 19


def test_a_wake_up_that_is_lost_shows_as_lost_time(redis_url: str) -> None:
    ran = run(make(SPARSE, count=3), redis_url, Deaf)
    assert ran.unheard > 0
    assert 0 < max(waits(ran, "a")) <= 2000
    assert ran.lost_ms == sum(waits(ran, "a"))


@pytest.mark.parametrize("seed", range(6))
def test_no_capacity_is_lost_whoever_serves_whom(redis_url: str, seed: int) -> None:
    ran = run(make(**random_trace(random.Random(seed))), redis_url)
    assert (ran.lost_ms, ran.unheard) == (0, 0)
    assert all(job.ended is not None for job in ran.jobs)


def random_trace(source: random.Random) -> dict[str, Any]:
    """Return a trace with workers' lists that cross, caps and all costs."""
    users = [f"u{n}" for n in range(source.randint(2, 5))]
    workers = []
    for n in range(source.randint(2, 4)):
        own = source.sample(users, source.randint(1, len(users)))
        rest = [user for user in users if user not in own]
        steal = source.sample(rest, source.randint(0, len(rest)))
        workers.append({"id": f"w{n}", "slots": source.randint(1, 4), "assigned_users": own, "steal_targets": steal})
    workers.append({"id": "all", "slots": 1})
    capped = {user: {"max_concurrency": source.randint(1, 3)} for user in users if source.random() < 0.4}
    arrivals = [
        {
            "user": user,
            "at": round(source.uniform(0, 10), 2),
            "duration": {"kind": "exponential", "mean": round(source.uniform(0.1, 2), 2)},
            **source.choice([{"count": 30}, {"every": 0.7, "count": 20}, {"per_second": 1, "count": 20}]),
        }
        for user in users
    ]
    cost = source.choice(["count", "declared", "time"])
    return {"workers": workers, "users": capped, "arrivals": arrivals, "cost": cost}


# --- what is left behind --------------------------------------------------------------------------------------------


def keys_left(client: redis.Redis) -> list[bytes]:
    return list(client.scan_iter(match="*fq-simulate-*"))


def test_nothing_is_left_in_redis(redis_url: str, redis_client: redis.Redis) -> None:
    trace = make({"user": "a", "count": 5}, users={"a": {"weight": 2}}, until=2)
    with SimulatedQueue(trace, redis_url) as queue:
        mine = queue.root.encode()
        assert any(key.startswith(mine) for key in keys_left(redis_client))
    run(trace, redis_url)
    assert not any(key.startswith(mine) for key in keys_left(redis_client))


class Broken(SimulatedQueue):
    """A queue that forgets leases."""

    roots: list[str]

    def renew(self, leases: Any, at: int) -> list[bool]:
        super().renew(leases, at)
        Broken.roots.append(self.root)
        return [False for _ in leases]


def test_a_lease_that_is_lost_is_told_and_nothing_is_left_then_either(
    redis_url: str, redis_client: redis.Redis
) -> None:
    Broken.roots = []
    with pytest.raises(FairqueError, match="w lost a lease"):
        run(make({"user": "a", "duration": 60}), redis_url, Broken)
    assert Broken.roots
    assert not any(key.startswith(Broken.roots[0].encode()) for key in keys_left(redis_client))
