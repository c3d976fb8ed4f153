"""How every command begins and ends: where its configuration comes from, and what its exit code says.

Exit codes: 0 done, 1 failed, 2 wrong usage or a wrong configuration, 3 Redis cannot be reached.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from msgspec.structs import replace

from fairque.errors import (
    ConfigError,
    EmbeddedServerError,
    FairqueError,
    LimitsError,
    RedisUnavailable,
    TaskValidationError,
)

if TYPE_CHECKING:
    from fairque.config import FairQueueConfig

FAILED, WRONG_USAGE, UNREACHABLE = 1, 2, 3
PATIENCE: Final = 2.0
"""Seconds for which a command waits for a connection: a person stands before it."""

config_option = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="YAML file. Without it: FAIRQUE_* variables over the defaults (redis://localhost:6379/0).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def run(command: click.Command) -> NoReturn:
    """Run a command as a program: what fairque raises becomes text on stderr and an exit code."""
    try:
        command()
    except FairqueError as error:
        click.echo(said(error), err=True)
        sys.exit(exit_code(error))
    sys.exit(0)


def exit_code(error: FairqueError) -> int:
    """Return the exit code that stands for an error."""
    match error:
        case RedisUnavailable() | EmbeddedServerError():
            return UNREACHABLE
        case ConfigError() | TaskValidationError() | LimitsError():
            return WRONG_USAGE
    return FAILED


def said(error: FairqueError) -> str:
    """Return an error for a person: a line for each problem of a configuration, one for a Redis out of reach."""
    if isinstance(error, ConfigError):
        return str(error)
    return f"fairque: {' '.join(str(error).split()) if isinstance(error, RedisUnavailable) else error}"


def load_config(path: Path | None) -> FairQueueConfig:
    """Return the configuration of a file, or that of the environment over the defaults. It connects within PATIENCE.

    Raises: ConfigError with everything that is wrong.
    """
    from fairque.config import FairQueueConfig  # `--help` needs none of it

    config = FairQueueConfig.create_default() if path is None else FairQueueConfig.from_yaml(path)
    redis = config.redis
    return replace(config, redis=replace(redis, connect_timeout=min(redis.connect_timeout, PATIENCE)))


def impatient(config: FairQueueConfig) -> FairQueueConfig:
    """Return the configuration for a command that only looks: it waits PATIENCE for an answer, too."""
    redis = config.redis
    return replace(config, redis=replace(redis, socket_timeout=min(redis.socket_timeout, PATIENCE)))


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value))
