"""Tables and their parts: with rules, bars and colours on a terminal, as plain aligned text anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from fairque.monitoring.overview import Standing, UserLine
from fairque.store.claims import ALIVE_SECONDS
from fairque.store.readings import Stats

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_ALARMS: Final = {"failed": "bold red", "lost": "bold red"}
_STATES: Final = {
    "failed": "bold red",
    "canceled": "yellow",
    "started": "green",
    "finished": "green",
    "deferred": "cyan",
}


def make_console(*, stderr: bool = False) -> Console:
    """Return the console to print on. Without a terminal no line is cut or wrapped: it may be read by a program."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=10_000)


def show(console: Console, page: RenderableType) -> None:
    """Print a page; where there is no terminal, without the blanks that fill up its lines."""
    if console.is_terminal:
        console.print(page)
        return
    with console.capture() as captured:
        console.print(page)
    for line in captured.get().splitlines():
        console.file.write(f"{line.rstrip()}\n")
    console.file.flush()


def totals_table(stats: Stats) -> Table:
    """Return the queue's totals: what is there now, and how tasks ended since the queue began."""
    now = {"waiting": stats["queued"], "running": stats["started"]}
    now |= {"scheduled": stats["scheduled"], "deferred": stats["deferred"], "failed": stats["failed"]}
    ever = {"finished": stats["finished_total"], "failed": stats["failed_total"], "canceled": stats["canceled_total"]}
    ever |= {"retried": stats["retried_total"], "lost": stats["lost_total"]}
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim")
    for _ in now:
        table.add_column(justify="right")
        table.add_column(min_width=10)
    for name, counts in (("now ", now), ("ever", ever)):
        cells = ((quantity(count, _ALARMS.get(state, "bold")), Text(state)) for state, count in counts.items())
        table.add_row(name, *(cell for pair in cells for cell in pair))
    return table


def users_table(users: Sequence[UserLine], *, pretty: bool) -> Table:
    """Return a line for each user."""
    deferred, barred = any(user.deferred for user in users), any(user.bars for user in users)
    table = plain_table(pretty=pretty)
    table.add_column("user", no_wrap=True, overflow="ellipsis", min_width=8)
    optional = ["deferred"] if deferred else []
    for name in ("weight", "waiting", "critical", "running", "scheduled", *optional, "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("served 1 h", "share", "wait p50", "p95"):
        table.add_column(name, justify="right", no_wrap=True, style="cyan" if pretty else "")
    if barred:
        table.add_column("barred by", no_wrap=True)
    for user in users:
        table.add_row(
            Text(user.user_id, "bold" if user.at_hand else ""),
            Text(f"{user.weight:g}", "" if user.weight != 1 else "dim"),
            quantity(user.queued),
            quantity(user.critical),
            quantity(user.started, "green"),
            quantity(user.scheduled),
            *([quantity(user.deferred)] if deferred else []),
            quantity(user.failed, "red"),
            quantity(user.served),
            share_text(user.share, width=8 if pretty else 0) if user.served else Text("-"),
            Text(wait_text(user.wait_p50_ms)),
            Text(wait_text(user.wait_p95_ms)),
            *([bars_text(user)] if barred else []),
        )
    return table


def workers_table(workers: Iterable[dict[str, Any]], *, now: float, pretty: bool) -> Table:
    """Return a line for each worker. `now` is in epoch seconds."""
    table = plain_table(pretty=pretty)
    table.add_column("worker", no_wrap=True, overflow="ellipsis", min_width=8)
    table.add_column("process", no_wrap=True, overflow="ellipsis")
    table.add_column("running", justify="right", no_wrap=True)
    for name in ("serves first", "then helps"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_column("up", justify="right", no_wrap=True)
    table.add_column("seen", justify="right", no_wrap=True)
    for worker in workers:
        table.add_row(
            Text(worker["id"], "bold"),
            Text(f"{worker.get('host', '?')}:{worker.get('pid', '?')}"),
            Text(f"{worker.get('running', 0)}/{worker.get('slots', '?')}", "green" if worker.get("running") else ""),
            Text(_names(worker.get("assigned_users", ()))),
            Text(_names(worker.get("steal_targets", ()))),
            Text(span(now - worker.get("started_at", now))),
            seen_text(now - worker["last_seen"]),
        )
    return table


def plain_table(*, pretty: bool) -> Table:
    """Return an empty table as all of them look: a rule under its head on a terminal, aligned text elsewhere."""
    if not pretty:
        return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.header_style, table.border_style = "bold", "dim"
    return table


def state_style(state: str | None) -> str:
    """Return the style in which the state of a task is shown; None: its record is gone."""
    return _STATES.get(state, "bold") if state else "dim"


def bars_text(user: Standing) -> Text:
    """Return what keeps a user from more, in words."""
    words = {
        "paused": "paused",
        "max_concurrency": f"{user.started}/{user.max_concurrency} running" if user.max_concurrency else "none may run",
        "rate": f"rate {user.rate}",
        "max_backlog": f"backlog {user.waiting:,}/{user.max_backlog or 0:,}",
    }
    return Text(", ".join(words[bar] for bar in user.bars), "yellow")


def seen_text(silent: float, up: float = ALIVE_SECONDS) -> Text:
    """Return when a process was heard of last, so many seconds ago; it counts as up for `up` seconds."""
    return Text("now") if silent < up else Text(f"{span(silent)} ago", "yellow")


def cut_off(text: str, style: str = "") -> Text:
    """Return a cell that is cut off where the terminal has no room for it; the others are not."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def quantity(amount: int, style: str = "") -> Text:
    """Return a number, faint where it is nothing."""
    return Text(f"{amount:,}", style if amount else "dim")


def share_text(share: float, *, width: int) -> Text:
    """Return a share (0 to 1) as per cent, with a bar of so many characters before it."""
    return Text(f"{bar(share, width)} {share:6.1%}" if width else f"{share:.1%}")


def bar(share: float, width: int) -> str:
    """Return a bar whose filled part is the share, to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def wait_text(ms: float | None) -> str:
    """Return a wait as people say it; a dash for none."""
    if ms is None:
        return "-"
    return f"{ms:.0f} ms" if ms < 995 else span(ms / 1000)


def span(seconds: float) -> str:
    """Return a duration with its unit: `3.2 s`, `45 s`, `12 min`, `3 h`, `5 d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def more_users(left: int, remedy: str = "--user U shows one") -> list[RenderableType]:
    """Return a line about so many users that are not shown; nothing for none."""
    return [Text(f"and {left:,} more users: {remedy}, --json all", "dim")] if left > 0 else []


def _names(users: Sequence[str]) -> str:
    if list(users) == ["*"]:
        return "everyone"
    return ", ".join(users[:4]) + (", …" if len(users) > 4 else "") if users else "-"
