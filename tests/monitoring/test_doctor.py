"""The doctor on live queues: it finds what is wrong with the server, the workers and the whole, and nothing in a busy
queue that is sound (I1, I9, I16).
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from pathlib import Path

import pytest

from fairque import Priority, TaskQueue, Worker, group, task
from fairque.errors import TaskRunning
from fairque.monitoring.doctor import Doctor
from fairque.monitoring.doctor_report import MOST_TOLD
from tests.monitoring.ward import Ward, nothing
from tests.waiting import wait_until
from tests.worker.own_server import own_server


@task(name="doctor:failing", max_retries=1)
def failing() -> None:
    raise ValueError("on purpose")


# --- sound queues ---------------------------------------------------------------------------------------------------


def test_a_queue_that_nobody_has_used_is_healthy_and_stays_unused(ward: Ward) -> None:
    report = ward.examine()
    assert (report.healthy, report.users, report.tasks) == (True, 0, 0)
    assert list(ward.client.scan_iter(f"{ward.root}*")) == []


def test_it_counts_what_it_looked_at(ward: Ward) -> None:
    ward.queue.push_batch([nothing().with_(user_id=f"u{n % 12}") for n in range(240)])
    ward.queue.push(nothing().with_(delay=100), user_id="u1")
    with ward.beating({}):
        report = ward.examine()
    assert (report.healthy, report.users, report.tasks, report.workers) == (True, 12, 241, 1)
    assert (report.records, report.kept) == (241, 241)


def test_of_very_many_records_some_are_read_of_every_user(ward: Ward) -> None:
    ward.queue.push_batch([nothing().with_(user_id=f"u{n % 2}") for n in range(3000)])
    report = ward.examine(seconds=0)
    assert 100 <= report.records < 500
    assert report.kept == 3000
    assert ward.examine().records == 3000


def test_a_busy_queue_is_never_slandered(ward: Ward) -> None:
    over = threading.Event()
    ward.queue.set_user("u1", max_concurrency=1)
    ward.queue.set_user("u2", rate="50/s")
    ward.queue.set_limits(task="doctor:failing", max_concurrency=1)

    def push(offset: int) -> None:
        with TaskQueue(ward.config) as queue:
            for n in itertools.count(offset):
                of = failing() if n % 5 == 0 else nothing()
                delay = 0.05 if n % 3 == 0 else None
                batch = [of.with_(user_id=f"u{m % 7}", delay=delay, priority=Priority(1 + m % 6)) for m in range(40)]
                last = nothing().with_(on_parent_failure=("wait", "run", "cancel")[n % 3])
                queue.enqueue(of >> group(nothing() for _ in range(1 + n % 9)) >> last, user_id=f"u{n % 7}")
                handles = queue.push_batch(batch)
                with contextlib.suppress(TaskRunning):
                    queue.delete_task(handles[0].task_id, user_id=handles[0].user_id)
                if over.wait(0.02):
                    return

    pushers = [threading.Thread(target=push, args=(n,)) for n in range(2)]
    reports = []
    with Worker(ward.config):
        for thread in pushers:
            thread.start()
        try:
            wait_until(lambda: ward.queue.get_stats()["finished_total"] > 100, description="the worker is at it")
            reports = [ward.examine(seconds=0.2) for _ in range(8)]
        finally:
            over.set()
            for thread in pushers:
                thread.join()
    assert [one for report in reports for one in report.findings if one.severity != "info"] == []
    assert all(report.records > 100 and report.workers == 1 for report in reports)
    assert ward.queue.get_stats()["retried_total"] > 0


# --- damage ---------------------------------------------------------------------------------------------------------


def test_of_many_alike_some_are_told_and_the_rest_is_counted(ward: Ward) -> None:
    ward.queue.push_batch([nothing().with_(user_id="u", task_id=f"t{n}") for n in range(MOST_TOLD + 10)])
    ward.client.delete(ward.key("user:u:normal:3"))
    report = ward.examine()
    lost = [one for one in report.findings if one.code == "I1.lost"]
    assert len(lost) == MOST_TOLD
    assert report.more == {"I1.lost": 10}
    assert lost[0].subject.startswith("task t")
    assert not report.healthy


def test_one_user_is_looked_at_alone(ward: Ward) -> None:
    ward.queue.push_batch([nothing().with_(user_id=user) for user in ("a:1", "b") for _ in range(250)])
    ward.client.zrem(ward.key("ring"), "b")
    for user, healthy in (("a:1", True), ("b", False), ("nobody", True)):
        doctor = Doctor(ward.config, seconds=0)
        report = doctor.examine_user(user)
        doctor.close()
        assert (report.healthy, report.users, report.records) == (healthy, 1, 0 if user == "nobody" else 250)


def test_keys_of_another_kind_are_named_and_nothing_else_is_looked_at(ward: Ward) -> None:
    ward.queue.push(nothing(), user_id="u")
    ward.client.set(ward.key("held"), "x")
    (found,) = (one for one in ward.examine().findings if one.severity == "error")
    assert (found.code, found.subject) == ("I19.key-type", "queue")
    assert found.text.endswith(": held")


@pytest.mark.parametrize("key", ["normal:3", "tasks", "failed"])
def test_a_user_that_cannot_be_read_is_told_and_the_others_are_looked_at(ward: Ward, key: str) -> None:
    ward.queue.push_batch([nothing().with_(user_id=user) for user in ("a", "u", "z")])
    ward.client.delete(ward.key(f"user:u:{key}"))
    ward.client.set(ward.key(f"user:u:{key}"), "x")
    ward.client.zrem(ward.key("ring"), "z")
    found = {(one.code, one.subject) for one in ward.examine().findings}
    assert {("I1.unreadable", "user u"), ("I1.turn", "user z")} <= found


def test_another_data_layout_is_left_alone(ward: Ward) -> None:
    ward.queue.push(nothing(), user_id="u")
    ward.client.hset(ward.key("stats"), "schema", 77)
    assert ward.codes() == {"queue.schema"}
    ward.client.delete(ward.key("stats"))
    assert ward.codes() == {"queue.schema"}


# --- what nobody does -----------------------------------------------------------------------------------------------


def test_tasks_that_are_due_and_leases_that_lapsed_are_told_where_a_worker_has_room(ward: Ward) -> None:
    ward.queue.push_batch([nothing().with_(user_id="u", task_id=name) for name in ("1", "2", "3")])
    ward.queue.push(nothing().with_(user_id="u", task_id="later", delay=50))
    running = ward.queue.pop_many(2)
    now = time.time() * 1000
    ward.client.zadd(ward.key("leases"), {f"u|{running[0].task_id}": now - 60_000})
    ward.client.zadd(ward.key("due"), {"u|later": now - 60_000})
    assert ward.codes() == {"workers.none"}
    with ward.beating({"running": 1}):
        assert ward.codes() == set()
    with ward.beating({}):
        assert ward.codes() == {"I9.reaper", "I16.overdue"}


def test_a_clock_that_was_set_back_and_a_retention_that_lags_are_told(ward: Ward) -> None:
    ward.queue.push(nothing(), user_id="u")
    ward.client.hset(ward.key("stats"), "now", int(time.time() * 1000) + 600_000)
    ward.client.zadd(ward.key("expiry"), {"u|60000": 1})
    with ward.beating({}):
        assert ward.codes() == {"I16.clock", "I22.retention"}


# --- workers --------------------------------------------------------------------------------------------------------


def test_users_and_names_that_no_worker_serves_are_told(ward: Ward) -> None:
    ward.queue.push(nothing(), user_id="u")
    with ward.beating({"lists": ["*"], "tasks": ["m:other"]}):
        assert ward.codes() == {"workers.unknown"}
    with ward.beating({"tasks": ["m:other"], "tasks_total": 300}):
        assert ward.codes() == set()
    with ward.beating({"lists": [""]}):
        assert ward.codes() == {"workers.unserved"}
    with ward.beating({"lists": ["0123456789abcdef"]}):
        assert ward.codes() == {"workers.unserved", "I14.unregistered"}


def test_a_worker_that_fell_silent_is_told(ward: Ward) -> None:
    ward.beat("w8")
    ward.client.zadd(ward.key("workers-seen"), {"w8": time.time() * 1000 - 20_000})
    with ward.beating({}):
        (found,) = (one for one in ward.examine().findings if one.severity == "warning")
    assert (found.code, found.subject) == ("workers.silent", "worker w8")


def test_two_processes_under_one_id_are_told_and_one_that_was_restarted_is_not(ward: Ward) -> None:
    with ward.beating({"pid": 1}, {"pid": 2}):
        assert ward.codes() == {"workers.twins"}
    with ward.beating({"pid": 1}):
        over = threading.Timer(0.4, lambda: ward.beat("other", pid=3))
        ward.beat("other", pid=2)
        over.start()
        assert ward.codes() == set()
        over.join()


# --- the server -----------------------------------------------------------------------------------------------------


def test_a_server_that_may_lose_keys_or_takes_no_writes_is_told(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        ward = Ward(server.url, "q")
        assert ward.codes() == set()
        server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        server.command("CONFIG", "SET", "maxmemory", "1gb")
        assert ward.codes() == {"server.policy"}
        server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        server.command("CONFIG", "SET", "maxmemory", "1mb")
        assert ward.codes() == {"server.full"}
        server.command("CONFIG", "SET", "maxmemory", "0")
        server.command("REPLICAOF", "127.0.0.1", "1")
        assert ward.codes() == {"server.replica"}
        server.command("REPLICAOF", "NO", "ONE")
        assert ward.codes() == set()
        ward.close()
