"""What people see of a run: how far it is, and in the end the verdict."""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.chaos.director import Director
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.fairness import Sharing
from tests.chaos.stage import Plan

PROMISES = {
    "lost": ("I2",),
    "tasks made twice by one push": ("I3",),
    "unexplained duplicate executions": ("I4", "I5", "I8"),
    "outcomes of other runs, or second ones": ("I6", "I7"),
    "poison tasks not buried": ("I11",),
    "order violations": ("I12",),
    "fairness violations": ("I13",),
    "grants beside a worker's lists": ("I14",),
    "cap violations": ("I15",),
    "starts before their time": ("I16",),
    "left over in the end": ("I1", "I22"),
    "errors in workers and producers": ("trouble",),
}
_SHOWN = 5
"""Violations of a kind that are printed."""
_PAUSE = 20.0
"""Seconds between two lines where there is no terminal."""


def watched(director: Director, plan: Plan) -> None:
    """Play to the end, with a bar for the tasks and one for each kind of fault; a line now and then if nobody looks."""
    console = Console()
    bars = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    told = began = time.monotonic()
    with Progress(*bars, console=console, refresh_per_second=2, disable=not console.is_terminal) as progress:
        tasks = progress.add_task("tasks", total=plan.tasks)
        faults = {kind: progress.add_task(kind, total=count) for kind, count in plan.faults.items()}
        for _ in director.play():
            tally = director.tally
            progress.update(tasks, completed=tally.finished, description=f"tasks ({tally.phase})")
            for kind, bar in faults.items():
                progress.update(bar, completed=tally.faults.get(kind, 0))
            if not console.is_terminal and time.monotonic() - told >= _PAUSE:
                told = time.monotonic()
                console.print(f"{told - began:4.0f} s  {tally.phase}: {tally.finished:,} tasks, {tally.faults}")
    console.print(f"played for {time.monotonic() - began:.0f} s; looks through what was written down ...")


def show_verdict(seed: int, plan: Plan, director: Director, violations: list[Violation]) -> int:
    """Print what happened and what came of it; return the exit code."""
    evidence = director.evidence
    assert evidence is not None
    console = Console()
    console.print(_happened(seed, plan, director, evidence))
    found = Counter(violation.invariant for violation in violations)
    table = Table("what must not happen", "invariant", "found", title="verdict")
    for promise, invariants in PROMISES.items():
        number = sum(found[invariant] for invariant in invariants)
        table.add_row(promise, ", ".join(invariants), str(number), style="red" if number else "green")
    console.print(table)
    shown: Counter[str] = Counter()
    for violation in violations:
        shown[violation.invariant] += 1
        if shown[violation.invariant] <= _SHOWN:
            console.print(f"{violation.invariant}: {violation.text}", markup=False)
    wrong_exits = [code for code in director.tally.exits if code]
    if wrong_exits:
        console.print(f"workers ended with {wrong_exits} when they were asked to end")
    tally = director.tally
    is_short = tally.finished < plan.tasks or any(tally.faults[kind] < least for kind, least in plan.faults.items())
    if is_short:
        console.print("there were fewer tasks or faults than there should have been")
    return 1 if violations or wrong_exits or is_short else 0


def _happened(seed: int, plan: Plan, director: Director, evidence: Evidence) -> Table:
    tally, sharing = director.tally, Sharing(evidence)
    list(sharing.violations())
    hows = Counter(end.how for end in evidence.settled.values())
    causes = Counter(
        (evidence.causes(grant, end.at) or ["nothing"])[0]
        for grant in evidence.grants
        if (end := evidence.settled.get(grant.token)) is not None and end.how in ("lost", "buried")
    )
    doubted = {push.serial for push in evidence.pushes if not push.acked}
    table = Table("what happened", "how often", "at least", title=f"seed {seed}")
    table.add_row("tasks ended", f"{tally.finished:,}", f"{plan.tasks:,}")
    for kind, least in plan.faults.items():
        table.add_row(kind, str(tally.faults[kind]), str(least))
    for whom, count in tally.dropped.items():
        table.add_row(f"  dropped for {whom}", str(count))
    rows = {
        "workers killed by poison": tally.poisoned,
        "pushes answered": tally.acked,
        "pushes in doubt": len(doubted),
        "  made all the same": sum(task.serial in doubted for task in evidence.tasks.values()),
        "grants": len(evidence.grants),
        **{f"  {how}": count for how, count in sorted(hows.items())},
        **{f"    by {cause}": count for cause, count in sorted(causes.items())},
        "executions": len(evidence.began),
        "spans in which a pair of users was compared": sharing.spans,
        "grants compared": sharing.judged,
    }
    for what, count in rows.items():
        table.add_row(what, f"{count:,}")
    table.add_row("greatest distance of a pair, of what is allowed", f"{sharing.worst:.2f}", "(at most 1)")
    return table
