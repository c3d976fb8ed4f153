"""With which configuration the demo and its workers run: the shipped file or yours, and keys of this run alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from fairque.config import FairQueueConfig
from fairque.core.ids import EVERYONE
from fairque.errors import ConfigError, FairqueError

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_TASKS: Final = "fairque.monitoring.demo_tasks"
_CONNECT_LIMIT: Final = 2.0
"""Seconds: a person waits for the answer."""


def shipped_config() -> Path:
    """Return the demo's configuration: an installed package carries it, in a checkout it stands in `config/`."""
    for path in (_PACKAGE / "demo.yaml", _PACKAGE.parent / "config" / "demo.yaml"):
        if path.is_file():
            return path
    raise FairqueError(f"the demo's configuration is missing: this installation has no {_PACKAGE / 'demo.yaml'}")


def own_environ() -> dict[str, str]:
    """Return the environment for this run: of FAIRQUE_* only where Redis is, and a key prefix that nobody else has."""
    kept = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    return kept | {"FAIRQUE_QUEUE__PREFIX": f"fq-demo-{os.getpid()}-{secrets.token_hex(3)}"}


def load(path: Path, environ: Mapping[str, str], users: Iterable[str]) -> FairQueueConfig:
    """Return the demo's configuration.

    Raises:
        ConfigError: it is wrong, or would leave one of the demo's users without a worker or a worker without the task.
    """
    config = FairQueueConfig.from_yaml(path, environ=environ)
    served = {user for worker in config.workers for user in (*worker.assigned_users, *worker.steal_targets)}
    unserved = [] if EVERYONE in served else [user for user in users if user not in served]
    problems = [f"{path}: workers: none of them serves {user}" for user in unserved]
    if _TASKS not in config.tasks:
        problems.append(f"{path}: tasks: must list {_TASKS}")
    if problems:
        raise ConfigError(problems=tuple(problems))
    redis = config.redis
    return replace(config, redis=replace(redis, connect_timeout=min(_CONNECT_LIMIT, redis.connect_timeout)))


def _is_setting(name: str) -> bool:
    return name.startswith("FAIRQUE_") and not name.startswith(("FAIRQUE_REDIS__", "FAIRQUE_EMBEDDED"))
