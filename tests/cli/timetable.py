"""Schedules for the tests of their commands."""

from __future__ import annotations

from fairque import task
from tests.cli.inside import Ran, call

NIGHTLY = (
    "nightly",
    "--cron",
    "30 2 * * *",
    "--timezone",
    "Europe/Berlin",
    "--task",
    "nights:send",
    "--user",
    "user:1",
)
WORD = ("--args", '["sesame"]')
KEYS = {
    *("schedule_id", "cron", "every", "timezone", "start", "end", "task", "user_id", "priority", "catchup", "overlap"),
    *("state", "version", "next_fire", "origin", "changed"),
}


@task(name="nights:send", max_retries=0)
def send(word: str) -> str:
    return word


def add(env: dict[str, str], *words: str) -> Ran:
    """Add a schedule by command."""
    ran = call(env, "schedule", "add", *words)
    assert (ran.code, ran.err) == (0, ""), ran
    return ran
