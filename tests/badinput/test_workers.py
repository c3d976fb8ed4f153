"""Workers and servers that are not as they should be: one id twice, nobody and many to serve, a replica, a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest
import redis

from fairque import AsyncTaskQueue, FairQueueConfig, TaskQueue, Worker
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from fairque.errors import ConfigError, EvictingServer, FairqueError, RedisUnavailable
from tests.badinput.ground import CommandRefused, Ground, cell, opened, refused
from tests.badinput.jobs import echo
from tests.badinput.payloads import SECRET
from tests.contract.facade import Blocking, Loop
from tests.worker.own_server import OwnServer, own_server

MANY: Final = 100_000


def working(ground: Ground, **changes: Any) -> FairQueueConfig:
    """Return the configuration of the ground's queue with one worker."""
    settings = WorkerSettings(**{"id": "w1", "assigned_users": ("*",), **changes})
    return FairQueueConfig(redis=ground.config.redis, queue=ground.config.queue, workers=(settings,))


def test_two_workers_with_one_id_run_each_task_once(redis_url: str) -> None:
    with opened(redis_url) as ground:
        queue, config = ground.queues["sync"], working(ground)
        with Worker(config) as first, Worker(config) as second:
            handles = queue.push_batch([echo(n) for n in range(300)], user_id="u")
            assert [handle.result(timeout=30) for handle in handles] == list(range(300))
            first.stop()
            after = queue.push(echo("after"), user_id="u")
            assert after.result(timeout=30) == "after"
            second.stop()
        stats = queue.get_stats()
        assert (stats["finished_total"], stats["lost_total"], stats["queued"], stats["started"]) == (301, 0, 0, 0)


def test_a_worker_that_would_serve_nobody_is_refused() -> None:
    error = refused(lambda: WorkerSettings(id="w1", assigned_users=()))
    assert isinstance(error, ConfigError)
    assert "this worker would serve no one" in str(error)


def test_a_worker_may_be_assigned_a_hundred_thousand_users(redis_url: str) -> None:
    with opened(redis_url) as ground:
        users = tuple(f"user:{n}" for n in range(MANY))
        with Worker(working(ground, assigned_users=users)) as worker:
            handles = [ground.queues["sync"].push(echo(n), user_id=users[n]) for n in (0, MANY // 2, MANY - 1)]
            others = ground.queues["sync"].push(echo(1), user_id="somebody else")
            assert [handle.result(timeout=30) for handle in handles] == [0, MANY // 2, MANY - 1]
            assert others.state() == "queued"
            (said,) = ground.queues["sync"].workers()
            assert (said["assigned_total"], len(said["assigned_users"])) == (MANY, 20)
            worker.stop()


# --- servers --------------------------------------------------------------------------------------------------------

VERBS: Final[dict[str, Callable[[TaskQueue], Any]]] = {
    "push": lambda queue: queue.push(echo(SECRET), user_id="u"),
    "push_batch": lambda queue: queue.push_batch([echo(SECRET)], user_id="u"),
    "get_task": lambda queue: queue.get_task("x", user_id="u"),
    "get_stats": lambda queue: queue.get_stats(),
    "set_user": lambda queue: queue.set_user("u", weight=2),
    "pop": lambda queue: queue.pop(),
}
COMMANDS: Final = (
    ("push", "badinput.echo", "--user=u"),
    ("info", "--json"),
    ("user", "set", "u", "--weight=2"),
    ("task", "show", "x", "--user=u"),
)


def try_server(
    config: FairQueueConfig,
    caplog: pytest.LogCaptureFixture,
    verbs: dict[str, Any] = VERBS,
    kind: type[FairqueError] = RedisUnavailable,
) -> None:
    """See that a server is refused by every verb, in both colours, and by a worker."""
    loop = Loop()
    queues: dict[str, Any] = {"sync": TaskQueue(config), "async": Blocking(AsyncTaskQueue(config), loop)}
    for colour, queue in queues.items():
        with queue:
            for name, act in verbs.items():
                with cell(colour, name):
                    assert isinstance(refused(partial(act, queue), secret=SECRET), kind)
    loop.close()
    assert isinstance(refused(Worker(config).start, secret=SECRET), kind)
    assert SECRET not in caplog.text


def try_commands(ground: Ground) -> None:
    for words in COMMANDS:
        with pytest.raises(CommandRefused) as caught, cell(*words):
            ground.command(*words)
        assert (caught.value.ran.code, caught.value.ran.out) == (3, "")
        assert SECRET not in caught.value.ran.err


@pytest.mark.parametrize("place", ["127.0.0.1:1", "[::1]:1", "no-such-host.invalid"])
def test_a_password_is_not_told_when_redis_is_out_of_reach(
    ground: Ground, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    url = f"redis://user:{SECRET}@{place}/0"
    redis_ = RedisSettings(url=url, connect_timeout=0.2, socket_timeout=0.2)
    try_server(FairQueueConfig(redis=redis_, queue=ground.config.queue, workers=working(ground).workers), caplog)
    variables = {"FAIRQUE_REDIS__URL": url, "FAIRQUE_REDIS__CONNECT_TIMEOUT": "0.2"}
    try_commands(ground._replace(env=ground.env | variables))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Give a server of this module's own."""
    with own_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def of(server: OwnServer, prefix: str, **changes: Any) -> FairQueueConfig:
    return FairQueueConfig(
        redis=RedisSettings(url=server.url),
        queue=QueueSettings(prefix=prefix),
        workers=(WorkerSettings(id="w1", assigned_users=("*",)),),
        **changes,
    )


def test_a_replica_is_refused_with_the_remedy(server: OwnServer, caplog: pytest.LogCaptureFixture) -> None:
    config = of(server, "replica")
    with redis.Redis.from_url(server.url) as client, TaskQueue(config) as queue:
        queue.get_stats()
        before = client.keys()
        server.command("REPLICAOF", "127.0.0.1", "1")
        try:
            verbs = {name: VERBS[name] for name in ("push", "push_batch", "set_user", "pop")}
            try_server(config, caplog, verbs)
            assert "point redis.url at its primary" in str(refused(lambda: queue.push(echo(1), user_id="u")))
            assert client.keys() == before
        finally:
            server.command("REPLICAOF", "NO", "ONE")
        assert queue.push(echo(1), user_id="u").created


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-lfu", "volatile-ttl"])
def test_a_server_that_throws_keys_away_is_refused(
    server: OwnServer, caplog: pytest.LogCaptureFixture, policy: str
) -> None:
    server.command("CONFIG", "SET", "maxmemory-policy", policy)
    try:
        try_server(of(server, "evicting"), caplog, kind=EvictingServer)
        assert server.command("KEYS", "*evicting*") == []
    finally:
        server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")


@pytest.mark.parametrize("login", [f"somebody:{SECRET}", f":{SECRET}"], ids=["user", "password-only"])
def test_a_login_that_redis_refuses_is_told_without_it(
    server: OwnServer, caplog: pytest.LogCaptureFixture, login: str
) -> None:
    url = server.url.replace("unix://", f"unix://{login}@").replace("redis://", f"redis://{login}@")
    config = FairQueueConfig(redis=RedisSettings(url=url), workers=of(server, "x").workers)
    for act in VERBS.values():
        with TaskQueue(config) as queue:
            refused(partial(act, queue), secret=SECRET)
    refused(Worker(config).start, secret=SECRET)
    assert SECRET not in caplog.text
