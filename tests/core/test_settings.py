"""The tree of settings: bounds, rules between fields, and no password on any surface."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import msgspec
import pytest

from fairque.core.checking import parse
from fairque.core.settings import FairnessSettings, QueueSettings, RedisSettings, Settings, WorkerSettings
from fairque.errors import ConfigError


def worker(**fields: Any) -> WorkerSettings:
    return WorkerSettings(**({"id": "w1", "assigned_users": ("user:1",)} | fields))


def problems_of(section: type[Any], **fields: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        section(**fields)
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert isinstance(caught.value, ValueError)
    return caught.value.problems


# --- defaults and bounds --------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = Settings()
    assert settings.redis.url == "redis://localhost:6379/0"
    assert (settings.redis.connect_timeout, settings.redis.socket_timeout) == (5.0, 5.0)
    assert settings.queue == QueueSettings(
        name="default",
        prefix="fq",
        default_max_retries=3,
        result_ttl_seconds=3600,
        failed_ttl_seconds=604_800,
    )
    assert (settings.tasks, settings.workers) == ((), ())
    one = worker()
    assert (one.steal_targets, one.max_concurrent_tasks) == ((), 10)
    assert (one.lease_seconds, one.prefetch_horizon, one.graceful_shutdown_timeout) == (15.0, 0.02, 30.0)


def test_a_section_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().queue.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("section", "key", "low", "high", "beyond"),
    [
        (WorkerSettings, "max_concurrent_tasks", 1, 1000, (0, 1001, -1, 10**9, 10**400)),
        (WorkerSettings, "lease_seconds", 1.0, 86_400, (0.999, 0, -1, math.inf, -math.inf, math.nan)),
        (WorkerSettings, "prefetch_horizon", 0, 1, (-0.001, 1.001, math.inf, math.nan)),
        (WorkerSettings, "graceful_shutdown_timeout", 0, 86_400, (-1, math.inf, math.nan)),
        (QueueSettings, "default_max_retries", 0, 100, (-1, 101, 10**9)),
        (QueueSettings, "result_ttl_seconds", 0.001, 315_360_000, (0, math.inf)),
        (QueueSettings, "failed_ttl_seconds", 0.001, 315_360_000, (0, math.inf)),
        (RedisSettings, "connect_timeout", 0.001, 86_400, (0, -1, math.inf, math.nan)),
        (RedisSettings, "socket_timeout", 0.001, 86_400, (0, math.inf)),
        (RedisSettings, "port", 1, 65_535, (0, 65_536)),
        (RedisSettings, "db", 0, 1_000_000, (-1,)),
    ],
)
def test_numbers_keep_their_bounds(section: type[Any], key: str, low: float, high: float, beyond: tuple[Any]) -> None:
    needed = {"id": "w1", "assigned_users": ("user:1",)} if section is WorkerSettings else {}
    for good in (low, high):
        assert getattr(section(**needed, **{key: good}), key) == good
    for bad in (*beyond, True, False, "3", [3], {}, b"3", object()):
        (problem,) = problems_of(section, **needed, **{key: bad})
        assert problem.startswith(f"{key}: must be a ")
        assert f"from {low:.15g} to {high:.15g}, not " in problem


def test_an_error_says_what_was_given() -> None:
    assert problems_of(QueueSettings, default_max_retries="3") == (
        "default_max_retries: must be a whole number from 0 to 100, not the text '3'",
    )
    assert problems_of(QueueSettings, default_max_retries=True) == (
        "default_max_retries: must be a whole number from 0 to 100, not true",
    )


@pytest.mark.parametrize("key", ["name", "prefix"])
def test_queue_names_are_plain(key: str) -> None:
    for good in ("default", "a", "A.b-c_9", "x" * 64):
        assert getattr(QueueSettings(**{key: good}), key) == good  # type: ignore[arg-type]
    for bad in (
        "",
        " ",
        "a b",
        "a:b",
        "{a}",
        "a\n",
        "a\0",
        "é",
        "x" * 65,
        "x" * 10_000_000,
        7,
        True,
        None,
        b"a",
        "\ud800",
    ):
        (problem,) = problems_of(QueueSettings, **{key: bad})
        assert problem.startswith(f"{key}: must be 1 to 64 letters, digits, underscores, dots or dashes, not ")
        assert len(problem) < 400


def test_everything_wrong_with_a_section_is_told_at_once() -> None:
    assert problems_of(
        WorkerSettings,
        id="",
        assigned_users=("user:1", "user:2"),
        steal_targets=("user:2",),
        max_concurrent_tasks=0,
        lease_seconds=0.5,
    ) == (
        "max_concurrent_tasks: must be a whole number from 1 to 1000, not 0",
        "lease_seconds: must be a number from 1 to 86400, not 0.5",
        "id: must be 1 to 128 printable characters without blanks, not the text ''",
        "steal_targets: overlaps assigned_users: user:2",
    )


def test_tasks_are_module_names() -> None:
    assert Settings(tasks=("myapp.tasks", "tasks")).tasks == ("myapp.tasks", "tasks")
    for bad in ("", "tasks.py/", "a..b", ".a", "a b", "my-app", "os;x"):
        (problem,) = problems_of(Settings, tasks=("ok", bad))
        assert problem.startswith("tasks[1]: must be a module such as myapp.tasks, not ")


# --- the tree -------------------------------------------------------------------------------------------------------


def test_a_tree_survives_copying_pickling_and_replacing() -> None:
    settings = Settings(redis=RedisSettings(host="h", password="p"), workers=(worker(), worker(id="w2")))
    assert copy.deepcopy(settings) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    with pytest.raises(ConfigError, match=r"workers\[1\].id"):
        msgspec.structs.replace(settings, workers=(worker(), worker()))


def test_lists_become_tuples_and_mappings_become_sections() -> None:
    settings, problems = parse(Settings, {"workers": [{"id": "w1", "assigned_users": ["user:1"]}], "redis": None})
    assert problems == []
    assert settings == Settings(workers=(worker(),))


@pytest.mark.parametrize("bad", [3, "redis://u:sesame@h", ["sesame"], True])
def test_a_section_must_be_a_mapping(bad: object) -> None:
    settings, problems = parse(Settings, {"redis": bad, "workers": [bad]})
    assert settings is None
    assert [problem.path for problem in problems] == ["redis", "workers[0]"]
    assert all(problem.text.startswith("must be a mapping, not ") for problem in problems)
    assert "sesame" not in str(problems)


def test_unknown_keys_are_told_with_the_nearest_known_one() -> None:
    known = "known are redis, queue, fairness, tasks, users, workers, scheduler, schedules"
    _, problems = parse(Settings, {"quue": {}, "queue": {"nmae": "x", "zzz": 1}, True: 1, "redis://u:sesame@h": None})
    assert [str(problem) for problem in problems] == [
        "queue.nmae: unknown key; did you mean name?",
        "queue.zzz: unknown key; known are name, prefix, default_max_retries, result_ttl_seconds, failed_ttl_seconds, "
        "xcom_ttl_seconds, kept_bytes_per_user",
        "quue: unknown key; did you mean queue?",
        f"true: unknown key; {known}",
        f"the text 'redis://***@h': unknown key; {known}",
    ]


@pytest.mark.parametrize("aging", [0, -1, math.nan, "60", True])
def test_ageing_takes_any_positive_time_and_infinity(aging: object) -> None:
    assert FairnessSettings(aging_seconds=math.inf).aging_seconds == math.inf
    with pytest.raises(ConfigError, match=r"aging_seconds: must be a number of at least 0\.001"):
        FairnessSettings(aging_seconds=aging)  # type: ignore[arg-type]


def test_a_run_may_take_for_ever_where_the_settings_say_so() -> None:
    assert worker(task_timeout_seconds=math.inf).task_timeout_seconds == math.inf
    with pytest.raises(ConfigError, match=r"task_timeout_seconds: must be a number of at least 0\.001"):
        worker(task_timeout_seconds=0)
