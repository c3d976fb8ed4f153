"""The fairness report for people: what each user was entitled to, and what it got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.monitoring.tables import bar, more_users, plain_table, quantity, span, wait_text
from fairque.queue.report import FairnessReport, UserShare

_UNIT: Final = {"count": "starts", "declared": "the costs that tasks declare", "time": "run time"}
_FAIR: Final = 0.9
"""Jain's index below which it is marked: it is 0.9 where half of the users got half of what the others got."""
_NAMED: Final = 5


def report_json(queue: str, report: FairnessReport, user_id: str | None = None) -> dict[str, Any]:
    """Return a report as plain values; with `user_id`, of the users this one only."""
    users = [user for user in report.users if user_id in {None, user.user_id}]
    plain = {"queue": queue, "cost": report.cost, "jain": report.jain, "noisy": report.noisy, "users": users}
    found: dict[str, Any] = msgspec.to_builtins(plain)
    return found


def fairness_page(
    report: FairnessReport,
    *,
    queue: str,
    address: str,
    user_id: str | None = None,
    pretty: bool,
    rows: int | None = None,
) -> RenderableType:
    """Return the page: at most `rows` users, or only `user_id`. `pretty` is for terminals."""
    users = [user for user in report.users if user_id in {None, user.user_id}]
    heading = Text.assemble(("fairness of ", "dim"), (queue, "bold"), (f" at {address}, last 10 to 20 min", "dim"))
    parts: list[RenderableType] = [heading, Text(), _measures(report), Text()]
    if users:
        parts.append(shares_table(users[:rows], pretty=pretty))
        parts += more_users(len(users) - len(users[:rows]))
    else:
        who = "no user" if user_id is None else user_id
        parts.append(Text(f"{who}: no run has ended in this time, and nothing waits", "dim"))
    return Group(*parts)


def shares_table(users: Sequence[UserShare], *, pretty: bool) -> Table:
    """Return a line for each user; the bars of both shares have one scale."""
    widest = max((max(user.entitled, user.received) for user in users), default=0.0) or 1.0
    table = plain_table(pretty=pretty)
    table.add_column("user", no_wrap=True, overflow="ellipsis", min_width=8)
    names = ("weight", "entitled", "received", "wait p50", "p95", "p99", "starts", "run", "waiting")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, style="cyan" if pretty and name == "received" else "")
    if any(user.noisy for user in users):
        table.add_column("noisy", no_wrap=True)
    for user in users:
        table.add_row(
            Text(user.user_id, "bold" if user.waiting else ""),
            Text(f"{user.weight:g}", "" if user.weight != 1 else "dim"),
            _share(user.entitled, widest, pretty=pretty),
            _share(user.received, widest, pretty=pretty),
            Text(wait_text(user.wait_p50_ms)),
            Text(wait_text(user.wait_p95_ms)),
            Text(wait_text(user.wait_p99_ms)),
            quantity(user.starts),
            Text(span(user.run_seconds)) if user.starts else Text("-", "dim"),
            quantity(user.waiting),
            *([Text("noisy" if user.noisy else "", "yellow")] if len(table.columns) > len(names) + 1 else []),
        )
    return table


def _measures(report: FairnessReport) -> Table:
    noisy = [*report.noisy[:_NAMED], *(["…"] if len(report.noisy) > _NAMED else [])]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_row("cost", Text(f"{report.cost}: service is measured in {_UNIT[report.cost]}"))
    table.add_row(
        "Jain index", Text(f"{report.jain:.3f} (1 is perfectly fair)", "" if report.jain >= _FAIR else "bold yellow")
    )
    asks = " (ask for more than twice what they are entitled to)" if noisy else ""
    table.add_row("noisy now", Text(f"{', '.join(noisy) or 'nobody'}{asks}", "yellow" if noisy else ""))
    return table


def _share(share: float, widest: float, *, pretty: bool) -> Text:
    return Text(f"{bar(share / widest, 8)} {share:6.1%}" if pretty else f"{share:.1%}")
