"""`python -m tests.zones [--processes N]`: every change of every zone's clocks, 1990 to 2037."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

from rich.console import Console
from rich.progress import track
from rich.table import Table

from fairque.core.zones import STRIDE
from tests.zones.changes import Change, changes_of, closest, distinct
from tests.zones.oracle import EXPRESSIONS
from tests.zones.sweep import Verdict, compared

_SHOWN = 20
"""Differences that are printed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make zones", description=__doc__)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    console, began = Console(), time.monotonic()

    def watched(items: Iterable[Any], what: str, total: int) -> Iterable[Any]:
        return track(items, what, total, console=console, disable=not console.is_terminal)

    with multiprocessing.Pool(options.processes) as pool:
        names = sorted(available_timezones())
        found = pool.imap_unordered(_changes, names, chunksize=4)
        changes = [change for some in watched(found, "looks for changes", len(names)) for change in some]
        windows, verdict = distinct(changes), Verdict()
        console.print(f"{len(changes):,} changes of {len(names)} zones; {len(windows):,} of them are distinct")
        for one in watched(pool.imap(compared, windows, chunksize=8), "compares", len(windows)):
            verdict += one
    if closest(changes) <= STRIDE:
        verdict.differences.append(
            f"two changes of a zone are {closest(changes)} s apart, and {STRIDE} are stepped over"
        )
    console.print(_table(len(names), len(changes), len(windows), closest(changes), verdict, time.monotonic() - began))
    for difference in verdict.differences[:_SHOWN]:
        console.print(difference, style="red", highlight=False)
    return 1 if verdict.differences else 0


def _changes(name: str) -> list[Change]:
    return list(changes_of(name))


def _table(zones: int, changes: int, windows: int, closest: int, verdict: Verdict, seconds: float) -> Table:
    table = Table("what", "how many", title="cron expressions around changes of the clocks")
    table.columns[1].justify = "right"
    rows = {
        "zones": zones,
        "changes, 1990-2037": changes,
        "distinct ones (instant and both offsets)": windows,
        "expressions": len(EXPRESSIONS),
        "comparisons, 52 hours each": verdict.comparisons,
        "fires": verdict.fires,
        "seconds between the closest changes of a zone": closest,
        **{f"cronsim: {rule}": count for rule, count in sorted(verdict.explained.items())},
        "seconds": round(seconds),
    }
    for what, number in rows.items():
        table.add_row(what, f"{number:,}")
    wrong = len(verdict.differences)
    table.add_row("differences that no rule explains", f"{wrong:,}", style="red" if wrong else "green")
    return table


if __name__ == "__main__":
    sys.exit(main())
