"""Weights and caps for people: a table of users, and a page for one subject, with what each cap is measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.core.ids import EVERYONE
from fairque.core.limits import Caps
from fairque.core.settings import FairnessSettings
from fairque.monitoring.overview import Standing
from fairque.monitoring.tables import bars_text, more_users, plain_table, quantity

_ALL_OTHERS: Final = f"{EVERYONE} (all others)"
_SOURCES: Final = {
    "own": "settings of its own",
    "others": "no settings of its own: those of * (all others) are in force",
    "default": "no settings of its own: the defaults are in force",
}


def standings_table(users: Sequence[Standing], *, pretty: bool, rows: int | None = None) -> RenderableType:
    """Return a line for each user, of at most `rows` of them. `pretty` is for terminals."""
    table = plain_table(pretty=pretty)
    table.add_column("user", no_wrap=True, overflow="ellipsis", min_width=8)
    deferred = any(user.deferred for user in users)
    optional = ["deferred"] if deferred else []
    for name in ("weight", "max running", "rate", "burst", "max backlog", "waiting", "running", "scheduled", *optional):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("barred by", no_wrap=True)
    for user in users[:rows]:
        table.add_row(
            Text(_ALL_OTHERS if user.user_id == EVERYONE else user.user_id, "bold" if user.source == "own" else ""),
            Text(f"{user.weight:g}", "" if user.weight != 1 else "dim"),
            *(
                Text("-", "dim") if value is None else Text(f"{value:,}" if isinstance(value, int) else value)
                for value in (user.max_concurrency, user.rate, user.burst, user.max_backlog)
            ),
            quantity(user.queued),
            quantity(user.started, "green"),
            quantity(user.scheduled),
            *([quantity(user.deferred)] if deferred else []),
            quantity(user.failed, "red"),
            bars_text(user),
        )
    return Group(table, *more_users(len(users) - len(users[:rows]), "`fairque user show U` shows one"))


def user_page(user: Standing) -> RenderableType:
    """Return one user: its settings in words, beside what it has."""
    every = user.user_id == EVERYONE
    table = _page("user", user.user_id, "all users, but for values of their own" if every else _SOURCES[user.source])
    table.add_row("weight", f"{user.weight:g}", "")
    counts = {} if every else {"running": user.started, "waiting": user.waiting, "deferred": user.deferred}
    counts |= {} if every else {"failed": user.failed}
    return _caps_rows(table, user, counts)


def task_caps_page(name: str, caps: Caps) -> RenderableType:
    """Return the caps of all tasks of one name."""
    return _caps_rows(_page("task", name, "all tasks of this name, of all users together"), caps, {})


def queue_page(
    name: str,
    address: str,
    fairness: FairnessSettings,
    caps: Caps,
    tasks: Mapping[str, Caps],
    counts: Mapping[str, int],
) -> RenderableType:
    """Return how a queue shares service, its caps, and the names of tasks that have caps of their own."""
    table = _page("queue", name, f"at {address}")
    table.add_row("cost", fairness.cost, _COSTS[fairness.cost])
    strict = fairness.aging_seconds == float("inf")
    ageing = "priorities are strict" if strict else "a priority level is worth so much waiting"
    table.add_row("aging_seconds", f"{fairness.aging_seconds:g}", Text(ageing, "dim"))
    parts: list[RenderableType] = [_caps_rows(table, caps, counts)]
    capped = {task: own for task, own in tasks.items() if own != Caps()}
    if capped:
        parts += [Text(), _names_table(capped)]
    return Group(*parts)


_COSTS: Final = {
    "count": Text("a start is charged one", "dim"),
    "declared": Text("a start is charged what its task declares", "dim"),
    "time": Text("a start is charged what its run takes", "dim"),
}


def _page(kind: str, name: str, remark: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_row(kind, Text(name, "bold"), Text(remark, "dim"))
    return table


def _caps_rows(table: Table, caps: Caps | Standing, counts: Mapping[str, int]) -> Table:
    """Add the caps to a page, each with what it is measured by or what it comes to."""
    running, waiting = (f"{counts[what]:,} {what}" if what in counts else "" for what in ("running", "waiting"))
    barred = "bold yellow"
    table.add_row(
        "max_concurrency",
        _bound(caps.max_concurrency),
        Text(f"none may run; {running}".removesuffix("; "), barred) if caps.max_concurrency == 0 else running,
    )
    table.add_row("rate", caps.rate or _bound(None), _burst_words(caps))
    table.add_row(
        "max_backlog",
        _bound(caps.max_backlog),
        Text(f"every push is refused; {waiting}".removesuffix("; "), barred) if caps.max_backlog == 0 else waiting,
    )
    table.add_row("paused", "yes" if caps.paused else "no", Text("nothing starts", barred) if caps.paused else "")
    for state in ("deferred", "failed"):
        if counts.get(state):
            table.add_row(state, f"{counts[state]:,}", Text("of those that wait", "dim") if state == "deferred" else "")
    return table


def _burst_words(caps: Caps | Standing) -> str:
    if caps.rate is None:
        return f"burst {caps.burst:,} has no effect without a rate" if caps.burst else ""
    settled = Caps(rate=caps.rate, burst=caps.burst)
    return f"up to {settled.bucket:,} at once after a quiet time"


def _bound(value: int | None) -> Text:
    return Text("none", "dim") if value is None else Text(f"{value:,}")


def _names_table(tasks: Mapping[str, Caps]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, caps in sorted(tasks.items()):
        words = [f"max_concurrency {caps.max_concurrency:,}"] if caps.max_concurrency is not None else []
        words += [f"rate {caps.rate}"] if caps.rate else []
        words += [f"burst {caps.burst:,}"] if caps.burst else []
        words += [f"max_backlog {caps.max_backlog:,}"] if caps.max_backlog is not None else []
        words += ["paused"] if caps.paused else []
        table.add_row(Text("task", "dim"), Text(name), ", ".join(words))
    return table
