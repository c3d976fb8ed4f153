"""A simulated run as a picture: service over time per user beside what it was entitled to; or two runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from fairque.monitoring.picture import INK, PALETTE, Line, Panel, Point, draw
from fairque.monitoring.simulation_account import Account
from fairque.monitoring.simulation_report import Report

Place = tuple[float, float, float, float]
_WHOLE: Final[Place] = (84.0, 142.0, 740.0, 246.0)
_BELOW: Final[Place] = (84.0, 474.0, 740.0, 124.0)
_HALVES: Final[tuple[Place, Place]] = ((84.0, 172.0, 280.0, 216.0), (536.0, 172.0, 288.0, 216.0))
_HALVES_BELOW: Final[tuple[Place, Place]] = ((84.0, 474.0, 280.0, 124.0), (536.0, 474.0, 288.0, 124.0))


def picture_of(report: Report) -> str:
    """Return the picture of a run as SVG."""
    colours = _colours(report)
    panels = [_service(report, colours, _WHOLE, f"Service: {report.unit} received{_dashed(report)}")]
    if report.alike:
        left, right = _HALVES_BELOW
        panels += [_difference(report, colours, left), _waiting(report, colours, right, "Tasks waiting")]
    else:
        panels.append(_waiting(report, colours, _BELOW, "Tasks waiting"))
    return draw(report.title, (_sentence(report),), panels, _footer(report, colours))


def picture_of_both(before: Report, after: Report, changes: Sequence[str]) -> str:
    """Return the picture of two runs as SVG: on the left the trace as it is, on the right with the changes."""
    colours = _colours(before)
    pairs = ((before, "As it is"), (after, "Changed"))
    panels = _to_one_scale(
        _service(one, colours, place, f"{label}: {one.unit} received{_dashed(one)}")
        for (one, label), place in zip(pairs, _HALVES, strict=True)
    )
    panels += _to_one_scale(
        _waiting(one, colours, place, f"{label}: tasks waiting")
        for (one, label), place in zip(pairs, _HALVES_BELOW, strict=True)
    )
    subtitle = (f"On the left as it is, on the right with {', '.join(changes)}.", _sentence(after))
    return draw(before.title, subtitle, panels, _footer(before, colours))


def _service(report: Report, colours: Mapping[str, str], place: Place, title: str) -> Panel:
    """Return the panel of sums: what each user received, and over it, dashed, what it was entitled to."""
    lines = []
    for user, colour in colours.items():
        lines.append(Line(points=_points(report, user, lambda account: account.received), colour=colour, label=user))
        if report.alike:
            due = _points(report, user, lambda account: account.entitled)
            lines.append(Line(points=due, colour=INK, dashed=True, dot=False))
    return _panel(report, place, title, lines)


def _difference(report: Report, colours: Mapping[str, str], place: Place) -> Panel:
    lines = []
    for user, colour in colours.items():
        received = _points(report, user, lambda account: account.received)
        due = _points(report, user, lambda account: account.entitled)
        points = tuple((x, got - should) for (x, got), (_, should) in zip(received, due, strict=True))
        lines.append(Line(points=points, colour=colour, dot=False))
    return _panel(report, place, f"Received less entitled, {report.unit}", lines, least=2.0)


def _waiting(report: Report, colours: Mapping[str, str], place: Place, title: str) -> Panel:
    lines = [
        Line(points=_points(report, user, lambda account: account.waiting), colour=colour)
        for user, colour in colours.items()
    ]
    return _panel(report, place, title, lines)


def _panel(report: Report, place: Place, title: str, lines: Sequence[Line], *, least: float = 4.0) -> Panel:
    heights = [y for line in lines for _, y in line.points]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    return Panel(
        place=place,
        title=title,
        x_label="virtual seconds",
        x=(0.0, max(report.seconds, 0.001)),
        y=(min(-least, low) if low < 0 else 0.0, max(least, high)),
        lines=tuple(lines),
    )


def _to_one_scale(panels: Iterable[Panel]) -> list[Panel]:
    """Return the panels with axes that can be compared."""
    drawn = list(panels)
    x, y = max(panel.x[1] for panel in drawn), max(panel.y[1] for panel in drawn)
    return [replace(panel, x=(0.0, x), y=(panel.y[0], y)) for panel in drawn]


def _points(report: Report, user: str, amounts: Callable[[Account], Mapping[str, float]]) -> tuple[Point, ...]:
    return ((0.0, 0.0), *((account.at / 1000, amounts(account).get(user, 0.0)) for account in report.samples))


def _colours(report: Report) -> dict[str, str]:
    """Return a colour for each user, for those that received most where there are more users than colours."""
    most = sorted((user.received for user in report.users), reverse=True)[: len(PALETTE)]
    shown = [user.user_id for user in report.users if user.received >= most[-1]]
    return dict(zip(shown, PALETTE, strict=False))


def _dashed(report: Report) -> str:
    return " (dashed: entitled to)" if report.alike else ""


def _sentence(report: Report) -> str:
    if not report.alike:
        return f"{report.slots} slots; workers have lists, so there are no entitled shares."
    ratios = [user.ratio for user in report.users if user.ratio is not None]
    worst = max((abs(ratio - 1) for ratio in ratios), default=0.0)
    return f"{report.slots} slots. While they competed, each user received what it was entitled to within {worst:.2%}."


def _footer(report: Report, colours: Mapping[str, str]) -> str:
    left = len(report.users) - len(colours)
    more = f" {left:,} more users are not drawn." if left else ""
    return f"The real scripts on a virtual clock. Drawn by `fairque simulate`.{more}"
