"""The address of Redis: which ones pass, how one is made of its parts, and that no password is ever shown."""

from __future__ import annotations

from typing import Any

import pytest

from fairque.core.settings import RedisSettings, Settings
from fairque.errors import ConfigError


def problems_of(**fields: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        RedisSettings(**fields)
    return caught.value.problems


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://localhost", "redis://localhost"),
        ("redis://user:sesame@host:6379/0", "redis://user:***@host:6379/0"),
        ("redis://:sesame@host:6379/0", "redis://:***@host:6379/0"),
        ("redis://sesame@host", "redis://***@host"),
        ("redis://user:se@same@host/1", "redis://user:***@host/1"),
        ("rediss://user:sesame@[::1]:6380/2?ssl_cert_reqs=none", "rediss://user:***@[::1]:6380/2"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock"),
        ("unix://user:sesame@/run/redis.sock", "unix://user:***@/run/redis.sock"),
        ("embedded://", "embedded://"),
        ("embedded://./data", "embedded://./data"),
    ],
)
def test_urls_of_all_kinds_pass_and_are_shown_without_password(url: str, address: str) -> None:
    settings = RedisSettings(url=url)
    assert settings.effective_url == url
    assert settings.address == address
    assert "sesame" not in repr(settings) + str(settings) + repr(list(settings.__rich_repr__()))
    assert address in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sesame",
        "localhost:6379",
        "redis:/sesame",
        "http://u:sesame@host",
        "REDIS://u:sesame@host",
        "redis://",
        "redis://u:sesame@",
        "redis://u:sesame@:6379",
        "redis://u:sesame@host:0",
        "redis://u:sesame@host:65536",
        "redis://u:sesame@host:http",
        "redis://u:sesame@host/zero",
        "redis://u:se/sesame@host",
        "redis://u:se?sesame@host",
        "redis://u:se#sesame@host",
        "redis://u:[sesame@host",
        "redis://u:sesame@ho\u2100st",
        "redis://host?password=sesame",
        "redis://u:sesame @host",
        "redis://u:sesame@host\n",
        "redis://u:sesame@host\0",
        "redis://u:sesame\ud800@host",
        "unix://u:sesame@",
        "unix:///",
        "redis+sentinel://u:sesame@h1:26379/mymaster",
    ],
)
def test_a_bad_url_is_told_without_showing_it(url: str) -> None:
    problems = problems_of(url=url)
    assert all(problem.startswith("url: ") for problem in problems)
    assert "sesame" not in str(problems)
    with pytest.raises(ConfigError) as caught:
        RedisSettings(url=url)
    assert caught.value.__context__ is None


def test_the_url_is_composed_of_its_parts() -> None:
    assert RedisSettings(host="h").effective_url == "redis://h:6379/0"
    assert RedisSettings(db=2).effective_url == "redis://localhost:6379/2"
    assert RedisSettings(host="::1", port=7, ssl=True).effective_url == "rediss://[::1]:7/0"
    assert RedisSettings(host="h", password="p/w@ö:%").effective_url == "redis://:p%2Fw%40%C3%B6%3A%25@h:6379/0"
    both = RedisSettings(host="h", username="a:b", password="sesame")
    assert both.effective_url == "redis://a%3Ab:sesame@h:6379/0"
    assert both.address == "redis://a%3Ab:***@h:6379/0"
    assert "sesame" not in repr(both) + repr(list(both.__rich_repr__())) + repr(Settings(redis=both))
    assert both.url is None


def test_a_url_and_its_parts_do_not_mix() -> None:
    assert problems_of(url="redis://h", port=1, password="sesame") == (
        "url: cannot be combined with port, password: give a url or its parts",
    )


def test_bad_parts_are_told_and_a_password_never() -> None:
    assert problems_of(password=12345) == (
        "password: must be text that is not empty (put it in quotes: "
        "YAML reads unquoted 1:30, 007, on and 2026-01-01 as numbers, booleans and dates)",
    )
    assert problems_of(password="sesame\ud800") == ("password: has a character that UTF-8 cannot hold",)
    assert problems_of(password="") == ("password: must be text that is not empty",)
    assert problems_of(url=["sesame"]) == ("url: must be text",)
    for host in ("", "h:6379", "127.0.0.1:6379", "a b", "a/b", "u@h", "h\n"):
        assert problems_of(host=host)[0].startswith("host: must be the name of a host, not ")
