"""The demo's picture: how far each team's work was at each moment, and the moments at which they took turns up close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fairque.monitoring.demo_files import LATE, NOISY
from fairque.monitoring.demo_report import Course, Report
from fairque.monitoring.picture import PALETTE, Line, Note, Panel, draw, steps
from fairque.monitoring.tables import span

_WHOLE: Final = (84.0, 164.0, 816.0, 232.0)
_LEFT: Final = (84.0, 474.0, 276.0, 124.0)
_RIGHT: Final = (538.0, 474.0, 246.0, 124.0)


def picture_of(report: Report) -> str:
    """Return the picture as SVG."""
    noisy = report.team(NOISY)
    colours = dict(zip((course.user_id for course in report.courses), PALETTE, strict=False))
    return draw(
        f"Three teams with little to do do not wait behind one with {noisy.tasks:,} tasks",
        (
            f"Four teams share two workers. {NOISY} submits everything at once; {LATE} comes when a fifth is done.",
            f"First come, first served, the last result of the three would come after {_in_line(report)}.",
        ),
        (_whole(report, colours), *_close_ups(report, colours)),
        "First come, first served: the instants of this very run, given out in order of arrival. Made by `fairque demo`.",
    )


def _whole(report: Report, colours: dict[str, str]) -> Panel:
    """Return the panel of the whole run: each team's finished part of its own work."""
    quiet = sorted((one for one in report.courses if one.user_id != NOISY), key=lambda one: one.ends[-1])
    noisy = next(one for one in report.courses if one.user_id == NOISY)
    lines = [Line(points=_parts(noisy.ends, noisy.arrived), colour=colours[NOISY])]
    for place, course in enumerate(quiet):
        in_line = Line(points=_parts(course.in_line, course.in_line[0]), colour=colours[course.user_id], dashed=True, dot=False)
        team = report.team(course.user_id)
        label = f"{course.user_id}: {team.tasks} tasks in {span(team.took_s)}"
        own = Line(
            points=_parts(course.ends, course.arrived),
            colour=colours[course.user_id],
            label=label,
            flag=len(quiet) - place,
        )
        lines += [in_line, own]
    middle = len(noisy.ends) // 2
    return Panel(
        place=_WHOLE,
        title="Finished part of each team's own tasks",
        x_label="seconds since the start",
        x=(0.0, report.seconds),
        y=(0.0, 1.0),
        percent=True,
        headroom=62,
        lines=tuple(lines),
        notes=(
            Note(at=(noisy.ends[middle] + report.seconds / 50, 0.4), lines=(f"{NOISY}: {len(noisy.ends):,} tasks",), colour=colours[NOISY]),
            Note(at=(report.seconds * 0.985, 0.12), lines=("first come, first served,", "the three would end here"), anchor="end"),
        ),
    )


def _close_ups(report: Report, colours: dict[str, str]) -> Iterator[Panel]:
    """Yield the two moments at which several teams wanted to be served."""
    late = next(one for one in report.courses if one.user_id == LATE)
    first = [one for one in report.courses if one.user_id != LATE]
    yield _close_up(first, colours, 0.0, max(one.ends[-1] for one in first if one.user_id != NOISY), _LEFT, "The start: tasks finished")
    both = [one for one in report.courses if one.user_id in {LATE, NOISY}]
    yield _close_up(both, colours, late.arrived, late.ends[-1], _RIGHT, f"{LATE} arrives: tasks finished since then")


def _close_up(
    courses: Sequence[Course],
    colours: dict[str, str],
    begin: float,
    end: float,
    place: tuple[float, float, float, float],
    title: str,
) -> Panel:
    until = begin + (end - begin) * 1.15
    lines = tuple(
        Line(points=steps(one.ends, since=begin, until=until), colour=colours[one.user_id], label=one.user_id)
        for one in courses
    )
    most = max(line.points[-1][1] for line in lines)
    return Panel(
        place=place, title=title, x_label="seconds since the start", x=(begin, until), y=(0.0, max(4.0, most)), lines=lines
    )


def _parts(instants: Sequence[float], since: float) -> tuple[tuple[float, float], ...]:
    return steps(instants, since=since, each=1 / len(instants))


def _in_line(report: Report) -> str:
    took = [team.took_in_line_s for team in report.quiet]
    return f"{span(min(took))} to {span(max(took))}"
