"""Redis goes away and comes back, connections are cut, scripts forgotten: workers go on, and nothing is lost."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from fairque.core.settings import RedisSettings
from fairque.errors import RedisUnavailable
from fairque.store import claims
from fairque.store.bell import Bell
from fairque.store.driver import Driver
from tests.waiting import wait_until
from tests.worker.own_server import OwnServer, own_server
from tests.worker.stage import House, add, note, stand_at

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("outage")) as started:
        yield started


@pytest.fixture
def own_house(server: OwnServer) -> Iterator[House]:
    """Give a queue on the module's own server."""
    made = House(server.url, f"outage{next(_numbers)}")
    yield made
    made.close()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged with a traceback: an outage is one line."""
    return [record.getMessage() for record in caplog.records if record.exc_info]


def test_what_ends_while_redis_is_away_is_delivered_when_it_is_back(
    own_house: House, server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    handles = own_house.queue.push_batch([stand_at(own_house.name, str(n)).with_(user_id="user:1") for n in range(20)])
    own_house.started(max_concurrent_tasks=10)
    own_house.gate.wait_for(10)
    with server.away():
        own_house.gate.open()
        wait_until(lambda: "Redis is away" in caplog.text, description="the worker has noticed")
    assert [handle.result(timeout=10) for handle in handles] == [str(n) for n in range(20)]
    stats = own_house.queue.get_stats()
    assert (stats["finished_total"], stats["lost_total"], stats["retried_total"]) == (20, 0, 0)
    assert sorted(own_house.gate.came) == sorted(str(n) for n in range(20))
    assert complaints(caplog) == []


def test_a_server_that_is_killed_under_load_loses_nothing_i2(own_house: House, server: OwnServer) -> None:
    handles = own_house.queue.push_batch(
        [note(own_house.name, str(n)).with_(user_id=f"user:{n % 3}") for n in range(3000)]
    )
    own_house.started("w1")
    own_house.started("w2")
    own_house.gate.wait_for(200)
    server.kill()
    wait_until(
        lambda: own_house.queue.get_stats()["finished_total"] == 3000, description="all are finished", timeout=20
    )
    assert [handle.result(timeout=0) for handle in handles] == [str(n) for n in range(3000)]
    assert sorted(own_house.gate.came) == sorted(str(n) for n in range(3000))
    assert own_house.queue.get_stats()["lost_total"] == 0


def test_an_idle_worker_serves_on_after_an_outage(own_house: House, server: OwnServer) -> None:
    own_house.started(assigned_users=("user:1",))
    assert own_house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2
    server.kill()
    began = time.monotonic()
    assert own_house.queue.push(add(1, 2), user_id="user:1").result(timeout=10) == 3
    assert time.monotonic() - began < 2


def test_an_idle_worker_tells_a_server_that_came_back_empty_its_lists_at_once(
    own_house: House, server: OwnServer
) -> None:
    own_house.started(assigned_users=("user:1",))
    scope = claims.digest(("user:1",))
    server.command("FLUSHALL")
    assert not server.command("ZSCORE", own_house.key("scopes"), scope)
    server.kill()
    began = time.monotonic()
    known = partial(server.command, "ZSCORE", own_house.key("scopes"), scope)
    wait_until(known, description="the list is known again")
    assert time.monotonic() - began < 4


def test_twenty_killed_connections_lose_nothing_and_work_resumes_within_a_second(
    own_house: House, server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    own_house.started()
    pauses = []
    for n in range(20):
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        began = time.monotonic()
        assert own_house.queue.push(note(own_house.name, str(n)), user_id="user:1").result(timeout=10) == str(n)
        pauses.append(round(time.monotonic() - began, 2))
    assert own_house.gate.came == [str(n) for n in range(20)]
    assert max(pauses) < 1, pauses
    assert complaints(caplog) == []


def test_killed_connections_under_load_lose_and_double_nothing_i3(own_house: House, server: OwnServer) -> None:
    handles = own_house.queue.push_batch(
        [note(own_house.name, str(n)).with_(user_id=f"user:{n % 3}") for n in range(3000)]
    )
    own_house.started("w1")
    own_house.started("w2")
    for n in range(20):
        own_house.gate.wait_for(100 * n)
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_until(
        lambda: own_house.queue.get_stats()["finished_total"] == 3000, description="all are finished", timeout=20
    )
    assert all(handle.result(timeout=0) for handle in handles)
    assert sorted(own_house.gate.came) == sorted(str(n) for n in range(3000))


def test_a_storm_of_script_flush_is_invisible(
    own_house: House, server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()
    flushes = itertools.count()

    def storm() -> None:
        while not over.is_set():
            server.command("SCRIPT", "FLUSH")
            next(flushes)

    thread = threading.Thread(target=storm)
    own_house.started()
    thread.start()
    try:
        for n in range(100):
            assert own_house.queue.push(add(n, n), user_id="user:1").result(timeout=10) == 2 * n
    finally:
        over.set()
        thread.join()
    assert next(flushes) > 100
    assert "Redis is away" not in caplog.text
    assert complaints(caplog) == []


def test_a_worker_that_starts_while_redis_is_away_says_so_and_can_start_later(
    own_house: House, server: OwnServer
) -> None:
    worker = own_house.worker()
    with server.away():
        with pytest.raises(RedisUnavailable, match="unix://"):
            worker.start()
        worker.stop()
    with worker:
        assert own_house.queue.push(add(1, 1), user_id="user:1").result(timeout=10) == 2


def test_a_worker_can_be_stopped_while_redis_is_away(own_house: House, server: OwnServer) -> None:
    handle = own_house.queue.push(stand_at(own_house.name, "x"), user_id="user:1")
    worker = own_house.started()
    own_house.gate.wait_for(1)
    with server.away():
        began = time.monotonic()
        worker.stop(0.1)
        assert time.monotonic() - began < 5
    own_house.gate.open()
    assert handle.state().value == "started"  # until its lease lapses: then it runs again elsewhere


def test_what_is_to_be_done_meanwhile_is_done_before_the_answer_however_the_call_travels(server: OwnServer) -> None:
    link = Driver(RedisSettings(url=server.url)).link()
    done = list[str]()

    def ask(how: str) -> None:
        link.run(claims.settle("{meanwhile:q}", "w", how), lambda: done.append(how))

    try:
        ask("with the script")
        ask("by its name")
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        ask("on a new connection")
        server.command("SCRIPT", "FLUSH")
        ask("with the script again")
        with server.away(), pytest.raises(RedisUnavailable):
            ask("in vain")
    finally:
        link.close()
    assert list(dict.fromkeys(done)) == [
        "with the script",
        "by its name",
        "on a new connection",
        "with the script again",
        "in vain",
    ]


def test_a_bell_whose_connection_is_lost_tells_so_and_opens_a_new_one(server: OwnServer) -> None:
    bell = Bell(Driver(RedisSettings(url=server.url)).link(), "bell")
    try:
        assert bell.wait(0, listen=True) is False
        listed = partial(server.command, "CLIENT", "LIST")
        wait_until(lambda: "blpop" in str(listed()), description="the server has its request")
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(RedisUnavailable):
            bell.wait(10, listen=True)
        server.command("LPUSH", "bell", "1")
        assert bell.wait(10, listen=True) is True
    finally:
        bell.close()


def test_a_server_that_stood_still_does_not_make_live_workers_lose_their_tasks_i10(
    own_house: House, server: OwnServer
) -> None:
    handles = [own_house.queue.push(stand_at(own_house.name, str(n)), user_id="user:1") for n in range(4)]
    own_house.started("w1", lease_seconds=1.0)
    own_house.gate.wait_for(4)
    for idle in ("w2", "w3"):
        own_house.started(idle, lease_seconds=1.0)
    with server.still():
        end = time.monotonic() + 3.2
        wait_until(lambda: time.monotonic() > end, description="the leases have lapsed")
    own_house.gate.open()
    assert [handle.result(timeout=10) for handle in handles] == [str(n) for n in range(4)]
    assert sorted(own_house.gate.came) == list("0123")
    assert own_house.queue.get_stats()["lost_total"] == 0
