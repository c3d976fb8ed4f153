"""An overview as a page: with rules, bars and colours on a terminal, as plain aligned text anywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.monitoring.overview import Overview
from fairque.monitoring.schedule_page import schedules_page
from fairque.monitoring.schedules import OVERDUE
from fairque.monitoring.tables import more_users, plain_table, seen_text, totals_table, users_table, workers_table


def overview_page(overview: Overview, *, address: str, pretty: bool, rows: int | None = None) -> RenderableType:
    """Return everything: the heading, totals, users (at most `rows` of them), workers; schedulers and schedules where
    there are any. `pretty` is for terminals.
    """
    now = datetime.now(UTC)
    heading = Text.assemble(("queue ", "dim"), (overview.queue, "bold"), (f" at {address}", "dim"))
    parts: list[RenderableType] = [heading, Text(), totals_table(overview.stats), Text()]
    if overview.paused:
        parts += [Text(f"paused, so that nothing starts: {', '.join(overview.paused)}", "bold yellow"), Text()]
    if overview.users:
        parts.append(users_table(overview.users[:rows], pretty=pretty))
        parts += more_users(len(overview.users) - len(overview.users[:rows]))
    else:
        parts.append(Text("no user has a task waiting, running or failed, or was served in the last hour", "dim"))
    parts.append(Text())
    if overview.workers:
        parts.append(workers_table(overview.workers, now=now.timestamp(), pretty=pretty))
    else:
        parts.append(Text("no worker is up", "yellow" if overview.stats["queued"] else "dim"))
    if overview.schedulers:
        parts += [Text(), schedulers_table(overview.schedulers, now=now.timestamp(), pretty=pretty)]
    if overview.schedules:
        parts += [Text(), schedules_page(overview.schedules, more=overview.more_schedules, now=now, pretty=pretty)]
    return Group(*parts)


def schedulers_table(schedulers: Iterable[dict[str, Any]], *, now: float, pretty: bool) -> Table:
    """Return a line for each scheduler. `now` is in epoch seconds."""
    table = plain_table(pretty=pretty)
    for name in ("scheduler", "process", "", "seen"):
        table.add_column(name, justify="right" if name == "seen" else "left", no_wrap=True)
    for one in schedulers:
        table.add_row(
            Text(one["id"], "bold"),
            Text(f"{one['host']}:{one['pid']}"),
            Text("leads", "green") if one["leads"] else Text("stands by", "dim"),
            seen_text(now - one["last_seen"], OVERDUE),
        )
    return table
