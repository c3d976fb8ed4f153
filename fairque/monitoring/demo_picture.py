"""The demo's picture: how far each team's work was at each moment, and up close the moments when they took turns."""

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
_IN_LINE: Final = ("first come, first served,", "the three would end here")


def picture_of(report: Report) -> str:
    """Return the picture as SVG."""
    noisy = report.team(NOISY)
    colours = dict(zip((course.user_id for course in report.courses), PALETTE, strict=False))
    return draw(
        f"Three small teams do not wait behind one with {noisy.tasks:,} tasks",
        (
            f"Four teams share two workers. {NOISY} submits everything at once; {LATE} comes when a fifth is done.",
            f"First come, first served, the three would have had their last results after {_in_line(report)}.",
        ),
        (_whole(report, colours), *_close_ups(report, colours)),
        "First come, first served: the instants of this run, given out in order of arrival. Drawn by `fairque demo`.",
    )


def _whole(report: Report, colours: dict[str, str]) -> Panel:
    """Return the panel of the whole run: each team's finished part of its own work."""
    quiet = sorted((one for one in report.courses if one.user_id != NOISY), key=lambda one: one.ends[-1])
    noisy = next(one for one in report.courses if one.user_id == NOISY)
    lines = [Line(points=_parts(noisy.ends, noisy.arrived), colour=colours[NOISY])]
    for place, course in enumerate(quiet):
        lines += _twice(course, colours[course.user_id], flag=len(quiet) - place)
    middle, whole = len(noisy.ends) // 2, f"{NOISY}: {len(noisy.ends):,} tasks"
    in_line = min(one.in_line[0] for one in quiet)
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
            Note(at=(noisy.ends[middle] + report.seconds / 50, 0.36), lines=(whole,), colour=colours[NOISY]),
            Note(at=(in_line - report.seconds / 100, 0.13), lines=_IN_LINE, anchor="end"),
        ),
    )


def _twice(course: Course, colour: str, *, flag: int) -> list[Line]:
    """Return a quiet team's course as it would have been in line, and as it was."""
    label = f"{course.user_id}: {len(course.ends)} tasks in {span(course.ends[-1] - course.arrived)}"
    return [
        Line(points=_parts(course.in_line, course.in_line[0]), colour=colour, dashed=True, dot=False),
        Line(points=_parts(course.ends, course.arrived), colour=colour, label=label, flag=flag),
    ]


def _close_ups(report: Report, colours: dict[str, str]) -> Iterator[Panel]:
    """Yield the two moments at which several teams wanted to be served."""
    late = next(one for one in report.courses if one.user_id == LATE)
    first = [one for one in report.courses if one.user_id != LATE]
    both = [one for one in report.courses if one.user_id in {LATE, NOISY}]
    yield _close_up(first, colours, 0.0, _LEFT, "The start: how many tasks were begun")
    yield _close_up(both, colours, late.arrived, _RIGHT, f"{LATE} comes: tasks begun since then")


def _close_up(
    courses: Sequence[Course],
    colours: dict[str, str],
    since: float,
    place: tuple[float, float, float, float],
    title: str,
) -> Panel:
    """Return what was begun from a moment on until the quiet teams had nothing left to begin."""
    span_shown = 1.2 * max(one.begins[-1] - since for one in courses if one.user_id != NOISY)
    lines = tuple(
        Line(
            points=steps([begin - since for begin in one.begins], until=span_shown),
            colour=colours[one.user_id],
            label=one.user_id,
        )
        for one in courses
    )
    most = max(line.points[-1][1] for line in lines)
    x_label = "seconds since the start" if since == 0 else f"seconds since it came, {since:.1f} s after the start"
    return Panel(place=place, title=title, x_label=x_label, x=(0.0, span_shown), y=(0.0, max(4.0, most)), lines=lines)


def _parts(instants: Sequence[float], since: float) -> tuple[tuple[float, float], ...]:
    return steps(instants, since=since, each=1 / len(instants))


def _in_line(report: Report) -> str:
    took = [team.took_in_line_s for team in report.quiet]
    return f"{span(min(took))} to {span(max(took))}"
