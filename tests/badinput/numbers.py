"""The table of numbers: which values each option, setting and argument takes; all others are refused everywhere."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from fairque.core.checking import Section
from fairque.core.limits import Caps, UserSettings
from fairque.core.schedule_settings import SchedulerSettings, ScheduleSettings
from fairque.core.settings import FairnessSettings, QueueSettings, RedisSettings, WorkerSettings

VALUES: Final[dict[str, Any]] = {
    "-1": -1,
    "0": 0,
    "1": 1,
    "7": 7,
    "3.5": 3.5,
    "10^9": 10**9,
    "10^400": 10**400,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "1e-300": 1e-300,
    "text": "3",
    "true": True,
    "none": None,
    "list": [3],
    "bytes": b"3",
    "decimal": Decimal(3),
    "complex": 3j,
    "naive-datetime": datetime(2026, 11, 21),
    "date": date(2026, 11, 21),
}
"""Every value by its name."""

AS_TEXT: Final = {
    "-1": "-1",
    "0": "0",
    "1": "1",
    "7": "7",
    "3.5": "3.5",
    "10^9": "1000000000",
    "10^400": "1" + 400 * "0",
    "inf": ".inf",
    "-inf": "-.inf",
    "nan": ".nan",
    "1e-300": "1.0e-300",
    "text": "'3'",
    "true": "true",
    "none": "~",
    "list": "[3]",
    "bytes": "!!binary Mw==",
    "naive-datetime": "2026-11-21T09:30:00",
    "date": "2026-11-21",
}
"""How YAML writes them."""

ON_A_LINE: Final = {
    **{name: AS_TEXT[name] for name in ("-1", "0", "1", "7", "3.5", "10^9", "10^400", "1e-300")},
    **{name: name for name in ("inf", "-inf", "nan", "true")},
    "nothing": "",
    "blank": " ",
    "words": "3 apples",
    "underscores": "1_0",
    "arabic-digits": "\u0663",
    "lone-surrogate": "\udcff",
    "list": "[3]",
}
"""How they, and what only a text can be, stand in a variable or on a command line."""
READ_BY_PYTHON: Final = frozenset({"underscores", "arabic-digits"})
"""Numbers for `int` and `float`, and so for a command."""

_SMALL: Final = frozenset({"0", "1", "7"})
_SECONDS: Final = _SMALL | {"3.5", "1e-300"}
_POSITIVE: Final = frozenset({"1", "7", "3.5"})
_FLOAT: Final = _POSITIVE | {"decimal"}

OPTIONS: Final[dict[str, frozenset[str]]] = {
    "priority": frozenset({"1"}),
    "max_retries": _SMALL | {"none"},
    "retry_backoff": _SECONDS | {"none", "list"},
    "retry_on": frozenset({"none"}),
    "no_retry_on": frozenset({"none"}),
    "timeout": _POSITIVE | {"none"},
    "executor": frozenset({"none"}),
    "delay": _SECONDS | {"none"},
    "execute_after": frozenset({"none"}),
    "expires_in": _POSITIVE | {"none"},
    "unique_key": frozenset({"text", "none"}),
    "result_ttl": _SECONDS | {"none"},
    "cost": _POSITIVE,
    "depends_on": frozenset(),
    "on_parent_failure": frozenset(),
    "on_success": frozenset({"none"}),
    "on_failure": frozenset({"none"}),
    "enable_xcom": frozenset({"true"}),
    "auto_xcom": frozenset({"true"}),
    "push_key": frozenset({"none"}),
}
"""Of every option of a task but its ids and payload: the values that it takes."""

_COUNT: Final = _SMALL | {"10^9", "none"}
_CAPS: Final = {
    "max_concurrency": _COUNT,
    "burst": _COUNT - {"0"},
    "max_backlog": _COUNT,
    "rate": frozenset({"none"}),
    "paused": frozenset({"true"}),
}
SETTINGS: Final[dict[type[Section], dict[str, frozenset[str]]]] = {
    RedisSettings: {
        "port": frozenset({"1", "7", "none"}),
        "db": _SMALL | {"none"},
        "ssl": frozenset({"true", "none"}),
        "allow_eviction": frozenset({"true"}),
        "connect_timeout": _FLOAT,
        "socket_timeout": _FLOAT,
    },
    QueueSettings: {
        "default_max_retries": _SMALL,
        "result_ttl_seconds": _FLOAT,
        "failed_ttl_seconds": _FLOAT,
        "xcom_ttl_seconds": _FLOAT,
        "kept_bytes_per_user": frozenset({"10^9"}),
    },
    FairnessSettings: {"aging_seconds": _FLOAT | {"10^9", "inf"}},
    WorkerSettings: {
        "max_concurrent_tasks": frozenset({"1", "7"}),
        "lease_seconds": _FLOAT,
        "prefetch_horizon": frozenset({"0", "1", "1e-300"}),
        "graceful_shutdown_timeout": _SECONDS | {"decimal"},
        "unknown_task_grace": _SECONDS | {"decimal"},
        "task_timeout_seconds": _FLOAT | {"10^9", "inf"},
        "max_abandoned_threads": _SMALL,
    },
    SchedulerSettings: {"embedded": frozenset({"true"})},
    ScheduleSettings: {
        "every": _FLOAT,
        "priority": frozenset({"1", "none"}),
        "max_retries": _SMALL | {"none"},
        "timeout": _FLOAT | {"none"},
        "expires_in": _FLOAT | {"none"},
        "result_ttl": _SECONDS | {"decimal", "none"},
        "cost": _FLOAT | {"none"},
    },
    Caps: _CAPS,
    UserSettings: {**_CAPS, "weight": _FLOAT},
}
"""Of every setting that is no text: the values that it takes."""

TEXTS: Final[dict[type[Section], frozenset[str]]] = {
    RedisSettings: frozenset({"url", "host", "username", "password"}),
    QueueSettings: frozenset({"name", "prefix"}),
    FairnessSettings: frozenset({"cost"}),
    WorkerSettings: frozenset({"id", "assigned_users", "steal_targets"}),
    SchedulerSettings: frozenset({"id", "timezone"}),
    ScheduleSettings: frozenset(
        {
            *("id", "cron", "task", "user_id", "args", "kwargs", "timezone", "start", "end", "catchup", "overlap"),
            *("unique_key", "executor"),
        }
    ),
    Caps: frozenset(),
    UserSettings: frozenset(),
}
"""The other settings."""

ARGUMENTS: Final[dict[str, frozenset[str]]] = {
    "pop": _SECONDS | {"-1"},
    "pop_many": frozenset({"1", "7"}),
    "pop_many-timeout": _SECONDS | {"-1"},
    "get_result": _SECONDS | {"-1", "none"},
    "handle.result": _SECONDS | {"-1", "none"},
    "failed-limit": frozenset({"1", "7"}),
    "failed": _SECONDS | {"none"},
    "requeue_failed": _SECONDS | {"none"},
    "purge_failed": _SECONDS | {"none"},
    "flows": frozenset({"1", "7"}),
    "served": frozenset({"1", "7"}),
    "fairness": frozenset({"1", "7"}),
    "Retry": _SECONDS | {"none"},
    "Backoff.base": _SECONDS,
    "Backoff.factor": _POSITIVE,
    "Backoff.cap": _SECONDS,
    "Backoff.jitter": frozenset({"true"}),
    "Backoff.delays": frozenset({"list"}),
    "Worker.drain": _SECONDS | {"-1"},
    "Worker.stop": _SECONDS | {"-1", "none"},
}
"""Of every other argument that is a number: the values that it takes."""
