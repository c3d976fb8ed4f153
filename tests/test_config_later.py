"""Keys of the contract that do nothing yet are told by path, and refuse nobody's file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fairque import FairQueueConfig
from fairque.errors import ConfigError

WHOLE = """
redis: {url: "redis://localhost:6379/0"}
queue: {name: default, prefix: fq, default_max_retries: 3, xcom_ttl_seconds: 3600, result_ttl_seconds: 3600}
fairness: {cost: count, aging_seconds: 60}
users: {"user:vip": {weight: 4, max_concurrency: 10, rate: "100/s"}}
tasks: [myapp.tasks]
workers:
  - id: worker-001
    assigned_users: ["user:1", "user:3"]
    steal_targets: ["user:2"]
    max_concurrent_tasks: 10
    task_timeout_seconds: 300
    graceful_shutdown_timeout: 30
scheduler: {id: scheduler-001, timezone: UTC}
schedules: [{id: nightly, cron: "0 2 * * *", task: "myapp.tasks:report", user_id: "user:1"}]
"""


def test_a_file_for_later_releases_loads_and_what_does_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "fq.yaml"
    path.write_text(WHOLE)
    with caplog.at_level(logging.WARNING):
        config = FairQueueConfig.from_yaml(path, environ={})
    assert config.worker.steal_targets == ("user:2",)
    told = [record.getMessage() for record in caplog.records]
    keys = ["scheduler", "schedules"]
    assert told == [f"{path}: {key}: has no effect in this release" for key in keys]


def test_a_key_at_the_wrong_place_is_refused_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "fq.yaml"
    path.write_text("queue: {task_timeout_seconds: 3}\n")
    with pytest.raises(ConfigError, match=r"queue\.task_timeout_seconds: unknown key"):
        FairQueueConfig.from_yaml(path, environ={})
