"""What `fairque bench` is measured by: each figure beside the floor it is compared with, and what it should reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Group
from rich.text import Text

from fairque.monitoring.bench import Report
from fairque.monitoring.bench_floor import Floor
from fairque.monitoring.tables import plain_table


class Line(NamedTuple):
    """A figure for people. `target` is empty where none is set, and `met` is None there."""

    name: str
    figure: str
    ratio: str
    target: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """Whether the target was met, in a word; empty where none is set."""
        return "" if self.met is None else "met" if self.met else "missed"


def page_of(report: Report, *, pretty: bool) -> Group:
    """Return a report as a table, with green and red where `pretty`: for terminals."""
    table = plain_table(pretty=pretty)
    for name in ("figure", "measured", "ratio", "target", ""):
        table.add_column(name, no_wrap=name != "measured")
    for line in lines_of(report):
        colour = "" if line.met is None or not pretty else "green" if line.met else "red"
        table.add_row(line.name, line.figure, Text(line.ratio, colour), line.target, Text(line.verdict, colour))
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    return Group(table, Text(versions, "dim" if pretty else ""))


def lines_of(report: Report) -> Iterator[Line]:
    """Yield a report's figures: floors first, then what is compared with them."""
    yield from _floors(report.floor)
    yield from _pushes(report)
    yield from _drains(report)
    yield from _pickups(report)
    for users, above in report.bytes_per_task.items():
        yield _most(f"memory above a 100-byte body{_of(users)}", f"{above:,.0f} B a task", above, 200, " B")
    for users, spent in report.redis_us_per_task.items():
        yield _most(f"server CPU: push, claim, finish{_of(users)}", f"{spent:.1f} us a task", spent, 25, " us")
    for users, spent in report.client_us_per_task.items():
        yield _most(f"worker CPU: drain{_of(users)}", f"{spent:.1f} us a task", spent, 15, " us")


def _floors(floor: Floor) -> Iterator[Line]:
    yield _plain("floor: SET", f"{floor.set_ops_s:,.0f}/s, p50 {floor.set_p50_us:,.0f} us")
    scripts = f"{floor.evalsha_ops_s:,.0f}/s, {_percentiles(floor.evalsha_p50_us, floor.evalsha_p99_us)}"
    yield _plain("floor: EVALSHA of `return 1`", scripts)
    yield _plain("floor: SET, 1,000 a pipeline", f"{floor.pipelined_set_ops_s:,.0f}/s")
    yield _plain("floor: hand-off between two threads", f"{floor.handoff_tasks_s:,.0f}/s")
    yield _plain("floor: redis-benchmark, SET", _rate_or_none(floor.benchmark_set_ops_s))
    yield _plain("floor: redis-benchmark, 1,000 a pipeline", _rate_or_none(floor.benchmark_pipelined_set_ops_s))


def _pushes(report: Report) -> Iterator[Line]:
    floor = report.floor
    for users, single in report.push_single.items():
        text = f"{single.ops_s:,.0f}/s, {_percentiles(single.p50_us, single.p99_us)}"
        yield _least(f"push, one by one{_of(users)}", text, single.ops_s / floor.evalsha_ops_s, 0.85, "EVALSHA")
        ratio = single.p99_us / floor.evalsha_p99_us
        yield _most(f"push, one by one: p99{_of(users)}", f"{single.p99_us:,.0f} us", ratio, 2, " times EVALSHA's")
    for users, rate in report.push_batch.items():
        ratio = rate.tasks_s / floor.pipelined_set_ops_s
        yield _least(f"push, 1,000 a call{_of(users)}", f"{rate.tasks_s:,.0f}/s", ratio, 0.9, "pipelined SET")


def _drains(report: Report) -> Iterator[Line]:
    """The goal speaks of 100 users."""
    for users, rate in report.drain.items():
        ratio = rate.tasks_s / report.floor.pipelined_set_ops_s
        line = _least(f"drain, 8 threads{_of(users)}", f"{rate.tasks_s:,.0f}/s", ratio, 0.35, "pipelined SET")
        yield line if users == "100" else line._replace(target="", met=None)


def _pickups(report: Report) -> Iterator[Line]:
    waits = report.pickup
    ratio = waits.p50_ms * 1_000 / report.floor.set_p50_us
    yield _most("pickup, idle worker: p50", f"{waits.p50_ms:.2f} ms", ratio, 7, " round trips")
    yield _most("pickup, idle worker: p99", f"{waits.p99_ms:.2f} ms", waits.p99_ms / waits.p50_ms, 3, " times p50")


def _of(users: str) -> str:
    return f", {int(users):,} users"


def _percentiles(p50: float, p99: float) -> str:
    return f"p50 {p50:,.0f} us, p99 {p99:,.0f} us"


def _rate_or_none(rate: float | None) -> str:
    return "not measured: the program is missing, or needs a password or TLS" if rate is None else f"{rate:,.0f}/s"


def _plain(name: str, figure: str) -> Line:
    return Line(name, figure, "", "", None)


def _least(name: str, figure: str, ratio: float, target: float, unit: str) -> Line:
    return Line(name, figure, f"{ratio:.2f}", f"at least {target:g} of {unit}", ratio >= target)


def _most(name: str, figure: str, ratio: float, target: float, unit: str) -> Line:
    shown = f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"
    return Line(name, figure, shown, f"at most {target:g}{unit}", ratio <= target)
