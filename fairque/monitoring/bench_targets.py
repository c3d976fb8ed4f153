"""What `fairque bench` is measured by: each figure beside the floor it is compared with, and what it should reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Group
from rich.text import Text

from fairque.monitoring.bench import Report
from fairque.monitoring.tables import plain_table


class Line(NamedTuple):
    """A figure for people. `target` is empty where none is set, and `met` is None there."""

    name: str
    figure: str
    ratio: str
    target: str
    met: bool | None


def page_of(report: Report, *, pretty: bool) -> Group:
    """Return a report as a table, with green and red where `pretty`: for terminals."""
    table = plain_table(pretty=pretty)
    for name in ("figure", "measured", "ratio", "target"):
        table.add_column(name, no_wrap=name != "measured")
    for line in lines_of(report):
        colour = "" if line.met is None or not pretty else "green" if line.met else "red"
        table.add_row(line.name, line.figure, Text(line.ratio, colour), line.target)
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    return Group(table, Text(versions, "dim" if pretty else ""))


def lines_of(report: Report) -> Iterator[Line]:
    """Yield a report's figures: floors first, then what is compared with them."""
    floor = report.floor
    yield _plain("floor: SET", f"{floor.set_ops_s:,.0f}/s, p50 {floor.set_p50_us:,.0f} us")
    yield _plain("floor: EVALSHA of `return 1`", f"{floor.evalsha_ops_s:,.0f}/s")
    yield _plain("floor: SET, 1,000 a pipeline", f"{floor.pipelined_set_ops_s:,.0f}/s")
    yield _plain("floor: hand-off between two threads", f"{floor.handoff_tasks_s:,.0f}/s")
    for users, single in report.push_single.items():
        text = f"{single.ops_s:,.0f}/s, p50 {single.p50_us:,.0f} us, p99 {single.p99_us:,.0f} us"
        yield _least(f"push, one by one{_of(users)}", text, single.ops_s / floor.evalsha_ops_s, 0.7, "EVALSHA")
    for users, rate in report.push_batch.items():
        ratio = rate.tasks_s / floor.pipelined_set_ops_s
        yield _least(f"push, 1,000 a call{_of(users)}", f"{rate.tasks_s:,.0f}/s", ratio, 0.5, "pipelined SET")
    for users, rate in report.drain.items():
        ratio = rate.tasks_s / floor.pipelined_set_ops_s
        yield _least(f"drain, 8 threads{_of(users)}", f"{rate.tasks_s:,.0f}/s", ratio, 0.17, "pipelined SET")
    waits = report.pickup
    text = f"p50 {waits.p50_ms:.2f} ms, p99 {waits.p99_ms:.2f} ms"
    yield _most("pickup, idle worker", text, waits.p50_ms * 1_000 / floor.set_p50_us, 15, " round trips")
    for users, above in report.bytes_per_task.items():
        yield _most(f"memory above a 100-byte body{_of(users)}", f"{above:,.0f} B a task", above, 450, " B")
    for users, spent in report.redis_us_per_task.items():
        yield _plain(f"server CPU: push, claim, finish{_of(users)}", f"{spent:.1f} us a task")


def _of(users: str) -> str:
    return f", {int(users):,} users"


def _plain(name: str, figure: str) -> Line:
    return Line(name, figure, "", "", None)


def _least(name: str, figure: str, ratio: float, target: float, unit: str) -> Line:
    return Line(name, figure, f"{ratio:.2f}", f"at least {target:g} of {unit}", ratio >= target)


def _most(name: str, figure: str, ratio: float, target: float, unit: str) -> Line:
    return Line(
        name, figure, f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}", f"at most {target:g}{unit}", ratio <= target
    )
