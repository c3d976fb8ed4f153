"""The bell: one sleeper listens to its own program and to Redis at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from fairque.core.settings import RedisSettings
from fairque.store import bell as bells
from fairque.store.bell import Bell
from fairque.store.driver import Driver
from tests.waiting import wait_until

LONG = 30.0
"""Seconds that no test waits for: whoever slept that long was not woken."""


@pytest.fixture
def key(prefix: str) -> str:
    return f"{prefix}:wake"


@pytest.fixture
def bell(redis_url: str, key: str) -> Iterator[Bell]:
    made = Bell(Driver(RedisSettings(url=redis_url)).link(), key)
    yield made
    made.close()


def test_a_ring_ends_the_wait(bell: Bell) -> None:
    began = time.monotonic()
    ringer = threading.Timer(0.05, bell.ring)
    ringer.start()
    assert bell.wait(LONG, listen=True) is False
    ringer.join()
    assert time.monotonic() - began < 5


def test_a_ring_before_the_wait_is_not_forgotten_and_counts_once(bell: Bell) -> None:
    for _ in range(1_000):
        bell.ring()
    began = time.monotonic()
    assert bell.wait(LONG, listen=False) is False
    assert time.monotonic() - began < 5
    assert bell.wait(0.05, listen=False) is False
    assert time.monotonic() - began >= 0.05


def test_a_hint_in_redis_ends_the_wait(bell: Bell, redis_client: redis.Redis, key: str) -> None:
    began = time.monotonic()
    hinter = threading.Timer(0.05, redis_client.lpush, (key, "1"))
    hinter.start()
    assert bell.wait(LONG, listen=True) is True
    hinter.join()
    assert time.monotonic() - began < 5


def test_without_listening_a_hint_is_left_for_the_next_wait(bell: Bell, redis_client: redis.Redis, key: str) -> None:
    redis_client.lpush(key, "1")
    assert bell.wait(0.05, listen=False) is False
    assert redis_client.llen(key) == 1
    assert bell.wait(LONG, listen=True) is True


def test_a_ring_and_a_hint_at_once_are_both_heard(bell: Bell, redis_client: redis.Redis, key: str) -> None:
    assert bell.wait(0, listen=True) is False
    redis_client.lpush(key, "1")
    bell.ring()
    wait_until(lambda: redis_client.llen(key) == 0, description="the standing request has taken the hint")
    heard = bell.wait(LONG, listen=True) or bell.wait(LONG, listen=True)
    assert heard
    began = time.monotonic()
    assert bell.wait(0.05, listen=False) is False
    assert time.monotonic() - began >= 0.05


def test_the_standing_request_survives_other_waits(bell: Bell, redis_client: redis.Redis, key: str) -> None:
    assert bell.wait(0, listen=True) is False
    for _ in range(5):
        bell.ring()
        bell.wait(LONG, listen=False)
    redis_client.lpush(key, "1")
    wait_until(lambda: redis_client.llen(key) == 0, description="the standing request has taken the hint")
    assert bell.wait(LONG, listen=True) is True


def test_without_any_hint_redis_answers_after_its_time_and_the_next_wait_asks_again(
    bell: Bell, redis_client: redis.Redis, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "BLOCK", 0.1)
    began = time.monotonic()
    assert bell.wait(LONG, listen=True) is False
    assert 0.1 <= time.monotonic() - began < 5
    redis_client.lpush(key, "1")
    assert bell.wait(LONG, listen=True) is True


def test_a_half_open_connection_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells, "BLOCK", 0.1)
    monkeypatch.setattr(bells, "LATE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        bell = Bell(Driver(RedisSettings(url=f"redis://127.0.0.1:{port}/0")).link(), "key")
        try:
            assert bell.wait(0.01, listen=True) is False
            first, _ = silent.accept()
            with first:
                first.settimeout(5)
                assert b"BLPOP" in first.recv(4096)
                wait_until(lambda: bell.wait(0.05, listen=True) or _ended(first), description="the bell hangs up")
            bell.wait(0.01, listen=True)
            second, _ = silent.accept()
            second.close()
        finally:
            bell.close()


def _ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
