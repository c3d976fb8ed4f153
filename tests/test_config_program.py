"""A configuration made, changed and written by a program; whatever can be configured reads back equal."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairque.config import FairQueueConfig
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import QueueSettings, RedisSettings, WorkerSettings
from fairque.errors import ConfigError

# --- made in a program ----------------------------------------------------------------------------------------------


def test_create_default_makes_one_worker_for_everyone() -> None:
    config = FairQueueConfig.create_default(environ={})
    assert config.worker == WorkerSettings(id="worker-001", assigned_users=("*",))
    config = FairQueueConfig.create_default("w1", ["user:1"], ["user:2"], environ={"FAIRQUE_REDIS__URL": "redis://h"})
    assert config.worker == WorkerSettings(id="w1", assigned_users=("user:1",), steal_targets=("user:2",))
    assert config.redis.url == "redis://h"
    with pytest.raises(ConfigError) as caught:
        FairQueueConfig.create_default("a b", "user:1", environ={})
    assert caught.value.problems == (
        "worker.assigned_users: must be a list, not the text 'user:1'",
        "worker.id: must be 1 to 128 printable characters without blanks, not the text 'a b'",
    )


def test_with_worker_changes_a_copy_of_the_only_worker() -> None:
    config = FairQueueConfig.create_default(environ={})
    changed = config.with_worker(id="w2", assigned_users=["user:1"], max_concurrent_tasks=2)
    assert type(changed) is FairQueueConfig
    assert changed.worker == WorkerSettings(id="w2", assigned_users=("user:1",), max_concurrent_tasks=2)
    assert config.worker.id == "worker-001"
    with pytest.raises(ConfigError) as caught:
        config.with_worker(max_concurrent_task=2, lease_seconds=True)
    assert caught.value.problems == (
        "worker.lease_seconds: must be a number from 1 to 86400, not true",
        "worker.max_concurrent_task: unknown key; did you mean max_concurrent_tasks?",
    )
    with pytest.raises(ConfigError, match="no worker is configured"):
        FairQueueConfig().with_worker(lease_seconds=5)


def test_with_worker_needs_the_id_where_there_are_several() -> None:
    workers = tuple(WorkerSettings(id=name, assigned_users=("*",)) for name in ("w1", "w2"))
    config = FairQueueConfig(workers=workers)
    changed = config.with_worker(id="w2", lease_seconds=5)
    assert [worker.lease_seconds for worker in changed.workers] == [15, 5]
    with pytest.raises(ConfigError, match="several workers are configured: name one of w1, w2"):
        config.with_worker(lease_seconds=5)
    with pytest.raises(ConfigError, match="no worker is called w3: there is w1, w2"):
        config.with_worker(id="w3", lease_seconds=5)


# --- written --------------------------------------------------------------------------------------------------------


def test_a_written_file_is_for_its_owner_only_and_replaces_the_old_one_whole(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "fq.yaml"
    real.write_text("old")
    real.chmod(0o644)
    link.symlink_to(real)
    FairQueueConfig.create_default(environ={}).to_yaml(link)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fq.yaml", "real.yaml"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fq.yaml"
    path.write_text("old")

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(ConfigError, match=r"fq.yaml: cannot be written: No space left on device"):
        FairQueueConfig.create_default(environ={}).to_yaml(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        FairQueueConfig.create_default(environ={}).to_yaml(tmp_path / "none" / "fq.yaml")


seconds = st.floats(min_value=0.001, max_value=86_400)
plain_names = st.text("abcXYZ019_.-", min_size=1, max_size=64)
secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
users = st.one_of(
    st.sampled_from(
        ["1:30", "007", "on", "null", "~", "2026-11-21", "a: b", "# c", "{a}", "é", "e\u0301", "1e3", "- x"]
    ),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40).filter(lambda text: text != "*"),
)
redis_settings = st.one_of(
    st.builds(RedisSettings, connect_timeout=seconds),
    st.builds(RedisSettings, url=st.sampled_from(["redis://u:p@h:1/2", "embedded://./data", "unix:///run/r.sock"])),
    st.builds(
        RedisSettings,
        host=st.sampled_from(["h", "::1", "10.0.0.1"]),
        port=st.none() | st.integers(1, 65_535),
        username=st.none() | secrets,
        password=st.none() | secrets,
        ssl=st.none() | st.booleans(),
    ),
)


@st.composite
def workers(draw: st.DrawFn) -> tuple[WorkerSettings, ...]:
    def one(worker_id: str) -> WorkerSettings:
        names = draw(st.lists(users, min_size=1, max_size=6, unique=True))
        cut = draw(st.integers(0, len(names)))
        return WorkerSettings(
            id=worker_id,
            assigned_users=tuple(names[:cut]),
            steal_targets=tuple(names[cut:]) or draw(st.sampled_from([(), ("*",)])),
            max_concurrent_tasks=draw(st.integers(1, 1000)),
            lease_seconds=draw(st.floats(1, 86_400)),
            prefetch_horizon=draw(st.floats(0, 1)),
            graceful_shutdown_timeout=draw(st.integers(0, 86_400)),
        )

    return tuple(one(name) for name in draw(st.lists(plain_names, max_size=3, unique=True)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | users,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(users, inner, max_size=3),
    max_leaves=6,
)
schedules = st.builds(
    ScheduleSettings,
    id=users,
    cron=st.sampled_from(["0 2 * * *", "*/15 * * * * *", "@daily", "0 0 * * MON#2"]),
    task=st.sampled_from(["myapp.tasks:report", "on", "~"]),
    user_id=users,
    args=st.lists(json_values, max_size=3),
    kwargs=st.dictionaries(st.sampled_from(["a", "on", "no", "é"]), json_values, max_size=3),
    timezone=st.none() | st.sampled_from(["Europe/Berlin", "UTC", "America/Argentina/Ushuaia"]),
    start=st.none() | st.just("2026-03-01T09:00:00+01:00"),
    end=st.none() | st.just("2027-03-01T09:00:00Z"),
    catchup=st.sampled_from(["none", "one", "all", "all(7)"]),
    overlap=st.sampled_from(["skip", "allow"]),
    timeout=st.none() | seconds,
    executor=st.none() | st.just("process"),
)

configs = st.builds(
    FairQueueConfig,
    redis=redis_settings,
    queue=st.builds(QueueSettings, name=plain_names, prefix=plain_names, result_ttl_seconds=seconds),
    tasks=st.lists(st.sampled_from(["tasks", "myapp.tasks", "on", "null"])),
    workers=workers(),
    scheduler=st.builds(SchedulerSettings, id=plain_names, embedded=st.booleans()),
    schedules=st.lists(schedules, max_size=2, unique_by=lambda one: one.id),
)


@given(config=configs)
def test_what_is_written_reads_back_equal(config: FairQueueConfig, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.yaml"
    config.to_yaml(path)
    assert FairQueueConfig.from_yaml(path, environ={}) == config
