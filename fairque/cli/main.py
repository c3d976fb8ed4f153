"""`fairque`: the commands by name. A command's module is imported when it is called, so that `--help` costs nothing."""

from __future__ import annotations

import importlib
from typing import Final, NoReturn

import click

from fairque.cli import entry

COMMANDS: Final = {
    "demo": "Show fairness at work: four teams, two workers, real files.",
    "worker": "Run a worker until it is told to stop.",
    "scheduler": "Fire the schedules of a queue until told to stop.",
    "push": "Push one task and print its id.",
    "info": "Show what waits, runs and failed, per user; and the workers.",
    "user": "Give users weights and caps, pause them, erase what they left.",
    "queue": "Cap or pause a queue or a task name, say how service is shared.",
    "task": "Show how a task stands and why; cancel it, or try it again.",
    "flow": "Draw flows of tasks that wait for each other; cancel one.",
    "schedule": "Push tasks again and again: by cron expression or interval.",
    "failed": "List what failed for good, queue it again, or forget it.",
    "doctor": "Check a live queue, and say what to do where something is wrong.",
    "simulate": "Replay a workload on a virtual clock, and ask: what if?",
    "bench": "Measure how fast fairque is on this machine.",
}
"""Every command with its sentence; `fairque NAME` is the command NAME of the module `fairque.cli.NAME`."""


class Lazily(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"fairque.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table, without importing what it names."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazily, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fairque", prog_name="fairque")
def fairque() -> None:
    """A fair, multi-tenant task queue on Redis: no user's flood delays another's handful.

    Every command takes --config FILE, or reads FAIRQUE_* variables such as FAIRQUE_REDIS__URL. Exit codes: 0 done,
    1 failed, 2 wrong usage or a wrong configuration, 3 Redis cannot be reached.
    """


def main() -> NoReturn:
    """Run the program `fairque`."""
    entry.run(fairque)
