"""What people see of a run: how far it is, and in the end the verdict."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.ticks import scale
from tests.ticks.board import ACTS, CALLS, KINDS, POSITIONS
from tests.ticks.director import Director
from tests.ticks.lock import LATEST, Blow
from tests.ticks.plans import CHANGES

WRONG = {
    "double": "fires that were pushed twice",
    "missed": "fires that were missed",
    "extra": "fires that no rule names",
    "overlap": "tasks beside a living one that were to be skipped",
    "order": "instants that two versions fired, or an older one",
}
_SHOWN = 5
"""Violations of a kind that are told one by one."""


def watched(director: Director, fires: int) -> float:
    """Play a run and show how far it is; return the seconds that it took."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("fires", total=fires)
        for era, count in director.play():
            change, zones = CHANGES[era.number % len(CHANGES)]
            what = f"era {era.number + 1}: {zones[0]}, {change:%d %b %Y}"
            progress.update(bar, completed=min(count, fires), description=what)
    return time.monotonic() - began


def show_verdict(director: Director, seed: int, seconds: float) -> int:
    """Show what happened and what was wrong; return the exit code."""
    console, board = Console(), director.board
    table = Table("a scheduler, when its call", *KINDS, title=f"seed {seed}: what befell schedulers")
    at = dict(board.faults())
    for call in CALLS:
        for position in POSITIONS:
            table.add_row(f"{call} {position}", *(_shown(at.get((kind, call, position))) for kind in KINDS))
    console.print(table)

    fires, wrong = sum(one.fires for one in director.verdicts), Counter[str]()
    table = Table("what happened", "how often", title="verdict")
    table.add_row("fires", f"{fires:,}")
    table.add_row("  known beforehand, one by one", f"{sum(one.judged for one in director.verdicts):,}")
    for act in ACTS:
        table.add_row(_ACTS.get(act, act), f"{board.count(act):,}")
    table.add_row("seconds", f"{seconds:.0f}")
    table.add_row("fires a second", f"{fires / seconds:,.0f}")
    for verdict in director.verdicts:
        wrong.update(one.kind for one in verdict.wrong)
    for kind, what in WRONG.items():
        table.add_row(what, str(wrong[kind]), style="red" if wrong[kind] else "green")
    console.print(table)
    for kind in WRONG:
        found = [one.text for verdict in director.verdicts for one in verdict.wrong if one.kind == kind]
        for text in found[:_SHOWN]:
            console.print(f"{kind}: {text}", markup=False)
    troubles = list(director.troubles())
    for trouble in troubles:
        console.print(trouble, markup=False)
    return 1 if wrong or troubles else 0


def show_blows(blows: Iterable[Blow]) -> int:
    """Show how late fires were; return the exit code."""
    lags = defaultdict[str, list[float]](list)
    for blow in blows:
        lags[blow.kind].append(blow.lag)
    table = Table("who has the lock is", "how often", "lag p50", "lag max, s", title="the lag of the latest fire")
    for kind, found in lags.items():
        table.add_row(_BLOWS[kind], str(len(found)), f"{statistics.median(found):.2f}", f"{max(found):.2f}")
    Console().print(table)
    return 1 if max(map(max, lags.values())) > LATEST else 0


def show_scale(url: str) -> int:
    """Measure and show how late many schedules fire, and what a tick costs beside them; return the exit code."""
    prefix, hour = f"scale-{os.getpid()}", {"cron_expr": "0 9 * * *", "timezone": "Europe/Berlin"}
    table = Table("schedules", "due", "lag p50", "lag p99", "lag max, s", title="how late fires are")
    for count in (1_000, 10_000):
        for what, when in (("9 in Berlin", hour), ("every hour", {"every": 3600.0})):
            lags = scale.at_once(url, prefix, count, **when)
            table.add_row(f"{count:,}", f"all at once, {what}", *(f"{lag:.3f}" for lag in lags))
    table.add_row("10,000", "10 a second", *(f"{lag:.3f}" for lag in scale.spread(url, prefix, 10_000, 10, 10)))
    Console().print(table)
    table = Table("schedules", "a tick, us", "of it Redis", title="what a tick costs that finds nothing due")
    for count in (100, 1_000, 10_000):
        table.add_row(f"{count:,}", *(f"{us:.0f}" for us in scale.idle(url, prefix, count)))
    Console().print(table)
    return 0


_BLOWS = {"kill": "killed", "stop": "stopped"}
_ACTS = {
    "takeovers": "takeovers of the lock",
    "changes": "schedules paused, resumed or updated",
    "unreachable": "calls given up after two lost replies",
    "refused": "changes given up",
}


def _shown(count: int | None) -> str:
    return "" if count is None else str(count)
