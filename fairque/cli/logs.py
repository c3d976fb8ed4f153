"""How a worker or a scheduler logs to stderr: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

import click

from fairque.core.log_fields import FIELDS

level_option = click.option(
    "--log-level", type=click.Choice(("debug", "info", "warning", "error")), default="info", show_default=True
)
format_option = click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="json: an object a line, with the ids of process, task and user.",
)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: time (UTC), level, logger, message, worker (or another `role`), pid;
    task_id, user_id, attempt and task, where the record has them; and the traceback of an exception, which shows no
    variables.
    """

    def __init__(self, process_id: str | None, role: str = "worker") -> None:
        super().__init__()
        self._process_id, self._role = process_id, role

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            self._role: self._process_id,
            "pid": os.getpid(),
        }
        line |= {field: value for field in FIELDS if (value := getattr(record, field, None)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(form: str, level: str, process_id: str | None, role: str = "worker") -> None:
    """Log in this format: `json` whatever was set up before, and with Python's warnings; `text` unless a module of
    tasks has set up logging in its own way.
    """
    if form == "text":
        logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)-7s %(message)s")
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process_id, role))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
